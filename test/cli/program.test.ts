/** The command line's contract: arguments, files, exit codes, JSON, cancelling. The engine is a stand-in here. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { quote } from '../../cli/command-line';
import { CancelledError, DeviceError, InputError } from '../../engine/errors';
import type { ImagineRequest, LearnRequest, RestyleRequest } from '../../engine/requests';
import { BLUE, drawing, PALE, RED, TINY_MODEL } from '../support/tiny-engine';
import { paint } from '../support/pictures';
import { desk, standIn, writePair, writePng, writeStyle, type Desk } from './desk';

const open: Desk[] = [];
function newDesk(...given: Parameters<typeof desk>): Desk {
  const made = desk(...given);
  open.push(made);
  return made;
}
afterEach(() => open.splice(0).forEach((made) => made.close()));

const MODEL = ['--model', TINY_MODEL];

/** The bytes of a style that is a file, as text. */
function fileOf(style: RestyleRequest['styles'][number]): string {
  return 'file' in style ? Buffer.from(style.file).toString() : 'no file';
}

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
});

describe('learn', () => {
  const result = { style: Uint8Array.of(7, 7), losses: [{ step: 1, content: 1, style: null }], steps: 1, seconds: 2 };

  test('hands the engine what was asked and writes the style', async () => {
    const asked: LearnRequest[] = [];
    const d = newDesk(standIn({ learn: async (request) => (asked.push(request), result) }));
    const [before, after] = await writePair(d);
    const output = d.at('new/ink.safetensors');
    const options = '--prompt cat --steps 30 --content-steps 5 --rank 8 --lr 0.001 --seed 3 --mode paper'.split(' ');
    const { code, out } = await d.run('learn', before, after, '-o', output, ...options, ...MODEL, '--json');
    expect(code).toBe(0);
    expect(asked[0]).toMatchObject({
      prompt: 'cat',
      style: 'ink',
      steps: 30,
      contentSteps: 5,
      rank: 8,
      learningRate: 0.001,
      seed: 3,
      mode: 'paper',
    });
    expect(asked[0]!.before).toEqual(drawing(48, 48, RED, PALE));
    expect(asked[0]!.after).toEqual(drawing(48, 48, BLUE, PALE));
    expect(asked[0]).not.toHaveProperty('resume');
    expect([...readFileSync(output)]).toEqual([7, 7]);
    expect(JSON.parse(out)).toMatchObject({ output, style: 'ink', steps: 1, losses: result.losses });
  });

  test('options that are not given are left to the engine', async () => {
    const asked: LearnRequest[] = [];
    const d = newDesk(standIn({ learn: async (request) => (asked.push(request), result) }));
    await d.run('learn', ...(await writePair(d)), '-o', d.at('s.safetensors'), ...MODEL);
    expect(Object.keys(asked[0]!).sort()).toEqual([
      'after',
      'before',
      'checkpointEvery',
      'checkpointSeconds',
      'prompt',
      'style',
    ]);
  });

  test('a pair that is none is refused before the model is opened', async () => {
    const d = newDesk();
    const [before] = await writePair(d);
    const { code, err } = await d.run('learn', before, before, '-o', d.at('s.safetensors'), ...MODEL);
    expect(code).toBe(2);
    expect(err).toContain('The two images are the same');
    expect(readdirSync(d.folder).sort()).toEqual(['after.png', 'before.png']);
  });

  test('cancelling after work saves a checkpoint, says how to go on, and --resume does', async () => {
    const asked: LearnRequest[] = [];
    const d = newDesk(
      standIn({
        async learn(request, hooks) {
          asked.push(request);
          if (request.resume) return result;
          hooks?.onProgress?.({ phase: 'learn', step: 4, steps: 9, checkpoint: Uint8Array.of(1, 2, 3) });
          throw new CancelledError('cancelled after 4 of 9 steps');
        },
      }),
    );
    const pair = await writePair(d);
    const output = d.at("a b's.safetensors");
    const first = await d.run('learn', ...pair, '-o', output, ...MODEL);
    expect(first.code).toBe(130);
    expect([...readFileSync(`${output}.checkpoint`)]).toEqual([1, 2, 3]);
    expect(existsSync(output)).toBe(false);
    expect(first.err).toContain('cancelled after 4 of 9 steps; saved in');
    expect(first.err).toContain(
      `diptych learn ${pair[0]} ${pair[1]} -o ${quote(output)} --model ${TINY_MODEL} --resume`,
    );

    const second = await d.run('learn', ...pair, '-o', output, ...MODEL, '--resume');
    expect(second.code).toBe(0);
    expect([...asked[1]!.resume!]).toEqual([1, 2, 3]);
    expect(readdirSync(d.folder).sort()).toEqual(["a b's.safetensors", 'after.png', 'before.png']);
  });

  test('cancelling before any step leaves nothing', async () => {
    const d = newDesk(standIn({ learn: () => Promise.reject(new CancelledError()) }));
    const { code, err } = await d.run('learn', ...(await writePair(d)), '-o', d.at('s.safetensors'), ...MODEL);
    expect(code).toBe(130);
    expect(err).toContain('nothing was learned yet');
    expect(readdirSync(d.folder).sort()).toEqual(['after.png', 'before.png']);
  });

  test('the checkpoint of a run that diverged is of no use and is removed', async () => {
    const d = newDesk(
      standIn({
        async learn(_, hooks) {
          hooks?.onProgress?.({ phase: 'learn', step: 4, steps: 9, checkpoint: Uint8Array.of(1) });
          throw new InputError('learning diverged');
        },
      }),
    );
    const { code } = await d.run('learn', ...(await writePair(d)), '-o', d.at('s.safetensors'), ...MODEL);
    expect(code).toBe(2);
    expect(readdirSync(d.folder).sort()).toEqual(['after.png', 'before.png']);
  });

  test('neither a style nor a checkpoint that is there is replaced unasked', async () => {
    const d = newDesk(standIn({ learn: async () => result }));
    const pair = await writePair(d);
    const output = d.at('s.safetensors');
    writeFileSync(output, 'mine');
    const argv = ['learn', ...pair, '-o', output, ...MODEL];
    const style = await d.run(...argv);
    expect([style.code, style.err]).toEqual([
      2,
      `diptych: ${output} is already there; choose another -o, or replace it with --overwrite\n`,
    ]);
    rmSync(output);
    writeFileSync(`${output}.checkpoint`, 'mine');
    const checkpoint = await d.run(...argv);
    expect(checkpoint.code).toBe(2);
    expect(checkpoint.err).toContain('an unfinished run is kept there; go on with --resume');
    expect(readFileSync(`${output}.checkpoint`, 'utf8')).toBe('mine');
    expect((await d.run(...argv, '--overwrite')).code).toBe(0);
    expect(readdirSync(d.folder).sort()).toEqual(['after.png', 'before.png', 's.safetensors']);
  });

  test('a checkpoint that cannot be written costs a warning, not the style', async () => {
    const d = newDesk(
      standIn({
        async learn(_, hooks) {
          for (let step = 1; step <= 3; step++) {
            hooks?.onProgress?.({ phase: 'learn', step, steps: 9, checkpoint: Uint8Array.of(step) });
            await new Promise((resolve) => setTimeout(resolve, 30));
          }
          return result;
        },
      }),
    );
    const output = d.at('s.safetensors');
    // Neither a file nor a checkpoint: a folder that the command is told to replace.
    mkdirSync(`${output}.checkpoint/x`, { recursive: true });
    const { code, err } = await d.run('learn', ...(await writePair(d)), '-o', output, '--overwrite', ...MODEL);
    expect(code).toBe(0);
    expect(err.match(/^warning: [^\n]*checkpoint: cannot be written [^\n]*$/gm)).toHaveLength(1);
    expect([...readFileSync(output)]).toEqual([7, 7]);
  });

  test('--resume without a checkpoint is refused', async () => {
    const d = newDesk();
    const { code, err } = await d.run('learn', ...(await writePair(d)), '-o', d.at('s.safetensors'), '--resume');
    expect(code).toBe(2);
    expect(err).toContain('there is no checkpoint');
  });
});

