/** `diptych restyle`: many images, their results' names, and what becomes of those that fail. The engine is a stand-in here. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { CancelledError, DeviceError, InputError } from '../../../engine/errors';
import type { RestyleRequest } from '../../../engine/requests';
import { drawing, PALE, RED } from '../../support/tiny-engine';
import { standIn, writePair, writePng, writeStyle } from '../desk';
import { MODEL, newDesk } from './desks';

/** The bytes of a style that is a file, as text. */
function fileOf(style: RestyleRequest['styles'][number]): string {
  return 'file' in style ? Buffer.from(style.file).toString() : 'no file';
}

describe('restyle', () => {
  const asked: RestyleRequest[] = [];
  const engine = standIn({ restyle: async (request) => (asked.push(request), request.image) });
  beforeEach(() => asked.splice(0));

  test('writes one PNG per image, with a strength per style', async () => {
    const d = newDesk(engine);
    const [before, after] = await writePair(d);
    const styles = `${writeStyle(d, 'a.safetensors')},${writeStyle(d, 'b.safetensors')}`;
    const options =
      '--strength 0.5,-1 --guide scale --steps 7 --start 0.4 --prompt cat --size 64 --seed 5 --force --json'.split(' ');
    const { code, out } = await d.run('restyle', styles, before, after, '-o', d.at('out'), ...options, ...MODEL);
    expect(code).toBe(0);
    expect(readdirSync(d.at('out')).sort()).toEqual(['after.png', 'before.png']);
    expect(asked).toHaveLength(2);
    const settings = { guide: 'scale', steps: 7, start: 0.4, prompt: 'cat', size: 64, seed: 5, force: true };
    expect(asked[0]).toMatchObject(settings);
    expect(asked[0]!.styles.map((style) => [fileOf(style), style.strength])).toEqual([
      ['a.safetensors', 0.5],
      ['b.safetensors', -1],
    ]);
    expect(JSON.parse(out)).toMatchObject({
      strengths: [0.5, -1],
      ...{ model: 'stand-in', device: { kind: 'cpu' }, warnings: [], skipped: [] },
      adapters: [{ style: d.at('a.safetensors'), applied: 1, modules: 1 }, { style: d.at('b.safetensors') }],
      results: [{ input: before, output: join(d.at('out'), 'before.png'), width: 48, height: 48 }, { input: after }],
    });
  });

  test('of a style that acts in part only, what does not act is a note and in --json', async () => {
    const coverage = { applied: 3, modules: 5, notApplied: [{ reason: 'DoRA', count: 2 }] };
    const described = { name: '', prompt: '', model: null, rank: 1, steps: 0, coverage };
    const d = newDesk(standIn({ restyle: async ({ image }) => image, describeStyle: async () => described }));
    const [before] = await writePair(d);
    const style = writeStyle(d, 'a.safetensors');
    const { code, out, err } = await d.run('restyle', style, before, '-o', d.at('out'), '--json', ...MODEL);
    expect(code).toBe(0);
    expect(err).toContain(`note: ${style}: 3 of 5 modules are applied; not applied: 2 DoRA\n`);
    expect(JSON.parse(out)).toMatchObject({ adapters: [{ style, ...coverage }] });
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

  test('bad images among good ones are told before the work, and listed as failed; the others are done', async () => {
    const d = newDesk(engine);
    const [before, after] = await writePair(d);
    const bad = d.at('bad.png');
    writeFileSync(bad, 'no picture');
    const argv = ['restyle', writeStyle(d, 's'), before, bad, after, '-o', d.at('out'), ...MODEL, '--json'];
    const done = await d.run(...argv);
    expect(done.code).toBe(2);
    expect(readdirSync(d.at('out')).sort()).toEqual(['after.png', 'before.png']);
    expect((JSON.parse(done.out) as { results: object[] }).results).toEqual([
      expect.objectContaining({ input: before, width: 48 }),
      { input: bad, error: expect.stringMatching(/bad\.png: cannot be read as an image/) },
      expect.objectContaining({ input: after, width: 48 }),
    ]);
    expect(done.err).toMatch(/^2\/3 [^\n]*bad\.png: failed: cannot be read as an image/);
    expect(done.err.match(/: failed: /g)).toHaveLength(1);
    expect(done.err).toContain(`diptych: 1 of 3 images failed: ${bad}; the others are done\n`);
  });

  test('without any good image, or with one that is not there, nothing is begun', async () => {
    const d = newDesk();
    const names = ['a.png', 'b.png', 'c.png', 'd.png'].map(d.at);
    for (const name of names) writeFileSync(name, 'no picture');
    const [before] = await writePair(d);
    const argv = ['restyle', writeStyle(d, 's'), '-o', d.at('out'), ...MODEL];
    const none = await d.run(...argv, ...names);
    expect(none.code).toBe(2);
    expect(none.err).toMatch(
      /^diptych: none of 4 images can be used: [^\n]*a\.png[^\n]*b\.png[^\n]*c\.png[^\n]* \| and 1 more\n$/,
    );
    const three = await d.run(...argv, ...names.slice(0, 3));
    expect(three.err).toMatch(/^diptych: none of 3 images can be used: [^\n]*c\.png[^\n]*\n$/);
    expect(three.err).not.toContain('more');
    const one = await d.run(...argv, names[0]!);
    expect(one.err).toMatch(/^diptych: [^\n ]*a\.png: cannot be read as an image[^\n]*\n$/);
    const missing = await d.run(...argv, before, d.at('missing.png'));
    expect([missing.code, missing.err]).toEqual([
      2,
      `diptych: ${d.at('missing.png')}: cannot be read (no such file or directory); check the path\n`,
    ]);
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
    expect(err).toContain(`2/4 ${after}: failed: too odd; use another\n`);
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
    expect(skipped.err).toContain(`${before}: skipped, its result is there\n`);
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

  test('cancelled: what is done counts, what failed does not, and the rest is one command away', async () => {
    let n = 0;
    const d = newDesk(
      standIn({
        restyle: async ({ image }) => {
          if (++n === 1) throw new InputError('too odd; use another');
          if (n === 3) throw new CancelledError();
          return image;
        },
      }),
    );
    const [before, after] = await writePair(d);
    await writePng(d.at('c.png'), drawing(48, 48, RED, PALE));
    const argv = ['restyle', writeStyle(d, 's'), before, after, d.at('c.png'), '-o', d.at('out'), ...MODEL, '--json'];
    const { code, out, err } = await d.run(...argv);
    expect(code).toBe(130);
    expect(err).toContain('diptych: cancelled; 1 of 3 images are done\nTo go on:\n  diptych restyle ');
    const { results, resume } = JSON.parse(out) as { results: object[]; resume: string };
    expect(results).toEqual([
      { input: before, error: `${before}: too odd; use another` },
      expect.objectContaining({ input: after, output: d.at('out/after.png') }),
    ]);
    expect(resume).toMatch(/ --skip-existing$/);

    // Nothing done leaves nothing to go on with.
    n = 2;
    const none = await d.run(...argv.map((arg) => (arg === d.at('out') ? d.at('other') : arg)));
    expect([none.code, JSON.parse(none.out)]).toEqual([
      130,
      { error: 'cancelled; 0 of 3 images are done', exitCode: 130 },
    ]);
    expect(none.err).not.toContain('To go on');
  });

  test('a result whose folder is gone is kept, and said where; what was not done as asked is listed once', async () => {
    const d = newDesk(
      standIn({
        restyle: async ({ image }, hooks) => {
          hooks?.onProgress?.({ phase: 'restyle', step: 0, steps: 1, warning: 'the prompt was cut' });
          rmSync(d.at('out'), { recursive: true, force: true });
          return image;
        },
      }),
    );
    const [before, after] = await writePair(d);
    const argv = ['restyle', writeStyle(d, 's'), before, after, '-o', d.at('out'), ...MODEL, '--json'];
    const { code, out, err } = await d.run(...argv);
    expect(code).toBe(2);
    expect(err).toMatch(/\ndiptych: 2 of 2 images failed: [^\n;]*\n$/);
    const { results, warnings } = JSON.parse(out) as { results: { error: string; kept: string }[]; warnings: string[] };
    expect(warnings).toEqual(['the prompt was cut']);
    for (const [i, name] of ['before.png', 'after.png'].entries()) {
      const { error, kept } = results[i]!;
      expect(error).toContain(`it is kept in ${kept}, move it from there`);
      expect(basename(kept)).toBe(name);
      expect(readFileSync(kept).subarray(1, 4).toString()).toBe('PNG');
      rmSync(dirname(kept), { recursive: true });
    }
  });

  test('no image at all is said before anything is read', async () => {
    const { code, err } = await newDesk().run('restyle', 'no-style', '-o', 'out');
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(/^diptych: no image is given; write diptych restyle STYLE[^\n]* IMAGE\.\.\.[^\n]*\n$/),
    ]);
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
    expect(defect.err).toContain('restyle.test.ts');
  });
});
