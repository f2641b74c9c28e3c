/**
 * The whole benchmark, as built in dist/, on a suite of two tasks that can be learned from and one that cannot, with a
 * random tiny model.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Image } from '../../engine/image/image';
import { writePng } from '../cli/desk';
import { built } from '../support/built';
import { paint } from '../support/pictures';
import { BLUE, CLEAR, drawing, PALE, RED, TINY_MODEL } from '../support/tiny-engine';

const PROGRAM = built('pairbench.mjs');

let folder: string;
let suite: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'diptych-pairbench-'));
  suite = join(folder, 'suite');
  // One ink on transparency, as icons are; the truth of every test is another ink, or the input itself.
  const icon = (ink: typeof RED): Image => drawing(48, 48, ink, CLEAR);
  const recoloured = { 'red.png': [icon(RED), icon(BLUE)], 'blue.png': [icon(BLUE), icon(BLUE)] } as const;
  await writeTask('a-recolour', drawing(48, 48, RED, PALE), drawing(48, 48, BLUE, PALE), recoloured, {
    kind: 'families',
    split: 'tune',
    style: 'blue',
    prompt: 'a disc',
  });
  await writeTask('b-bare', icon(RED), icon(BLUE), recoloured, {});
  const stripes = paint(48, 48, (x) => (x % 6 < 3 ? [0, 0, 0, 255] : [255, 255, 255, 255]));
  await writeTask('c-unrelated', drawing(48, 48, RED, PALE), stripes, recoloured, { kind: 'broken' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function writeTask(
  name: string,
  before: Image,
  after: Image,
  tests: Readonly<Record<string, readonly [Image, Image]>>,
  file: object,
): Promise<void> {
  const at = (...path: string[]): string => join(suite, name, ...path);
  for (const part of ['test', 'truth']) mkdirSync(at(part), { recursive: true });
  await writePng(at('before.png'), before);
  await writePng(at('after.png'), after);
  for (const [test, [input, truth]] of Object.entries(tests)) {
    await writePng(at('test', test), input);
    await writePng(at('truth', test), truth);
  }
  writeFileSync(at('task.json'), JSON.stringify(file));
}

function pairbench(...argv: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...argv], { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

interface Summary {
  readonly results: string;
  readonly rows: {
    readonly kind: string;
    readonly split: string;
    readonly row: string;
    readonly images: number;
    readonly closer: number;
    readonly metrics: Record<string, { readonly mean: number } | null>;
  }[];
  readonly refused: { readonly task: string; readonly refused: string }[];
}

const FEW = ['--steps', '16', '--content-steps', '1', '--restyle-steps', '2', '--rank', '2', '--lr', '0.05'];
const ROWS = ['--rows', 'diptych@0.5,diptych@1,sdedit@0.5,colour-map'];

test('learns, restyles, scores, refuses, and goes on where it stopped', () => {
  const argv = ['--suite', suite, '--out', join(folder, 'out'), '--model', TINY_MODEL, '--threads', '1', '--json'];
  const first = pairbench(...argv, ...FEW, ...ROWS, '--limit', '1', '--tasks', 'a-');
  expect(first.err).not.toContain('pairbench:');
  expect(first.code).toBe(0);

  const whole = pairbench(...argv, ...FEW, ...ROWS);
  expect(whole.code).toBe(0);
  expect(whole.err).toContain('a-recolour: 5 results');
  expect(whole.err).toContain('b-bare: 10 results');
  const summary = JSON.parse(whole.out) as Summary;
  expect(summary.refused).toMatchObject([{ task: 'c-unrelated', refused: expect.stringContaining('same layout') }]);
  expect(summary.rows.map(({ kind, split, row, images }) => `${kind} ${split} ${row} ${images}`).sort()).toEqual(
    ['families tune', 'other report'].flatMap((group) =>
      ['colour-map', 'diptych@0.5', 'diptych@1', 'nothing', 'sdedit@0.5'].map((row) => `${group} ${row} 2`),
    ),
  );
  const of = (row: string) => summary.rows.find((one) => one.kind === 'other' && one.row === row)!;
  expect(of('nothing').closer).toBe(0);
  expect(of('nothing').metrics['ownStructure']!.mean).toBeCloseTo(1, 4);
  // Red to blue is what the pair says; the picture that is blue already can only get worse.
  expect(of('colour-map').closer).toBe(0.5);
  expect(of('diptych@1').metrics['ownStructure']!.mean).toBeLessThan(of('diptych@0.5').metrics['ownStructure']!.mean);

  // A killed run leaves half a line: what is whole counts.
  const lines = join(summary.results, 'results.jsonl');
  writeFileSync(lines, `${readFileSync(lines, 'utf8')}{"task":"a-rec`);
  const again = pairbench(...argv, ...FEW, ...ROWS);
  expect(again.err).toContain('a-recolour: known already');
  expect(again.err).toContain('b-bare: known already');
  expect(JSON.parse(again.out)).toEqual(summary);

  // Other settings are another run; where they are of restyling alone, it shares what was learned.
  const restyled = pairbench(...argv, ...FEW, ...ROWS, '--start', '0.5', '--limit', '1', '--tasks', 'a-');
  const other = (JSON.parse(restyled.out) as Summary).results;
  expect(other).not.toBe(summary.results);
  expect(dirname(other)).toBe(dirname(summary.results));
  expect(readdirSync(join(dirname(other), 'styles'))).toHaveLength(2);
  const learned = pairbench(...argv, ...FEW, '--rows', 'nothing', '--seed', '1');
  expect(dirname((JSON.parse(learned.out) as Summary).results)).not.toBe(dirname(other));

  const page = ['page', '--suite', suite, '--results', summary.results, '-o', join(folder, 'docs')];
  expect(pairbench(...page).code).toBe(0);
  const path = join(folder, 'docs/pairbench.md');
  const made = readFileSync(path, 'utf8');
  expect(made).toContain('| Diptych, 0.5 |');
  expect(made).toContain('- c-unrelated: The two images do not show the same layout');
  expect(readdirSync(join(folder, 'docs/pairbench'))).toEqual(expect.arrayContaining(['other.png', 'other.svg']));
  const picture = readFileSync(join(folder, 'docs/pairbench/other.png'));

  // What was written by hand stays, and nothing else changes.
  writeFileSync(path, made.replace('-->\n<!-- End', '-->\nSeen with my own eyes.\n<!-- End'));
  expect(pairbench(...page).code).toBe(0);
  const kept = readFileSync(path, 'utf8');
  expect(kept).toContain('Seen with my own eyes.');
  expect(kept.replace('Seen with my own eyes.\n', '')).toBe(made);
  expect(readFileSync(join(folder, 'docs/pairbench/other.png')).equals(picture)).toBe(true);
});

test('the ruler measures no harm least, and another picture most', () => {
  const { code, out } = pairbench('ruler', '--suite', suite, '--tasks', 'b-', '--limit', '2');
  expect(code).toBe(0);
  const cells = out
    .trim()
    .split('\n')
    .slice(2)
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const perceptual = new Map(cells.map(([, title, value]) => [title!, Number(value)]));
  const order = ['moved by 1 px', 'moved by 4 px', 'blurred, sigma 3 px'].map((title) => perceptual.get(title)!);
  expect([...order].sort((a, b) => a - b)).toEqual(order);
  expect(perceptual.get('noise of 15 grey levels')).toBeGreaterThan(perceptual.get('noise of 5 grey levels')!);
});

test('bad input is one line that says how to fix it', () => {
  const cases: [string[], string][] = [
    [[], "required option '--suite <dir>' not specified"],
    [['--suite', join(folder, 'nowhere')], 'make one with: npm run pairbench -- build'],
    [['--suite', folder], 'no folder in it holds a task.json'],
    [['--suite', suite, '--tasks', 'zebra'], 'begins so'],
    [['--suite', suite, '--rows', 'magic'], 'there is no row magic'],
    [['page', '--suite', suite, '--results', folder], 'holds no run.json'],
  ];
  for (const [argv, message] of cases) {
    const { code, err } = pairbench(...argv);
    expect(err).toContain(message);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(2);
  }
});

test('a task with a picture that has no truth is refused by name', async () => {
  const lost = join(folder, 'lost');
  const [red, blue] = [drawing(48, 48, RED, PALE), drawing(48, 48, BLUE, PALE)];
  for (const part of ['test', 'truth']) mkdirSync(join(lost, 'task', part), { recursive: true });
  for (const [name, picture] of Object.entries({ before: red, after: blue, 'test/alone': red })) {
    await writePng(join(lost, 'task', `${name}.png`), picture);
  }
  writeFileSync(join(lost, 'task/task.json'), '{}');
  const argv = ['--suite', lost, '--out', join(folder, 'out'), '--model', TINY_MODEL, '--rows', 'nothing'];
  const { code, err } = pairbench(...argv);
  expect(code).toBe(2);
  expect(err).toContain('test/alone.png: has no truth of the same name');
  expect(existsSync(join(lost, 'task/truth/alone.png'))).toBe(false);
});
