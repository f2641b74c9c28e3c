/** The suite builder on made-up icon sets that are laid out as the real packages are. */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSuite, planSuite } from '../../bench/pairs/suite/build';
import { Sources } from '../../bench/pairs/suite/sources';
import { readTask, readTest, taskNames } from '../../bench/pairs/suite/task-file';
import { checkPair } from '../../engine/learn/pair-check';

const SETS = {
  'fluent-emoji-flat': ['#e03030', '#30a040', '#ffd040'],
  'fluent-emoji': ['#c02050', '#208060', '#f0b020'],
  'fluent-emoji-high-contrast': ['#202020', '#606060', '#a0a0a0'],
  'icon-park': ['#000', '#2F88FF', '#fff'],
  'icon-park-outline': ['currentColor', 'none', 'none'],
  'icon-park-solid': ['currentColor', 'currentColor', 'none'],
  'icon-park-twotone': ['currentColor', '#999999', 'none'],
  ph: ['currentColor', 'none', 'none'],
  solar: ['currentColor', 'none', 'none'],
  noto: ['#a03030', '#3040a0', '#e0e040'],
  twemoji: ['#a03030', '#3040a0', '#e0e040'],
  openmoji: ['#a03030', '#3040a0', '#e0e040'],
  'emojione-v1': ['#a03030', '#3040a0', '#e0e040'],
};
const NAMES = Array.from({ length: 150 }, (_, i) => `thing-${i}`);
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  ph: ['', '-bold', '-fill', '-duotone'],
  solar: ['-linear', '-bold-duotone'],
};

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'diptych-build-'));
  mkdirSync(join(root, 'models'));
  writeFileSync(join(root, 'models/held-out.json'), JSON.stringify({ names: NAMES }));
  for (const [set, paints] of Object.entries(SETS)) {
    const folder = join(root, 'bench/pairs/node_modules/@iconify-json', set);
    mkdirSync(folder, { recursive: true });
    const icons = Object.fromEntries(
      NAMES.flatMap((name, i) => (SUFFIXES[set] ?? ['']).map((suffix) => [name + suffix, { body: body(i, paints) }])),
    );
    writeFileSync(join(folder, 'icons.json'), JSON.stringify({ width: 32, height: 32, icons }));
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ version: '1.0.0' }));
  }
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A house, a moon and a bar, placed by the icon's number; nothing about it is symmetric. */
function body(i: number, [first, second, third]: readonly string[]): string {
  const shift = i % 7;
  return (
    `<path d="M3 ${18 - shift}L12 4L22 ${18 - shift}V29H3z" fill="${first}"/>` +
    `<circle cx="25" cy="${7 + shift}" r="5" fill="${second}" stroke="${first}"/><path d="M6 ${19 + shift / 2}h9v3h-9z" fill="${third}"/>`
  );
}

const build = async (output: string, tasks: string[], seed = 1): Promise<string> => {
  let lines = '';
  await buildSuite({ root, output, seed, limit: 2, tasks, report: (line) => (lines += line) });
  return lines;
};

test('a suite has tasks of every kind, halves to tune and report, and no picture in both', () => {
  const plans = planSuite(new Sources(root), 1);
  expect(new Set(plans.map(({ kind }) => kind))).toEqual(
    new Set(['designers', 'families', 'filters', 'photographs', 'robust', 'broken']),
  );
  expect(new Set(plans.map(({ name }) => name)).size).toBe(plans.length);
  for (const kind of ['designers', 'families', 'filters', 'photographs']) {
    const ofKind = plans.filter((plan) => plan.kind === kind);
    const tune = ofKind.filter(({ split }) => split === 'tune');
    expect(tune.length * 2).toBe(ofKind.length);
  }
  for (const style of ['gradient', 'high contrast']) {
    const [tune, report] = (['tune', 'report'] as const).map((split) =>
      plans.find((plan) => plan.kind === 'designers' && plan.split === split && plan.style === style)!,
    );
    expect(tune!.tests.length).toBeGreaterThanOrEqual(50);
    expect(report!.tests.length).toBeGreaterThanOrEqual(50);
    const used = [...tune!.tests, ...tune!.pairs, ...report!.tests, ...report!.pairs];
    expect(new Set(used).size).toBe(used.length);
  }
});

