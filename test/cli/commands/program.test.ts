/** The command line's contract: arguments, exit codes, JSON, the model. The engine is a stand-in here. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeVerdict } from '../../../cli/subcommands/check';
import type { ImagineRequest } from '../../../engine/requests';
import { paint } from '../../support/pictures';
import { standIn, writePair, writePng, writeStyle } from '../desk';
import { MODEL, newDesk } from './desks';

describe('usage', () => {
  test('help and every command are there', async () => {
    const { code, out } = await newDesk().run('--help');
    expect(code).toBe(0);
    for (const name of ['learn', 'restyle', 'imagine', 'check', 'inspect']) expect(out).toContain(name);
  });

  test.each([
    [['learn', 'a.png', '-o', 'c.safetensors'], "missing required argument 'after'"],
    [['learn', 'a.png', 'b.png'], "required option '-o, --output <file>' not specified"],
    [['restyle', 's', 'a.png', '-o', 'd', '--strength', '9'], '--strength 9: use a number from -4 to 4'],
    [['learn', 'a', 'b', '-o', 'c.safetensors', '--rank', '0'], '--rank 0: use a whole number from 1 to 1024'],
    [['learn', 'a', 'b', '-o', 'c.safetensors', '--mode', 'fast'], '--mode fast: use one of pair'],
    [[], 'no command is given'],
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['check', 'a', 'b', '--colour'], "unknown option '--colour'"],
  ])('%j is refused with exit 2 in one line', async (argv, message) => {
    const { code, out, err } = await newDesk().run(...argv);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toContain(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  test('with --json an error is an object too', async () => {
    const { code, out } = await newDesk().run('check', 'none.png', 'none.png', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({
      error: 'none.png: cannot be read (no such file or directory); check the path',
      exitCode: 2,
    });
  });
});

describe('check', () => {
  test('a pair is usable, two different drawings are not', async () => {
    const d = newDesk();
    const [before, after] = await writePair(d);
    const good = await d.run('check', before, after, '--json');
    expect(good.code).toBe(0);
    expect(JSON.parse(good.out)).toMatchObject({ usable: true, problems: [] });

    await writePng(
      d.at('other.png'),
      paint(48, 48, (x, y) => (((x >> 3) + (y >> 3)) % 2 ? [0, 0, 0, 255] : [255, 255, 255, 255])),
    );
    const bad = await d.run('check', before, d.at('other.png'));
    expect(bad.code).toBe(2);
    expect(bad.out).toContain('usable           no');
    expect(bad.err).toMatch(/^diptych: The two images do not show the same layout[^\n]*\n$/);
  });

  test('for people: what was measured, and how far one is off where it is', () => {
    const verdict = { usable: true, verdict: 'It is off.', problems: [], edgeAgreement: 0.756, difference: 0.1234 };
    const measured = 'It is off.\nusable           yes\nedge agreement   0.76 of 1\nmean difference  12.3 %\n';
    expect(describeVerdict({ ...verdict, shift: { x: 0, y: 0 } })).toBe(measured);
    for (const [x, y] of [
      [-2, 0],
      [0, 3],
    ] as const) {
      expect(describeVerdict({ ...verdict, shift: { x, y } })).toBe(
        `${measured}shift            ${x} px across, ${y} px down\n`,
      );
    }
  });
});

test('imagine writes a PNG', async () => {
  const asked: ImagineRequest[] = [];
  const picture = paint(32, 32, (x) => [8 * x, 0, 0, 255]);
  const d = newDesk(standIn({ imagine: async (request) => (asked.push(request), picture) }));
  const style = writeStyle(d, 's.safetensors');
  const { code } = await d.run('imagine', style, '--prompt', 'a cat', '--seed', '5', '-o', d.at('cat.png'), ...MODEL);
  expect(code).toBe(0);
  expect(asked[0]).toMatchObject({ prompt: 'a cat', seed: 5, styles: [{ strength: 1 }] });
  expect(existsSync(d.at('cat.png'))).toBe(true);
});

test('imagine: every setting reaches the engine, the answer is whole, and nothing is replaced unasked', async () => {
  const asked: ImagineRequest[] = [];
  const picture = paint(32, 16, () => [9, 0, 0, 255]);
  const d = newDesk(
    standIn({
      imagine: async (request, hooks) => {
        asked.push(request);
        hooks?.onProgress?.({ phase: 'restyle', step: 0, steps: 1, warning: 'the prompt was cut' });
        return picture;
      },
    }),
  );
  const [a, b] = [writeStyle(d, 'a'), writeStyle(d, 'b')];
  const output = d.at('cat.png');
  const argv = ['imagine', a, '--with', b, '--strength', '0.5,2', '--prompt', 'a cat', '-o', output, ...MODEL];
  const settings = '--guidance 3 --steps 7 --size 64 --start 0.9 --seed 5 --force --json'.split(' ');
  const { code, out, err } = await d.run(...argv, ...settings);
  expect(code).toBe(0);
  expect(asked[0]).toMatchObject({
    ...{ guidanceScale: 3, steps: 7, size: 64, start: 0.9, seed: 5, force: true },
    styles: [{ strength: 0.5 }, { strength: 2 }],
  });
  expect(JSON.parse(out)).toMatchObject({
    ...{ output, width: 32, height: 16, model: 'stand-in', device: { kind: 'cpu' }, warnings: ['the prompt was cut'] },
    adapters: [{ style: a }, { style: b }],
    seconds: expect.any(Number),
  });
  expect(err).toContain('note: the prompt was cut\n');
  expect(err).toMatch(/cat\.png {2}32 x 16 px {2}0 s\n$/);

  expect((await d.run(...argv)).err).toBe(
    `diptych: ${output} is already there; choose another -o, or replace it with --overwrite\n`,
  );
  expect((await d.run(...argv, '--overwrite')).code).toBe(0);
  expect(Object.keys(asked[1]!).sort()).toEqual(['prompt', 'styles']);
  const other = await d.run('imagine', a, '--prompt', 'x', '-o', d.at('cat.jpg'), ...MODEL);
  expect([other.code, other.err]).toEqual([2, expect.stringContaining('the result is a .png file')]);
});

describe('the model that comes with Diptych', () => {
  test('is the one folder of models/ that is a model', async () => {
    const names: string[] = [];
    const root = newDesk().folder;
    mkdirSync(join(root, 'models/notes'), { recursive: true });
    mkdirSync(join(root, 'models/one'));
    writeFileSync(join(root, 'models/one/model_index.json'), '{}');
    const d = newDesk(async (folder, options, signal) => {
      names.push(folder.name);
      return standIn({ imagine: async () => paint(8, 8, () => [0, 0, 0, 255]) })(folder, options, signal);
    }, root);
    const argv = ['imagine', writeStyle(d, 's'), '--prompt', 'x', '-o', d.at('x.png'), '--overwrite'];
    expect((await d.run(...argv)).code).toBe(0);
    expect(names).toEqual([join('models', 'one')]);

    mkdirSync(join(root, 'models/two'));
    writeFileSync(join(root, 'models/two/model_index.json'), '{}');
    const { code, err } = await d.run(...argv);
    expect(code).toBe(2);
    expect(err).toContain('there are 2 models (one, two)');
  });
});
