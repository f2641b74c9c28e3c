/** The benchmark's page from results and suites with odd and hostile names, and with files that are damaged or gone. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { METRICS_VERSION, type Metrics } from '../../bench/pairs/metrics/metrics';
import { writePage } from '../../bench/pairs/page/page';
import { plain } from '../../bench/pairs/page/text';
import { parseRows } from '../../bench/pairs/run/rows';
import { Store } from '../../bench/pairs/run/store';
import { readTask } from '../../bench/pairs/suite/task-file';
import { InputError } from '../../engine/errors';
import { writePng } from '../cli/desk';
import { BLUE, drawing, PALE, RED } from '../support/tiny-engine';

let folder: string;
let suite: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'diptych-page-'));
  suite = join(folder, 'suite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const METRICS: Metrics = { perceptual: 0.5, structure: 0.9, ownStructure: 0.8, colour: 2, pixels: 10, flat: null };

async function makeTask(name: string, task: string, tests = ['one']): Promise<void> {
  for (const part of ['test', 'truth']) mkdirSync(join(suite, name, part), { recursive: true });
  await writePng(join(suite, name, 'before.png'), drawing(16, 16, RED, PALE));
  await writePng(join(suite, name, 'after.png'), drawing(16, 16, BLUE, PALE));
  for (const test of tests) {
    for (const part of ['test', 'truth'])
      await writePng(join(suite, name, part, `${test}.png`), drawing(16, 16, RED, PALE));
  }
  writeFileSync(join(suite, name, 'task.json'), task);
}

async function run(): Promise<Store> {
  const store = await Store.open(join(folder, 'run'));
  await store.describe({ model: '<img src=x>', fingerprint: 'f', device: 'cpu|gpu', settings: '**all**' });
  return store;
}

const page = (): Promise<void> =>
  writePage({ suite, results: join(folder, 'run'), output: join(folder, 'docs'), report: () => undefined });

test("names and messages are text on the page, and kinds of one's own have a place", async () => {
  const name = 'a<script>x`|"_b_';
  await makeTask(name, JSON.stringify({ kind: '../constructor' }), ['one', 'gone']);
  const store = await run();
  const { digest: pair } = await readTask(suite, name);
  for (const row of ['nothing', 'diptych@1', 'retired@1', 'constructor']) {
    for (const image of ['one', 'gone']) {
      await store.add({ task: name, row, image, pair, test: 't', version: METRICS_VERSION, metrics: METRICS });
    }
  }
  await store.add({ task: name, row: 'paper@1', pair, refused: 'no\n<b>pair</b>\u202e' });
  rmSync(join(suite, name, 'test/gone.png'));
  rmSync(join(suite, name, 'truth/gone.png'));
  await page();
  const text = readFileSync(join(folder, 'docs/pairbench.md'), 'utf8');
  expect(text).toContain('## Other tasks');
  expect(text).not.toMatch(/<(script|img|b)\b|\u202e|\*\*all|retired|constructor/);
  expect(text).toContain(`- ${plain(name)}, paper@1: no\\n&#60;b&#62;pair&#60;/b&#62;`.replace('no\\n', 'no&#92;n'));
  // Every row of a table has as many cells as its head.
  const cells = text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').length);
  expect(new Set(cells).size).toBe(1);
  expect(readdirSync(join(folder, 'docs/pairbench')).sort()).toEqual(['other.png', 'other.svg']);
});

test('what is damaged is one line that names the file', async () => {
  await makeTask('t', '{}');
  const refused = async (work: () => Promise<unknown>): Promise<string> => {
    const error = await work().then(
      () => undefined,
      (reason: unknown) => reason as Error,
    );
    expect(error).toBeInstanceOf(InputError);
    expect(error!.message).not.toContain('\n');
    return error!.message;
  };
  for (const task of ['null', '[]', '3', '{', '{"kind":3}', '{"prompt":{}}', '{"split":["x"]}']) {
    writeFileSync(join(suite, 't/task.json'), task);
    expect(await refused(() => readTask(suite, 't'))).toContain('task.json: ');
  }
  writeFileSync(join(suite, 't/task.json'), '{}');
  await run();
  for (const line of ['{"task":', 'null', '{}', '{"task":"t","pair":"p","row":"nothing","image":"i","test":"t"}']) {
    writeFileSync(join(folder, 'run/results.jsonl'), `${line}\n`);
    expect(await refused(page)).toContain('results.jsonl: line 1 is no result; delete that line');
  }
  writeFileSync(join(folder, 'run/results.jsonl'), '');
  expect(await refused(page)).toContain('holds no results');
  writeFileSync(join(folder, 'run/run.json'), '{"model": 3}');
  expect(await refused(page)).toContain('run.json: does not say what the run was');
});

test('rows are those of the table, and no names that every object has', () => {
  expect(() => parseRows('constructor')).toThrow('there is no row constructor');
  expect(() => parseRows('__proto__@1')).toThrow('there is no row __proto__');
});