test('draws tasks once, the same from the same seed, in the layout that the benchmark reads', async () => {
  const tasks = ['designers-gradient-1', 'filter-duotone-1', 'family-icon-park-outline-solid-2'];
  const [one, two] = [join(root, 'one'), join(root, 'two')];
  expect(await build(one, tasks)).toMatch(/designers-gradient-1: 2 pictures, pair thing-\d+\n/);
  const stamp = statSync(join(one, tasks[0]!, 'before.png')).mtimeMs;
  expect(await build(one, tasks)).toContain('designers-gradient-1: there already');
  expect(statSync(join(one, tasks[0]!, 'before.png')).mtimeMs).toBe(stamp);

  await build(two, tasks);
  expect(await taskNames(one)).toEqual([...tasks].sort());
  for (const name of tasks) {
    const task = await readTask(one, name);
    expect(task).toMatchObject({ before: { width: 256, height: 256 }, prompt: expect.stringMatching(/^thing \d+$/) });
    expect(task.tests).toHaveLength(2);
    expect(checkPair(task.before, task.after)).toMatchObject({ usable: true, problems: [] });
    expect((await readTask(two, name)).digest).toBe(task.digest);
    for (const test of task.tests) {
      expect((await readTest(two, task, test)).digest).toBe((await readTest(one, task, test)).digest);
    }
  }
  await build(two, ['designers-gradient-1'], 2);
  expect(readdirSync(join(two, 'designers-gradient-1/test'))).not.toEqual(
    readdirSync(join(one, 'designers-gradient-1/test')),
  );
});

test('before and after of a family share their ink, on white paper, where a style may fill', async () => {
  const output = join(root, 'family');
  await build(output, ['family-icon-park-outline-solid-1']);
  const { before, after } = await readTask(output, 'family-icon-park-outline-solid-1');
  for (const { data } of [before, after]) {
    expect([...data.slice(0, 4)]).toEqual([255, 255, 255, 255]);
    const colours = new Set<string>();
    for (let i = 0; i < data.length; i += 4) colours.add(data.slice(i, i + 4).join());
    expect(colours).toContain([0x1f, 0x3f, 0xae, 255].join());
  }
});

test('photographs are styled as they are, the same style on every one', async () => {
  const output = join(root, 'photographs');
  cpSync(join(__dirname, '../../bench/pairs/photographs'), join(root, 'bench/pairs/photographs'), { recursive: true });
  await build(output, ['photograph-night-2']);
  const task = await readTask(output, 'photograph-night-2');
  expect(task).toMatchObject({ kind: 'photographs', split: 'report', before: { width: 256, height: 256 } });
  const { input, truth } = await readTest(output, task, task.tests[0]!);
  const gain = [0.3, 0.4, 0.65];
  const worst = truth.data.reduce((most, value, i) => {
    const c = i % 4;
    const expected = c === 3 ? 255 : 255 * gain[c]! * (input.data[i]! / 255) ** 1.4;
    return Math.max(most, Math.abs(value - expected));
  }, 0);
  expect(worst).toBeLessThanOrEqual(0.51);
});

test('broken pairs differ from the sound one in the after image alone', async () => {
  const output = join(root, 'broken');
  await build(output, ['broken-none', 'broken-mirrored', 'broken-shifted-9-percent']);
  const [mirrored, none, shifted] = await Promise.all((await taskNames(output)).map((name) => readTask(output, name)));
  for (const task of [mirrored!, shifted!]) {
    expect(task.before.data).toEqual(none!.before.data);
    expect(task.after.data).not.toEqual(none!.after.data);
    expect(task.tests).toEqual(none!.tests);
  }
  expect(checkPair(shifted!.before, shifted!.after)).toMatchObject({
    problems: ['shifted'],
    shift: { x: -23, y: -13 },
  });
  expect(JSON.parse(readFileSync(join(output, 'broken-mirrored/task.json'), 'utf8'))).toMatchObject({
    about: { break: 'mirrored' },
  });
});

test('says which package is missing and how to get it', async () => {
  rmSync(join(root, 'bench/pairs/node_modules/@iconify-json/noto'), { recursive: true });
  await expect(build(join(root, 'three'), ['robust'])).rejects.toThrow(
    'the icon set noto is not installed; run: npm ci --prefix bench/pairs',
  );
});
