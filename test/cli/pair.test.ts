/** `diptych restyle --pair`: no style file, the pair itself is the style. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadImage } from '../../cli/inputs/images';
import { Engine } from '../../engine/engine';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { built } from '../support/built';
import { BLUE, CLEAR, drawing, PALE, RED } from '../support/tiny-engine';
import { desk, writePair, writePng, type Desk } from './desk';

const NET = join(__dirname, '..', 'goldens', 'cases', 'pair', 'one-reference', 'net');
const MODEL = ['--model', NET, '--threads', '1'];

let d: Desk;
let pair: [string, string];
let icon: string;
beforeEach(async () => {
  d = desk((folder, options, signal) => Engine.open(folder, nodeBackend, options, signal));
  pair = await writePair(d);
  icon = d.at('icon.png');
  await writePng(icon, drawing(60, 44, RED, CLEAR));
});
afterEach(() => d.close());

test('the built command needs neither a style nor a model', async () => {
  const out = d.at('out');
  const argv = ['restyle', '--pair', ...pair, icon, '-o', out, '--json', '--threads', '1'];
  const run = spawnSync(process.execPath, [built('cli/diptych.mjs'), ...argv], { encoding: 'utf8' });
  expect(run.stderr).not.toContain('diptych:');
  expect(run.status).toBe(0);
  expect(JSON.parse(run.stdout)).toMatchObject({
    pairs: [{ before: pair[0], after: pair[1], pair: { usable: true } }],
    strengths: [1],
    model: expect.stringContaining('diptych-pair'),
    results: [{ input: icon, output: join(out, 'icon.png'), width: 60, height: 44 }],
  });
  // The pair turns red into blue: the red disc of the icon moves that way, and its alpha stays.
  const [before, after] = [await loadImage(icon), await loadImage(join(out, 'icon.png'))];
  const at = 4 * (20 * 60 + 20);
  expect([...before.data.subarray(at, at + 4)]).toEqual([...RED]);
  const [r, , b, a] = after.data.subarray(at, at + 4);
  expect(r).toBeLessThan(RED[0] - 20);
  expect(b).toBeGreaterThan(RED[2] + 20);
  expect(a).toBe(255);
  expect(after.data[3]).toBe(0);
});

test('strength 0 is the original; several pairs; nothing is written over', async () => {
  await writePng(d.at('more.png'), drawing(40, 40, BLUE, PALE));
  const run = (...argv: string[]) => d.run('restyle', '--pair', ...pair, ...argv, '-o', d.at('out'), ...MODEL);
  const zero = await run(icon, '--strength', '0');
  expect(zero.code).toBe(0);
  expect((await loadImage(d.at('out/icon.png'))).data).toEqual((await loadImage(icon)).data);
  const again = await run(icon);
  expect([again.code, again.err]).toEqual([2, expect.stringContaining('already there')]);
  const skipped = await run('--pair', ...pair, icon, d.at('more.png'), '--skip-existing', '--json');
  expect(JSON.parse(skipped.out)).toMatchObject({
    pairs: [{ before: pair[0] }, { after: pair[1] }],
    skipped: [icon],
    results: [{ input: d.at('more.png') }],
  });
  const full = await run(icon, '--overwrite');
  expect(full.code).toBe(0);
  expect((await loadImage(d.at('out/icon.png'))).data).not.toEqual((await loadImage(icon)).data);
});

test('a picture of the pair is not replaced by a result', async () => {
  const { code, err } = await d.run('restyle', '--pair', ...pair, pair[0], '-o', d.folder, '--overwrite', ...MODEL);
  expect([code, err]).toEqual([2, expect.stringContaining('would overwrite the input')]);
});

test.each<[string, (d: Desk) => string[], string]>([
  ['one picture', () => ['--pair', pair[0]], '--pair takes two pictures: --pair BEFORE AFTER'],
  ['an option in its place', () => ['--pair', pair[0], '-o'], '--pair takes two pictures'],
  ['no image', () => ['--pair', ...pair, '-o', 'out'], 'no image is given'],
  ['six pairs', () => [...new Array(6).fill(['--pair', ...pair]).flat(), icon, '-o', 'out'], 'more than 5 times'],
  ['a prompt', () => ['--pair', ...pair, icon, '-o', 'out', '--prompt', 'x'], '--prompt has no meaning with --pair'],
  ['two strengths', () => ['--pair', ...pair, icon, '-o', 'out', '--strength', '1,2'], '2 strengths for one style'],
  ['no pair', () => ['--pair', pair[0], pair[0], icon, '-o', 'out'], '--force'],
])('%s: refused in one line', async (_, argv, message) => {
  const { code, err } = await d.run('restyle', ...(argv(d) as string[]), ...MODEL);
  expect([code, err]).toEqual([2, expect.stringContaining(message)]);
  expect(err.trim().split('\n')).toHaveLength(1);
  expect(readdirSync(d.folder).sort()).toEqual(['after.png', 'before.png', 'icon.png']);
});

test('learn keeps pairs in a style that restyle uses and inspect reads', async () => {
  const style = d.at('ink.safetensors');
  const learn = ['learn', ...pair, '-o', style, '--pair', ...pair, ...MODEL];
  const learned = await d.run(...learn, '--steps', '0', '--json');
  expect(learned.code).toBe(0);
  expect(learned.err).toContain('kept 2 pairs');
  expect(JSON.parse(learned.out)).toMatchObject({ output: style, style: 'ink', steps: 0, losses: [] });
  const again = await d.run(...learn);
  expect([again.code, again.err]).toEqual([2, expect.stringContaining('already there')]);

  const restyled = await d.run('restyle', style, icon, '-o', d.at('file'), ...MODEL);
  expect(restyled.code).toBe(0);
  await d.run('restyle', '--pair', ...pair, '--pair', ...pair, icon, '-o', d.at('pair'), ...MODEL);
  expect((await loadImage(d.at('file/icon.png'))).data).toEqual((await loadImage(d.at('pair/icon.png'))).data);
  const steps = await d.run('restyle', style, icon, '-o', d.at('file'), '--overwrite', '--steps', '4', ...MODEL);
  expect([steps.code, steps.err]).toEqual([2, expect.stringContaining('--steps has no meaning')]);

  const inspected = JSON.parse((await d.run('inspect', style, '--json')).out) as object;
  expect(inspected).toMatchObject({ kind: 'pairs', facts: { style: 'ink', pairs: ['48 x 48 px', '48 x 48 px'] } });
  expect((await d.run('inspect', NET)).out).toContain('pair-conditioned');
});

test('a style of another base than the bundled one is refused with what to do', async () => {
  const style = d.at('ink.safetensors');
  await d.run('learn', ...pair, '-o', style, ...MODEL);
  const argv = ['restyle', style, icon, '-o', d.at('out'), '--threads', '1'];
  const run = spawnSync(process.execPath, [built('cli/diptych.mjs'), ...argv], { encoding: 'utf8' });
  expect([run.status, run.stderr]).toEqual([2, expect.stringContaining('was made for net')]);
  expect(run.stderr).toContain('--model DIR');
});

test('a model of the other kind is refused in one line, and so is a style file in place of an image', async () => {
  writeFileSync(d.at('model.json'), readFileSync(join(NET, 'config.json')));
  const other = join(__dirname, '..', 'fixtures', 'tiny-model');
  const argv = ['restyle', '--pair', ...pair, icon, '-o', d.at('out'), '--threads', '1'];
  const { code, err } = await d.run(...argv, '--model', other);
  expect([code, err]).toEqual([2, expect.stringContaining('cannot read a style from a pair alone')]);
  const image = await d.run('restyle', '--pair', ...pair, d.at('model.json'), '-o', d.at('out'), ...MODEL);
  expect([image.code, image.err]).toEqual([2, expect.stringContaining('model.json')]);
});
