/** `diptych batch` on this machine, as a process with its own: real pictures on the tiny model. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadImage } from '../../cli/inputs/images';
import { writePng } from '../cli/desk';
import { built } from '../support/built';
import { BLUE, drawing, PALE, RED } from '../support/tiny-engine';
import { Bench, childrenOf, events, filesUnder, QUICK } from './bench';

let b: Bench;
let style: string;
beforeAll(async () => {
  b = new Bench();
  style = await b.style();
});
afterAll(() => b.close());

const SLOTS = ['--concurrency', '2'];
const names = (list: readonly Record<string, unknown>[], event: string): unknown[] =>
  list.filter((entry) => entry['event'] === event).map(({ input }) => input);

test('a batch survives a killed process and a broken picture, and does again only what is missing or changed', async () => {
  const input = await b.pictures(8, 'in');
  const argv = ['batch', style, input, '-o', b.at('out'), ...QUICK, ...SLOTS, '--json'];
  writeFileSync(b.at('in/broken.png'), 'no picture');
  const first = b.start(...argv);
  await first.line((line) => line.includes('"event":"done"'));
  process.kill(childrenOf(first.child.pid!)[0]!, 'SIGKILL');
  const { code, out, err } = await first.finished;
  expect(code).toBe(2);
  expect(names(events(out), 'done')).toHaveLength(8);
  const broken = events(out).filter(({ input: path }) => path === b.at('in/broken.png'));
  expect(broken.map(({ event, tries }) => [event, tries])).toEqual([
    ['retry', 1],
    ['retry', 2],
    ['failed', 3],
  ]);
  expect(broken[0]!['reason']).toMatch(/broken\.png: cannot be read as an image/);
  expect(err).toMatch(/diptych: 1 of 9 pictures failed; run the same command again to try them again\n$/);

  // The same pixels as restyle makes, in the inputs' folders; nothing else is left but the journal.
  const made = filesUnder(b.at('out'));
  expect([...made.keys()]).toEqual([...filesUnder(input).keys()].filter((name) => name !== 'broken.png'));
  expect(readdirSync(b.at('out/.diptych'))).toEqual([expect.stringMatching(/^out-[0-9a-f]{6}\.jsonl$/)]);
  await b.run('restyle', style, b.at('in/sub/icon-0003.png'), '-o', b.at('one'), ...QUICK);
  expect((await loadImage(b.at('out/sub/icon-0003.png'))).data).toEqual(
    (await loadImage(b.at('one/icon-0003.png'))).data,
  );

  const listed = JSON.parse((await b.run('batches', b.at('out'), '--json')).out) as { batches: object[] };
  expect(listed.batches).toEqual([
    expect.objectContaining({
      state: 'failed',
      total: 9,
      counts: { done: 8, failed: 1, running: 0, waiting: 0, delayed: 0 },
    }),
  ]);

  rmSync(b.at('in/broken.png'));
  rmSync(b.at('out/icon-0001.png'));
  writeFileSync(b.at('in/icon-0002.png'), readFileSync(b.at('in/icon-0004.png')));
  const again = await b.run(...argv);
  expect(again.code).toBe(0);
  expect(names(events(again.out), 'done').sort()).toEqual([b.at('in/icon-0001.png'), b.at('in/icon-0002.png')]);
  const remade = filesUnder(b.at('out'));
  for (const [name, bytes] of made) {
    if (name !== 'icon-0002.png') expect(remade.get(name)!.equals(bytes)).toBe(true);
  }
});

test('an input deleted and a style replaced meanwhile are a line each, and the rest is of the style as it was', async () => {
  const input = await b.pictures(6, 'moving');
  const own = b.at('own.safetensors');
  writeFileSync(own, readFileSync(style));
  const other = readFileSync(await b.style('green.safetensors', [0, 160, 60, 255]));
  const argv = ['batch', own, input, '-o', b.at('moved'), ...QUICK, '--concurrency', '1', '--json'];
  const first = b.start(...argv);
  await first.line((line) => line.includes('"event":"done"'));
  // The last one, as the next ones are read ahead.
  rmSync(b.at('moving/sub/icon-0003.png'));
  writeFileSync(own, other);
  const { code, out, err } = await first.finished;
  expect([code, names(events(out), 'failed')]).toEqual([2, [b.at('moving/sub/icon-0003.png')]]);
  expect(err.split('\n').filter((line) => /failed:|replaced/.test(line))).toEqual([
    expect.stringMatching(/^failed: .*icon-0003\.png: is no longer there; put it back, or leave it out$/),
    expect.stringMatching(
      /^note: .*own\.safetensors was replaced .*; all results are of the file as it was at the start$/,
    ),
  ]);
  const made = filesUnder(b.at('moved'));
  expect(made.size).toBe(5);
  // With the earlier file none of them is made again.
  writeFileSync(own, readFileSync(style));
  const again = await b.run(...argv);
  expect([again.code, names(events(again.out), 'done')]).toEqual([0, []]);
});

test('Ctrl-C ends with the pictures in work and says how to go on; several strengths give several results', async () => {
  const input = await b.pictures(6, 'cancel');
  const argv = [
    'batch',
    style,
    input,
    '-o',
    b.at('half'),
    ...QUICK,
    ...SLOTS,
    '--json',
    '--strength',
    '0.5',
    '--strength',
    '1',
  ];
  const first = b.start(...argv);
  await first.line((line) => line.includes('"event":"done"'));
  const slots = childrenOf(first.child.pid!);
  first.child.kill('SIGINT');
  const { code, err } = await first.finished;
  expect(code).toBe(130);
  expect(err).toMatch(/cancelled; \d of 6 pictures are left to do; run the same command again to go on\n$/);
  expect(slots.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  expect(existsSync(b.at('half/.diptych/tmp'))).toBe(false);
  const resumed = await b.run(...argv);
  expect(resumed.code).toBe(0);
  expect(names(events(resumed.out), 'done').length).toBeLessThan(6);
  expect(filesUnder(b.at('half')).size).toBe(12);
  expect((await loadImage(b.at('half/icon-0001-0.5.png'))).data).not.toEqual(
    (await loadImage(b.at('half/icon-0001-1.png'))).data,
  );
});

test('a list on standard input, two styles together: the pictures that restyle makes of them', async () => {
  const input = await b.pictures(2, 'listed');
  const [one, two] = [...filesUnder(input).keys()] as [string, string];
  const second = b.at('second.safetensors');
  writeFileSync(second, readFileSync(style));
  const both = ['--with', second, '--strength', '0.5,0.7', ...QUICK];
  const listed = spawnSync(
    process.execPath,
    [built('cli/diptych.mjs'), 'batch', style, '-', '-o', b.at('of-list'), ...both],
    { cwd: input, input: `${one}\n\n${b.at(`listed/${two}`)}\n`, encoding: 'utf8' },
  );
  expect([listed.status, listed.stderr]).toEqual([0, expect.stringMatching(/2 (of 2 )?pictures/)]);
  const made = [...filesUnder(b.at('of-list')).keys()].sort();
  expect(made).toHaveLength(2);
  await b.run('restyle', style, b.at(`listed/${one}`), '-o', b.at('by-restyle'), ...both);
  const [name] = [...filesUnder(b.at('by-restyle')).keys()];
  const pixels = async (path: string): Promise<unknown> => (await loadImage(path)).data;
  const same = made.find((path) => path.endsWith(name!))!;
  expect(await pixels(b.at(`of-list/${same}`))).toEqual(await pixels(b.at(`by-restyle/${name!}`)));
});

test('a full disk stops the batch in one line, with nothing half-written; with space it goes on', async () => {
  const input = await b.pictures(6, 'large', 96);
  mkdirSync(b.at('small'));
  // Only root may mount: elsewhere this test would have no full disk to write to.
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', b.at('small')]).status !== 0) return;
  try {
    const argv = ['batch', style, input, '-o', b.at('small'), ...QUICK, ...SLOTS];
    const { code, err } = await b.run(...argv);
    expect(code).toBe(2);
    expect(err).toMatch(
      /diptych: .*no space left on the disk; free some; then run the same command again: \d pictures? [^\n]*\n$/,
    );
    spawnSync('mount', ['-o', 'remount,size=8m', b.at('small')]);
    expect((await b.run(...argv)).code).toBe(0);
    expect(filesUnder(b.at('small')).size).toBe(6);
  } finally {
    spawnSync('umount', [b.at('small')]);
  }
});

test('what is no style, a style of another model, no pictures, and a size the model lacks are refused before the start', async () => {
  const input = await b.pictures(2, 'two');
  writeFileSync(b.at('none.safetensors'), 'nothing');
  const refused = async (...argv: string[]): Promise<string> => {
    const { code, err } = await b.run('batch', ...argv, '-o', b.at('never'), ...QUICK);
    expect(code).toBe(2);
    return err;
  };
  expect(await refused(b.at('none.safetensors'), input)).toMatch(/diptych: .*none\.safetensors[^\n]*\n$/);
  expect(await refused(style, b.at('empty'))).toMatch(
    /^diptych: [^\n]*empty: there is no such file or folder[^\n]*\n$/,
  );
  expect(await refused(style)).toMatch(/^diptych: no pictures are given[^\n]*\n$/);
  expect(await refused(style, input, '--size', '100')).toMatch(
    /^diptych: size is 100; [^\n]* works at multiples of [^\n]*\n$/,
  );
});

test('a style that holds its pair: the model that reads it, the same pixels as restyle makes', async () => {
  const input = await b.pictures(3, 'paired');
  await writePng(b.at('before.png'), drawing(48, 48, RED, PALE));
  await writePng(b.at('after.png'), drawing(48, 48, BLUE, PALE));
  const pair = b.at('pair.safetensors');
  const learned = await b.run('learn', b.at('before.png'), b.at('after.png'), '--model', 'pair', '-o', pair);
  expect([learned.code, learned.err]).toEqual([0, expect.any(String)]);
  const argv = ['batch', pair, input, '-o', b.at('of-pair'), ...SLOTS, '--strength', '0.5', '--strength', '1'];
  const { code, err } = await b.run(...argv);
  expect([code, err]).toEqual([0, expect.stringContaining('3 pictures')]);
  expect(filesUnder(b.at('of-pair')).size).toBe(6);
  await b.run('restyle', pair, b.at('paired/icon-0002.png'), '-o', b.at('one-of-pair'));
  const full = [...filesUnder(b.at('of-pair')).keys()].filter((name) => name.includes('icon-0002'));
  const pixels = await Promise.all(full.map((name) => loadImage(b.at('of-pair', name))));
  const expected = await loadImage(b.at('one-of-pair/icon-0002.png'));
  expect(pixels.filter(({ data }) => Buffer.from(data).equals(Buffer.from(expected.data)))).toHaveLength(1);

  const idle = await b.run(...argv, '--steps', '4');
  expect([idle.code, idle.err]).toEqual([
    2,
    'diptych: --steps has no meaning with a style that holds its pair; leave it out\n',
  ]);
});

test('the command starts without what only a queue or the page needs', () => {
  const bundle = readFileSync(built('cli/commands.mjs'), 'utf8');
  const imported = [...bundle.matchAll(/^import [^;]*? from "([^"]+)"/gm)].map(([, name]) => name);
  expect(imported).toContain('commander');
  expect(imported.filter((name) => /^(bullmq|ioredis|pg|prom-client)$/.test(name!))).toEqual([]);
});
