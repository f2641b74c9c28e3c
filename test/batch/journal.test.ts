/** The journal of a batch on this machine: what it tells, and what is read of it by one who looks again and again. */
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchSpec } from '../../batch/job';
import { Journal, Journals } from '../../batch/journal';
import type { BatchStatus } from '../../batch/status';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'diptych-journal-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const spec = (over: Partial<BatchSpec> = {}): BatchSpec => ({
  ...{ name: 'b', version: '1', model: { name: 'm', fingerprint: 'f' }, styles: [], settings: {}, strengths: [[1]] },
  ...{ output: folder, overwrite: false, created: 0 },
  ...over,
});
const path = (): string => join(folder, '.diptych/b.jsonl');
const doneEntry = (key: string) => ({ event: 'done', key, input: `/ä/${key}.png`, outputs: [], seconds: 1 }) as const;
const doneLine = (key: string): string => `${JSON.stringify({ time: 1, ...doneEntry(key) })}\n`;

async function write(...keys: readonly string[]): Promise<void> {
  const journal = await Journal.start(spec(), [], 1000);
  for (const key of keys) journal.write(doneEntry(key));
  await journal.end('stopped');
}

const told = ([status]: readonly BatchStatus[]): unknown => [status!.counts.done, status!.recent[0]?.key];

test('it tells of its latest pictures, and counts all', async () => {
  await write(...Array.from({ length: 700 }, (_, i) => `p${i}`));
  const [status] = await new Journals(folder).list();
  expect([status!.counts.done, status!.counts.waiting, status!.recent.length]).toEqual([700, 300, 200]);
  expect([status!.recent[0]!.key, status!.recent[199]!.key]).toEqual(['p699', 'p500']);
});

test('who looks again reads only what was appended, and a line once it is whole', async () => {
  await write('a', 'b');
  const journals = new Journals(folder);
  expect(told(await journals.list())).toEqual([2, 'b']);
  // What was read before is another thing now: who reads it again counts fewer.
  const text = readFileSync(path(), 'utf8');
  const line = text.split('\n').find((each) => each.includes('"key":"a"'))!;
  writeFileSync(path(), text.replace(line, ' '.repeat(Buffer.byteLength(line))));
  const next = Buffer.from(doneLine('c'));
  // In the middle of a letter of two bytes.
  const cut = next.indexOf(0xc3) + 1;
  appendFileSync(path(), next.subarray(0, cut));
  expect(told(await journals.list())).toEqual([2, 'b']);
  appendFileSync(path(), next.subarray(cut));
  const looks = await Promise.all([journals.list(), journals.list()]);
  expect(looks.map(told)).toEqual([
    [3, 'c'],
    [3, 'c'],
  ]);
  expect(looks[0]![0]!.recent[0]!.input).toBe('/ä/c.png');
  expect(told(await new Journals(folder).list())).toEqual([2, 'c']);
});

test('the journal of a new run, shorter or longer than the one before, is read from its beginning', async () => {
  await write('a', 'b', 'c');
  const journals = new Journals(folder);
  expect(told(await journals.list())).toEqual([3, 'c']);
  await write('d');
  expect(told(await journals.list())).toEqual([1, 'd']);
  await write('e', 'f', 'g', 'h');
  expect(told(await journals.list())).toEqual([4, 'h']);
  rmSync(path());
  await expect(journals.list()).rejects.toThrow('no batch was run into this folder');
  await write('i');
  expect(told(await journals.list())).toEqual([1, 'i']);
});

test('it tells what became of each picture, also of a run that wrote no last line', async () => {
  const about = (key: string) => ({ key, input: `${key}.png` });
  const was = { ...about('was'), inputSha: '', outputs: [{ id: '', path: '/o/was.png', strengths: [1] }] };
  const journal = await Journal.start(spec({ created: 1 }), [was], 7);
  for (const key of ['a', 'b', 'c', 'd']) journal.write({ event: 'started', ...about(key) });
  journal.write({ event: 'done', ...about('a'), outputs: ['/o/a.png'], seconds: 2 });
  journal.write({ event: 'retry', ...about('b'), reason: 'odd', tries: 1 });
  journal.write({ event: 'failed', ...about('c'), reason: 'odder', tries: 3 });
  await journal.end('failed');
  const status = async (): Promise<BatchStatus> => (await new Journals(folder).list()).at(-1)!;
  const counts = { done: 2, failed: 1, running: 1, waiting: 2, delayed: 1 };
  const failures = [{ ...about('c'), reason: 'odder', tries: 3 }];
  const ended = await status();
  expect(ended).toMatchObject({ state: 'failed', total: 7, counts, failures, perSecond: null });
  expect(ended.recent.map(({ key, outputs }) => [key, outputs])).toEqual([
    ['a', ['/o/a.png']],
    ['was', ['/o/was.png']],
  ]);

  // Without its last line, begun 200 s before the one picture was done.
  const lines = readFileSync(path(), 'utf8').trim().split('\n').slice(0, -1);
  const rewrite = (process: number): void => {
    const now = Date.now();
    const changed = lines.map((line) => {
      const entry = JSON.parse(line) as { event: string };
      if (entry.event === 'batch') return { ...entry, process, time: now - 200_000 };
      return { ...entry, time: now };
    });
    writeFileSync(path(), changed.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  };
  rewrite(process.pid);
  expect(await status()).toMatchObject({ state: 'running', counts, perSecond: 0.005, secondsLeft: 800 });
  // A number that no process has.
  rewrite(2 ** 31 - 1);
  expect(await status()).toMatchObject({ state: 'stopped', counts, perSecond: null, secondsLeft: null });

  await (await Journal.start(spec({ name: 'new', created: 2 }), [], 1)).end('done');
  writeFileSync(join(folder, '.diptych/other.jsonl'), '{}\n');
  writeFileSync(join(folder, '.diptych/notes.txt'), 'x');
  expect((await new Journals(folder).list()).map(({ name, state }) => [name, state])).toEqual([
    ['new', 'done'],
    ['b', 'stopped'],
  ]);
});
