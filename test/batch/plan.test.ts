/** Which files a batch reads and writes, decided before anything is computed. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { findInputs, foldersOf } from '../../batch/inputs';
import { jobKey, outputId, sha256, type BatchSpec } from '../../batch/job';
import { planSlots } from '../../batch/machine';
import { findOutput, markPng } from '../../batch/mark';
import { isInside } from '../../batch/paths';
import { planOutputs, surveyAgain, surveyOutputs } from '../../batch/plan';
import { describeRate, ratePerSecond } from '../../batch/rate';

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
const file = (name: string, text = name): string => {
  mkdirSync(join(at(name), '..'), { recursive: true });
  writeFileSync(at(name), text);
  return at(name);
};

beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'diptych-plan-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const spec = (over: Partial<BatchSpec> = {}): BatchSpec => ({
  name: 'b',
  version: '1',
  model: { name: 'm', fingerprint: 'f' },
  styles: [{ path: '/s', sha: 's1' }],
  settings: {},
  strengths: [[1]],
  output: at('out'),
  overwrite: false,
  created: 0,
  ...over,
});

const noStdin = (): Promise<string> => Promise.reject(new Error('standard input was not expected'));
const places = async (...sources: string[]): Promise<string[]> =>
  (await findInputs(sources, at('in/out'), noStdin)).map(({ place }) => place);

test('folders, patterns, lists and single pictures keep their structure; the output folder is no input', async () => {
  for (const name of ['in/a.png', 'in/sub/B.JPG', 'in/sub/deep/c.svg', 'in/notes.md', 'in/out/a.png']) file(name);
  expect(await places(at('in'))).toEqual(['a.png', 'sub/B.JPG', 'sub/deep/c.svg']);
  expect(await places(at('in/**/*.svg'))).toEqual(['sub/deep/c.svg']);
  const list = file('list.txt', `${at('in/sub/B.JPG')}\n\n${at('in/sub/deep/c.svg')}\r\n`);
  expect(await places(list)).toEqual(['B.JPG', 'deep/c.svg']);
  expect(await places(at('in/a.png'), at('in/a.png'))).toEqual(['a.png']);
  const piped = await findInputs(['-'], at('out'), async () => `${at('in/a.png')}\n`);
  expect(piped).toEqual([{ path: at('in/a.png'), place: 'a.png' }]);
});

test('what other programs leave beside pictures is none, and the order is that of the places', async () => {
  for (const name of ['z/1.png', 'b.png', 'a.png', 'x.png/y.png', '._a.png', '.diptych/c.png', '.hidden/d.png'])
    file(`in/${name}`);
  expect(await places(at('in'))).toEqual(['.hidden/d.png', 'a.png', 'b.png', 'x.png/y.png', 'z/1.png']);
  // A pattern means files, of no hidden folder, and nothing below what it matches.
  expect(await places(at('in/*'))).toEqual(['a.png', 'b.png']);
  expect(await places(at('in/**/*.png'))).toEqual(['a.png', 'b.png', 'x.png/y.png', 'z/1.png']);
  file('other/e.png');
  expect(await places(file('list.txt', `  ${at('in/a.png')}  \n${at('other/e.png')}`))).toEqual([
    ...['in/a.png', 'other/e.png'],
  ]);
  const cwd = process.cwd();
  process.chdir(at('in'));
  try {
    expect(await places('*.png')).toEqual(['a.png', 'b.png']);
  } finally {
    process.chdir(cwd);
  }
});

test('a folder is not inside another whose name it begins with', () => {
  const below = ['/a/b', '/a/b/c', '/a/bc', '/a'].map((path) => isInside(path, '/a/b'));
  expect(below).toEqual([true, true, false, false]);
  expect(isInside('/a', '/')).toBe(true);
});

test('a source without pictures, a line that is no file, and results beside the pictures are refused in one line', async () => {
  file('in/a.txt');
  await expect(places(at('in'))).rejects.toThrow(/in: holds no picture; pictures are files named \.png/);
  await expect(places(at('none'))).rejects.toThrow('there is no such file or folder');
  await expect(places(file('list.txt', `\n${at('gone.png')}`))).rejects.toThrow(/list\.txt, line 2: .*gone\.png/);
  file('in/out/x.png');
  await expect(places(at('in/out'))).rejects.toThrow('choose another folder for the results');
});

