/** `diptych batches` on the folder of a batch: what is said, watched and served. The batch is only its journal here. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import sharp from 'sharp';
import type { BatchSpec } from '../../batch/job';
import { Journal } from '../../batch/journal';
import type { BatchStatus } from '../../batch/status';
import { emit } from '../../cli/batch/batch';
import { describeBatches } from '../../cli/batch/batches';
import { run } from '../../cli/program';
import { paint } from '../support/pictures';
import { desk, writePng, type Desk } from '../cli/desk';

let d: Desk;
beforeEach(() => (d = desk(undefined, resolve('.'))));
afterEach(() => d.close());

const spec = (): BatchSpec => ({
  ...{ name: 'b', version: '1', model: { name: 'm', fingerprint: 'f' }, styles: [], settings: {}, strengths: [[1]] },
  ...{ output: d.folder, overwrite: false, created: 0 },
});

/** A file's name, and so a reason, may hold anything: this sets the terminal's title and turns the line around. */
const HOSTILE = 'in/\x1b]0;t\x07\u009b\u202e.png';
const UNSAFE = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]/;

async function writeJournal(input = HOSTILE, output = d.at('x.png')): Promise<void> {
  const journal = await Journal.start(spec(), [], 3);
  journal.write({ event: 'done', key: 'k', input, outputs: [output], seconds: 1 });
  journal.write({ event: 'failed', key: 'l', input, reason: `${input}: is no picture`, tries: 3 });
  await journal.end('failed');
}

const STATUS: BatchStatus = {
  state: 'done',
  ...{ name: 'b', total: 9, perSecond: null, secondsLeft: null, failures: [], refusals: [], recent: [] },
  counts: { done: 9, failed: 0, running: 0, waiting: 0, delayed: 0 },
  ...{ retryable: false, spec: {} as BatchSpec },
};

test('a batch in words: what there is of it, and no more', () => {
  expect(describeBatches([])).toBe('no batches\n');
  expect(describeBatches([STATUS, STATUS])).toBe('b  done  9/9 done\nb  done  9/9 done\n');
  const counts = { done: 1, failed: 2, running: 3, waiting: 4, delayed: 5, lost: 6 };
  const failures = Array.from({ length: 12 }, (_, i) => ({ key: '', input: '', reason: `r${i}`, tries: 1 }));
  const refusals = [{ worker: 'host 7', reason: 'another model', time: 0 }];
  const busy = describeBatches([
    { ...STATUS, state: 'running', counts, perSecond: 2, secondsLeft: 65, failures, refusals },
  ]);
  expect(busy.split('\n')).toEqual([
    'b  running  1/9 done, 3 running, 9 waiting, 2 failed, 6 lost from the queue (run its diptych batch command again), 2.0 pictures/s, 1:05 min left',
    ...failures.slice(0, 10).map(({ reason }) => `  failed   ${reason}`),
    '  and 2 more failed',
    '  refused  by host 7: another model',
    '',
  ]);
  const ten = describeBatches([{ ...STATUS, failures: failures.slice(0, 10) }]);
  expect(ten).not.toContain('more failed');
});

test('names and reasons reach no terminal as control, in the list, while it is watched, and in --json', async () => {
  await writeJournal();
  const watch = async (...argv: string[]): Promise<string> => {
    const watched = desk(undefined, resolve('.'));
    setTimeout(() => watched.controller.abort(), 300);
    const { code, out, err } = await watched.run('batches', d.folder, '--watch', ...argv);
    watched.close();
    expect([code, err]).toEqual([130, 'diptych: stopped watching; the batches go on\n']);
    return argv.length > 0 ? out.split('\n')[0]! : out;
  };
  for (const out of [await watch(), (await d.run('batches', d.folder)).out]) {
    expect(out).not.toMatch(UNSAFE);
    expect(out).toMatch(
      /^b {2}failed {2}1\/3 done, 1 waiting, 1 failed[^\n]*\n {2}failed {3}in\/[^\n]*: is no picture\n/,
    );
  }
  let emitted = '';
  emit(
    { out: (text: string) => (emitted += text) } as unknown as Parameters<typeof emit>[0],
    { json: true },
    { input: HOSTILE },
  );
  expect(emitted).not.toMatch(UNSAFE);
  expect(JSON.parse(emitted)).toEqual({ input: HOSTILE });
  for (const out of [await watch('--json'), (await d.run('batches', d.folder, '--json')).out]) {
    expect(out).not.toMatch(UNSAFE);
    expect(JSON.parse(out)).toMatchObject({
      batches: [{ failures: [{ input: HOSTILE }], recent: [{ input: HOSTILE }] }],
    });
  }
});

test('--serve: the folder on a page with small pictures, until Ctrl-C', async () => {
  await writePng(
    d.at('x.png'),
    paint(640, 320, () => [0, 90, 200, 255]),
  );
  await writeJournal(d.at('gone.png'));
  let err = '';
  let told = (): void => undefined;
  const controller = new AbortController();
  const done = run(['batches', d.folder, '--serve', '0'], {
    ...{ out: () => undefined, interactive: false, command: 'diptych', version: '1', root: resolve('.') },
    ...{ signal: controller.signal, openEngine: () => Promise.reject(new Error('no engine was expected')) },
    err: (text) => ((err += text), told()),
  });
  await Promise.race([new Promise<void>((said) => (told = () => said())), done]);
  const address = /^the batches are at (http:\S+\d)\/? \(metrics at \/metrics\)/.exec(err)![1]!;
  const picture = await fetch(`${address}/picture/b/k/0`);
  expect(await sharp(await picture.arrayBuffer()).metadata()).toMatchObject({
    format: 'webp',
    width: 320,
    height: 160,
  });
  expect(await (await fetch(`${address}/page.js`)).text()).toBe(readFileSync('dist/cli/batch-page.js', 'utf8'));
  const retry = await fetch(`${address}/retry/b`, { method: 'POST', headers: { 'x-diptych': '1' } });
  expect([retry.status, await retry.text()]).toEqual([400, expect.stringContaining('when its command is run again')]);
  controller.abort();
  expect(await done).toBe(130);
  expect(err).toMatch(/\ndiptych: the page is closed; the batches go on\n$/);
  await expect(fetch(address)).rejects.toThrow();
});

test.each([[], ['--watch'], ['--serve', '0']])('without a queue or a folder: one line, %p', async (...argv) => {
  const { code, err } = await d.run('batches', ...(argv as string[]));
  expect([code, err]).toEqual([
    2,
    expect.stringMatching(/^diptych: name the queue with --queue URL, or the -o folder[^\n]*\n$/),
  ]);
  const empty = await d.run('batches', d.folder, ...(argv as string[]));
  expect([empty.code, empty.err]).toEqual([2, expect.stringContaining('no batch was run into this folder')]);
});
