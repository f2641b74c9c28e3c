/** The benchmark's runner on an engine that will not learn in one mode, and the folders of runs. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerceptualNet } from '../../bench/pairs/metrics/perceptual';
import { placeRun } from '../../bench/pairs/run/placed';
import { parseRows } from '../../bench/pairs/run/rows';
import { runJob, type Job } from '../../bench/pairs/run/runner';
import { runFolder, settingsWith } from '../../bench/pairs/run/settings';
import { Store } from '../../bench/pairs/run/store';
import { summaryTable } from '../../bench/pairs/run/table';
import { DeviceError, InputError } from '../../engine/errors';
import type { LearnRequest, LearnResult } from '../../engine/requests';
import { standIn, writePng } from '../cli/desk';
import { BLUE, drawing, PALE, RED } from '../support/tiny-engine';

const TASKS = ['a-recolour', 'b-recolour'];

let folder: string;
let net: PerceptualNet;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'diptych-runner-'));
  net = await PerceptualNet.open(join(__dirname, '../../bench/pairs/perceptual/efficientnet-lite0.onnx'));
  const [red, blue] = [drawing(48, 48, RED, PALE), drawing(48, 48, BLUE, PALE)];
  for (const task of TASKS) {
    const at = (...path: string[]): string => join(folder, 'suite', task, ...path);
    for (const part of ['test', 'truth']) mkdirSync(at(part), { recursive: true });
    for (const name of ['before.png', 'test/one.png']) await writePng(at(name), red);
    for (const name of ['after.png', 'truth/one.png']) await writePng(at(name), blue);
    writeFileSync(at('task.json'), JSON.stringify({ style: task }));
  }
});
afterAll(async () => {
  await net.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Learns every pair but that of the first task in mode `paper`, and gives every picture back as it is. */
async function engineThatFails(error: Error, learned: string[]) {
  const learn = async ({ style, mode }: LearnRequest): Promise<LearnResult> => {
    learned.push(`${style} ${mode}`);
    if (style === TASKS[0] && mode === 'paper') throw error;
    return { style: Uint8Array.of(1), losses: [], steps: 1, seconds: 0 };
  };
  return standIn({ learn, restyle: async ({ image }) => image })({} as never, {}, new AbortController().signal);
}

async function run(out: string, error: Error) {
  const [learned, lines]: [string[], string[]] = [[], []];
  const store = await Store.open(join(folder, out, 'run'));
  await store.describe({ model: '', fingerprint: '', device: '', settings: '' });
  const job: Job = {
    suite: join(folder, 'suite'),
    tasks: TASKS,
    rows: parseRows('paper@0.5,paper@1,diptych@1'),
    settings: settingsWith({}, {}),
    limit: 1,
    signal: new AbortController().signal,
    report: (line) => void lines.push(line.replace(/ \(.* min\)\n/, '')),
  };
  await runJob(job, await engineThatFails(error, learned), net, store);
  return { learned, lines, placed: await placeRun(job.suite, TASKS, store) };
}

test('a pair on which a mode diverges is a refusal of its rows there, and the run goes on', async () => {
  const diverged = new InputError('learning diverged at step 4 of 6');
  const first = await run('diverges', diverged);
  expect(first.lines).toEqual([
    '1/2 a-recolour: 2 results; paper@0.5 refused; paper@1 refused',
    '2/2 b-recolour: 4 results',
  ]);
  // A mode is tried once for a pair.
  expect(first.learned).toEqual(['a-recolour paper', 'a-recolour pair', 'b-recolour paper', 'b-recolour pair']);
  const { refusals, results } = first.placed;
  expect(refusals).toMatchObject(
    ['paper@0.5', 'paper@1'].map((row) => ({ task: 'a-recolour', row, refused: diverged.message })),
  );
  expect(results.filter(({ task }) => task === 'a-recolour').map(({ row }) => row)).toEqual(['nothing', 'diptych@1']);
  expect(summaryTable([], refusals)).toContain('a-recolour, paper@1: refused. learning diverged at step 4 of 6\n');

  // Read again from disk, nothing is left to do.
  const again = await run('diverges', diverged);
  expect(again.learned).toEqual([]);
  expect(again.lines[0]).toBe('1/2 a-recolour: known already; paper@0.5 refused; paper@1 refused');
  expect(again.placed.refusals).toEqual(refusals);
});

test('a device that fails is no refusal', async () => {
  await expect(run('fails', new DeviceError('the cpu device was lost'))).rejects.toThrow('the cpu device was lost');
});

test('runs that learn alike share the folder above theirs', () => {
  const of = (learn: object, restyle: object): string[] =>
    runFolder('out', 'f', settingsWith(learn, restyle)).split('/');
  const plain = of({}, {});
  expect(of({}, { start: 0.5 }).slice(0, 3)).toEqual(plain.slice(0, 3));
  expect(of({}, { start: 0.5 })[3]).not.toBe(plain[3]);
  expect(of({ seed: 1 }, {})[2]).not.toBe(plain[2]);
});