test('two inputs for one file, and an input that an output would replace, are refused before the start', async () => {
  const inputs = ['a.png', 'A.jpg'].map((place) => ({ path: at('in', place), place }));
  await expect(planOutputs(inputs, spec())).rejects.toThrow(
    /a\.png and .*A\.jpg would both be written to .*out.A\.png/,
  );
  file('in/b.png');
  mkdirSync(at('out'));
  symlinkSync(at('in/b.png'), at('out/b.png'));
  await expect(planOutputs([{ path: at('in/b.png'), place: 'b.png' }], spec())).rejects.toThrow(/overwrite the input/);
});

test('a result that would stand where the folder of another one has to be is refused before the start', async () => {
  const inputs = ['x/a.png/b.jpg', 'c.jpg', 'X/a.jpg'].map((place) => ({ path: at('in', place), place }));
  await expect(planOutputs(inputs, spec())).rejects.toThrow(
    /in.X.a\.jpg would be written to .*out.x.a\.png, which is the folder of .*out.x.a\.png.b\.png; put them into two/,
  );
  expect(await planOutputs(inputs.slice(0, 2), spec())).toHaveLength(2);
});

test('each strength is an output of its own', async () => {
  const strengths = [
    [0.5, 0.5],
    [1, 2],
  ];
  const [planned] = await planOutputs([{ path: at('x/a.svg'), place: 'x/a.svg' }], spec({ strengths }));
  expect(planned!.outputs.map(({ path }) => path)).toEqual([at('out/x/a-0.5.png'), at('out/x/a-1+2.png')]);
});

test('a survey asks for what is missing or changed, and refuses files that no batch made', async () => {
  const png = await sharp({ create: { width: 4, height: 4, channels: 4, background: 'red' } })
    .png()
    .toBuffer();
  const inputs = ['a', 'b', 'c', 'd'].map((name) => ({ path: file(`in/${name}.png`), place: `${name}.png` }));
  const id = (name: string): string => outputId(spec(), sha256(`in/${name}.png`), [1]);
  file('out/.keep');
  writeFileSync(at('out/a.png'), markPng(png, id('a')));
  writeFileSync(at('out/b.png'), markPng(png, id('a')));
  writeFileSync(at('out/c.png'), markPng(png, id('c')).subarray(0, -9));
  const planned = await planOutputs(inputs, spec());
  const survey = await surveyOutputs(spec(), planned);
  expect(survey.done.map(({ input }) => input)).toEqual([at('in/a.png')]);
  expect(survey.jobs.map(({ input }) => input)).toEqual(['b', 'c', 'd'].map((name) => at(`in/${name}.png`)));
  expect(survey.changed).toBe(2);
  // After some work only outputs are looked at.
  writeFileSync(at('out/b.png'), markPng(png, id('b')));
  const again = await surveyAgain(survey);
  expect([again.done, again.jobs].map((jobs) => jobs.map(({ input }) => input))).toEqual([
    [at('in/a.png'), at('in/b.png')],
    [at('in/c.png'), at('in/d.png')],
  ]);
  const seen: number[] = [];
  expect((await surveyOutputs(spec(), planned, { onProgress: (n) => seen.push(n) })).changed).toBe(1);
  expect(seen).toEqual([1, 2, 3, 4]);

  writeFileSync(at('out/d.png'), png);
  await expect(surveyOutputs(spec(), planned)).rejects.toThrow(
    /out.d\.png was there before and not made by a batch; choose another -o, or replace it with/,
  );
  writeFileSync(at('out/c.png'), png);
  await expect(surveyOutputs(spec(), planned)).rejects.toThrow(
    /out.c\.png and 1 more files were there before [^\n]* replace them with/,
  );
  expect((await surveyOutputs(spec({ overwrite: true }), planned)).jobs).toHaveLength(2);
});