describe('restyle', () => {
  const asked: RestyleRequest[] = [];
  const engine = standIn({ restyle: async (request) => (asked.push(request), request.image) });
  beforeEach(() => asked.splice(0));

  test('writes one PNG per image, with a strength per style', async () => {
    const d = newDesk(engine);
    const [before, after] = await writePair(d);
    const styles = `${writeStyle(d, 'a.safetensors')},${writeStyle(d, 'b.safetensors')}`;
    const options = '--strength 0.5,-1 --guide scale --steps 7 --start 0.4 --prompt cat --json'.split(' ');
    const { code, out } = await d.run('restyle', styles, before, after, '-o', d.at('out'), ...options, ...MODEL);
    expect(code).toBe(0);
    expect(readdirSync(d.at('out')).sort()).toEqual(['after.png', 'before.png']);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toMatchObject({ guide: 'scale', steps: 7, start: 0.4, prompt: 'cat' });
    expect(asked[0]!.styles.map((style) => [fileOf(style), style.strength])).toEqual([
      ['a.safetensors', 0.5],
      ['b.safetensors', -1],
    ]);
    expect(JSON.parse(out)).toMatchObject({
      strengths: [0.5, -1],
      results: [{ input: before, output: join(d.at('out'), 'before.png'), width: 48, height: 48 }, { input: after }],
    });
  });

  test('an input is not overwritten, and two images of one name do not meet', async () => {
    const d = newDesk();
    const [before] = await writePair(d);
    const style = writeStyle(d, 's.safetensors');
    const over = await d.run('restyle', style, before, '-o', d.folder, ...MODEL);
    expect(over.code).toBe(2);
    expect(over.err).toContain('would overwrite the input');

    mkdirSync(d.at('sub'));
    await writePng(d.at('sub/Before.png'), drawing(48, 48, RED, PALE));
    const twice = await d.run('restyle', style, before, d.at('sub/Before.png'), '-o', d.at('out'), ...MODEL);
    expect(twice.code).toBe(2);
    expect(twice.err).toContain('would both be written to');
  });

  test('a bad image among good ones is found before the work begins', async () => {
    const d = newDesk();
    const [before] = await writePair(d);
    writeFileSync(d.at('bad.png'), 'no picture');
    const { code, err } = await d.run(
      'restyle',
      writeStyle(d, 's'),
      before,
      d.at('bad.png'),
      '-o',
      d.at('out'),
      ...MODEL,
    );
    expect(code).toBe(2);
    expect(err).toMatch(/bad\.png: cannot be read as an image/);
    expect(readdirSync(d.at('out'))).toEqual([]);
  });

  test('every bad image is named', async () => {
    const d = newDesk();
    const names = ['a.png', 'b.png', 'c.png', 'd.png'].map(d.at);
    for (const name of names) writeFileSync(name, 'no picture');
    const [before] = await writePair(d);
    const { code, err } = await d.run('restyle', writeStyle(d, 's'), before, ...names, '-o', d.at('out'), ...MODEL);
    expect(code).toBe(2);
    expect(err).toMatch(
      /^diptych: 4 of 5 images cannot be used: [^\n]*a\.png[^\n]*b\.png[^\n]*c\.png[^\n]* \| and 1 more\n$/,
    );
  });

  test('an image that fails is one, the others are done, and both are listed', async () => {
    let n = 0;
    const d = newDesk(
      standIn({
        restyle: async ({ image }) => {
          if (++n === 2) throw new InputError('too odd; use another');
          if (n === 3) throw new DeviceError('out of memory; use a smaller image');
          return image;
        },
      }),
    );
    const [before, after] = await writePair(d);
    for (const name of ['c', 'd']) await writePng(d.at(`${name}.png`), drawing(48, 48, RED, PALE));
    const inputs = [before, after, d.at('c.png'), d.at('d.png')];
    const { code, out, err } = await d.run(
      'restyle',
      writeStyle(d, 's'),
      ...inputs,
      '-o',
      d.at('out'),
      ...MODEL,
      '--json',
    );
    expect(code).toBe(2);
    expect(readdirSync(d.at('out')).sort()).toEqual(['before.png', 'd.png']);
    expect((JSON.parse(out) as { results: object[] }).results).toEqual([
      expect.objectContaining({ input: before, width: 48 }),
      { input: after, error: `${after}: too odd; use another` },
      { input: inputs[2], error: 'out of memory; use a smaller image' },
      expect.objectContaining({ input: inputs[3], width: 48 }),
    ]);
    expect(err).toContain(`diptych: 2 of 4 images failed: ${after}, ${inputs[2]}; the others are done\n`);
  });

  test('a file of the same name in the output folder is refused by name; --skip-existing leaves it', async () => {
    const d = newDesk(engine);
    const [before, after] = await writePair(d);
    mkdirSync(d.at('out'));
    writeFileSync(d.at('out/before.png'), 'mine');
    const argv = ['restyle', writeStyle(d, 's'), before, after, '-o', d.at('out'), ...MODEL];
    const refused = await d.run(...argv);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain(`${d.at('out/before.png')} is already there;`);
    expect(readdirSync(d.at('out'))).toEqual(['before.png']);
    const skipped = await d.run(...argv, '--skip-existing', '--json');
    expect(JSON.parse(skipped.out)).toMatchObject({ results: [{ input: after }], skipped: [before] });
    expect(readFileSync(d.at('out/before.png'), 'utf8')).toBe('mine');
    expect((await d.run(...argv, '--overwrite')).code).toBe(0);
    expect(readFileSync(d.at('out/before.png'), 'utf8')).not.toBe('mine');
  });

  test('styles by --with, and names that hold commas and spaces', async () => {
    const d = newDesk(engine);
    const [before] = await writePair(d);
    const odd = writeStyle(d, 'a,b.safetensors');
    const plain = writeStyle(d, 'c.safetensors');
    const named = async (...argv: string[]): Promise<string[]> => {
      asked.splice(0);
      const { code } = await d.run('restyle', ...argv, before, '-o', d.at('out'), '--overwrite', ...MODEL);
      expect(code).toBe(0);
      return asked[0]!.styles.map(fileOf);
    };
    expect(await named(odd)).toEqual(['a,b.safetensors']);
    expect(await named('--with', odd, plain)).toEqual(['c.safetensors', 'a,b.safetensors']);
    expect(await named(`${plain}, ${plain}`)).toEqual(['c.safetensors', 'c.safetensors']);
    const cwd = process.cwd();
    process.chdir(d.folder);
    try {
      writeStyle(d, ' spaced ');
      expect(await named(' spaced ')).toEqual([' spaced ']);
    } finally {
      process.chdir(cwd);
    }
  });

  test('an engine error names the image', async () => {
    const d = newDesk(standIn({ restyle: () => Promise.reject(new InputError('too odd; use another')) }));
    const [before] = await writePair(d);
    const { code, err } = await d.run('restyle', writeStyle(d, 's'), before, '-o', d.at('out'), ...MODEL);
    expect([code, err]).toEqual([2, `diptych: ${before}: too odd; use another\n`]);
  });

  test('a lost device is exit 1 in one line; a defect shows where it happened', async () => {
    const lost = newDesk(
      standIn({ restyle: () => Promise.reject(new DeviceError('out of memory; use a smaller image')) }),
    );
    const [before] = await writePair(lost);
    const device = await lost.run('restyle', writeStyle(lost, 's'), before, '-o', lost.at('out'), ...MODEL);
    expect([device.code, device.err]).toEqual([1, 'diptych: out of memory; use a smaller image\n']);

    const broken = newDesk(standIn({ restyle: () => Promise.reject(new TypeError('x is not a function')) }));
    const [image] = await writePair(broken);
    const defect = await broken.run('restyle', writeStyle(broken, 's'), image, '-o', broken.at('out'), ...MODEL);
    expect(defect.code).toBe(1);
    expect(defect.err).toContain('program.test.ts');
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