test('a mark is a sound PNG chunk, and any edit of the file is noticed', async () => {
  const png = await sharp({ create: { width: 4, height: 4, channels: 4, background: 'red' } })
    .png()
    .toBuffer();
  const id = sha256('x');
  const marked = markPng(png, id);
  expect((await sharp(marked).raw().toBuffer()).equals(await sharp(png).raw().toBuffer())).toBe(true);
  expect((await sharp(marked).metadata()).comments?.[0]?.text).toContain(id);
  const path = at('a.png');
  const found = async (bytes: Uint8Array): Promise<string> => {
    writeFileSync(path, bytes);
    return findOutput(path, id);
  };
  expect(await found(marked)).toBe('same');
  expect(await found(await sharp(marked).png().toBuffer())).toBe('foreign');
  expect(await found(Buffer.concat([marked, Buffer.from('more')]))).toBe('foreign');
  expect(await found(Buffer.alloc(0))).toBe('foreign');
  expect(await findOutput(at('none.png'), id)).toBe('nothing');
  expect(await findOutput(folder, id)).toBe('foreign');
});

test('an id follows style, base, input, settings and strength, and nothing else', () => {
  const base = outputId(spec(), 'i', [1]);
  expect(outputId(spec({ name: 'other', output: '/x', created: 5 }), 'i', [1])).toBe(base);
  const others = [
    outputId(spec({ styles: [{ path: '/s', sha: 's2' }] }), 'i', [1]),
    outputId(spec({ model: { name: 'm', fingerprint: 'g' } }), 'i', [1]),
    outputId(spec({ settings: { steps: 3 } }), 'i', [1]),
    outputId(spec(), 'j', [1]),
    outputId(spec(), 'i', [0.5]),
  ];
  expect(new Set([base, ...others]).size).toBe(6);
  expect(jobKey([{ id: base, path: '/a', strengths: [1] }])).not.toBe(
    jobKey([{ id: base, path: '/b', strengths: [1] }]),
  );
});

test('slots fill the cores unless memory is short', () => {
  const GiB = 2 ** 30;
  expect(planSlots(10e6, {}, 8, 64 * GiB)).toMatchObject({ slots: 8, threads: 1 });
  expect(planSlots(2 * GiB, {}, 8, 24 * GiB)).toMatchObject({ slots: 2, threads: 4 });
  expect(planSlots(10e6, { threads: 2 }, 8, 64 * GiB)).toMatchObject({ slots: 4, threads: 2 });
  expect(planSlots(2 * GiB, {}, 8, 24 * GiB).reason).toBe('8 cores, memory for 2 at 8692 MiB each');
  expect(planSlots(20 * GiB, {}, 8, 24 * GiB)).toMatchObject({ slots: 1, threads: 8 });
  expect(planSlots(10e6, { slots: 3, threads: 2 }, 8, 64 * GiB)).toMatchObject({
    slots: 3,
    threads: 2,
    reason: 'as asked',
  });
  // One GPU is not shared unless that is asked for; few pictures leave each its share of the cores.
  expect(planSlots(10e6, { device: 'webgpu' }, 8, 64 * GiB)).toMatchObject({ slots: 1, threads: 8 });
  expect(planSlots(10e6, { device: 'webgpu', slots: 2 }, 8, 64 * GiB)).toMatchObject({ slots: 2, threads: 4 });
  expect(planSlots(10e6, { pictures: 2 }, 8, 64 * GiB)).toMatchObject({ slots: 2, threads: 4 });
});

test('the folders that inputs were found in', () => {
  const inputs = [
    { path: '/a/b/c.png', place: 'b/c.png' },
    { path: '/a/d.png', place: 'd.png' },
    { path: '/e.png', place: 'e.png' },
    { path: '/x/f.png', place: '../f.png' },
  ];
  expect(foldersOf(inputs)).toEqual(['/a', '/', '/x']);
});

test('the rate is of the latest pictures, and sinks while nothing is done', () => {
  expect(ratePerSecond([5000, 6000, 7000], 7000)).toBeCloseTo(1);
  expect(ratePerSecond([5000, 6000, 7000], 8000)).toBeCloseTo(1);
  // Two pictures, and what has passed since 5000 but for the one wait that was to be expected.
  expect(ratePerSecond([5000, 6000, 7000], 9000)).toBeCloseTo(2 / 3);
  expect(ratePerSecond([0, 500], 500)).toBeCloseTo(2);
  for (const times of [[], [0], [5, 5]]) expect(ratePerSecond(times, 5)).toBeUndefined();
  expect([2, 1, 1 / 60, 1 / 61].map(describeRate)).toEqual([
    ...['2.0 pictures/s', '1.0 pictures/s', '1.0 pictures/min', '59.0 pictures/h'],
  ]);
});
