/** The commands on a real engine: a random tiny model, a few steps. */
import { cpSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TINY_MODEL } from '../support/tiny-engine';
import { loadImage } from '../../cli/inputs/images';
import { Engine } from '../../engine/engine';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { paint } from '../support/pictures';
import { desk, writePair, writePng, type Desk } from './desk';

let d: Desk;
beforeAll(() => {
  d = desk((folder, options, signal) => Engine.open(folder, nodeBackend, options, signal));
});
afterAll(() => d.close());

const MODEL = ['--model', TINY_MODEL, '--threads', '1'];

test('learn, inspect, restyle and imagine', async () => {
  const pair = await writePair(d);
  const style = d.at('blue.safetensors');
  const argv = ['--prompt', 'a disc', '--steps', '2', '--content-steps', '1', '--rank', '2'];
  const learned = await d.run('learn', ...pair, '-o', style, ...argv, ...MODEL, '--json');
  expect(learned.err).not.toContain('diptych:');
  expect(learned.code).toBe(0);
  const report = JSON.parse(learned.out) as { losses: { content: number | null; style: number | null }[] };
  expect(report.losses.map(({ content, style }) => [content !== null, style !== null])).toEqual([
    [true, false],
    [true, true],
    [true, true],
  ]);

  const inspected = await d.run('inspect', style, '--json');
  expect(inspected.code).toBe(0);
  expect(JSON.parse(inspected.out)).toMatchObject({
    kind: 'adapter',
    facts: { style: 'blue', 'style prompt': 'a disc', rank: '2' },
    problems: [],
  });
  const text = (await d.run('inspect', style)).out;
  expect(text).toMatch(/blue\.safetensors: a LoRA adapter\n/);

  // Strength 0 is the picture itself, at its own size, with its alpha.
  const icon = paint(100, 60, (x, y) => [2 * x, 3 * y, 90, x < 20 ? 0 : Math.min(255, 5 * y)]);
  await writePng(d.at('icon.png'), icon);
  const zero = await d.run(
    'restyle',
    style,
    d.at('icon.png'),
    '--strength',
    '0',
    '--steps',
    '2',
    '-o',
    d.at('zero'),
    ...MODEL,
  );
  expect(zero.code).toBe(0);
  expect((await loadImage(d.at('zero/icon.png'))).data).toEqual(icon.data);
  const full = await d.run(
    'restyle',
    style,
    d.at('icon.png'),
    '--strength',
    '4',
    '--steps',
    '2',
    '-o',
    d.at('full'),
    ...MODEL,
  );
  expect(full.code).toBe(0);
  const changed = await loadImage(d.at('full/icon.png'));
  expect([changed.width, changed.height]).toEqual([100, 60]);
  expect(changed.data).not.toEqual(icon.data);

  const imagined = await d.run('imagine', style, '--prompt', 'a disc', '--steps', '2', '-o', d.at('new.png'), ...MODEL);
  expect(imagined.code).toBe(0);
  const { width, height } = await loadImage(d.at('new.png'));
  expect(width).toBe(height);
});

describe('inspect', () => {
  test('a model folder', async () => {
    const { code, out } = await d.run('inspect', TINY_MODEL, '--json');
    expect(code).toBe(0);
    const { kind, facts, parts } = JSON.parse(out) as Record<string, Record<string, Record<string, unknown>>>;
    expect(kind).toBe('model');
    expect(facts).toMatchObject({ family: 'Stable Diffusion' });
    expect(Object.keys(parts!)).toEqual(['unet', 'vae', 'text_encoder', 'tokenizer', 'scheduler']);
    expect(parts!['unet']!['parameters']).toBeGreaterThan(1000);
    expect(parts!['scheduler']).toHaveProperty('prediction type');
  });

  test('a broken model: the sound parts and one line on the rest', async () => {
    const copy = d.at('broken');
    cpSync(TINY_MODEL, copy, { recursive: true });
    truncateSync(join(copy, 'unet/diffusion_pytorch_model.safetensors'), 5000);
    const { code, out, err } = await d.run('inspect', copy);
    expect(code).toBe(2);
    expect(out).toContain('AutoencoderTiny');
    expect(err).toMatch(/^diptych: [^\n]*unet[^\n]*safetensors[^\n]*\n$/);
  });

  test('no model at all', async () => {
    const { code, err } = await d.run('inspect', d.folder);
    expect(code).toBe(2);
    expect(err).toMatch(/holds no model_index\.json; give the folder of a diffusers model\n$/);
  });

  test('plain weights, a broken file, a file that is none', async () => {
    const weights = join(TINY_MODEL, 'unet/diffusion_pytorch_model.safetensors');
    expect(JSON.parse((await d.run('inspect', weights, '--json')).out)).toMatchObject({
      kind: 'weights',
      problems: [],
    });
    writeFileSync(d.at('cut.safetensors'), readFileSync(weights).subarray(0, 3000));
    for (const path of [d.at('cut.safetensors'), d.at('icon.txt'), d.at('before.png')]) {
      if (path.endsWith('.txt')) writeFileSync(path, 'not a model');
      const { code, out, err } = await d.run('inspect', path);
      expect([code, out]).toEqual([2, '']);
      expect(err.trim().split('\n')).toHaveLength(1);
    }
  });
});

test('a pair the check finds unusable is learned from with --force only; --keys names the tensors', async () => {
  const [before] = await writePair(d);
  const other = paint(64, 64, (x, y) => (((x >> 3) + (y >> 4)) % 2 ? [0, 0, 0, 255] : [255, 255, 255, 255]));
  const pair = [d.at('square.png'), d.at('other.png')] as const;
  await writePng(
    pair[0],
    paint(64, 64, (x, y) => (Math.hypot(x - 40, y - 20) < 9 ? [200, 0, 0, 255] : [255, 255, 255, 255])),
  );
  await writePng(pair[1], other);
  const style = d.at('forced.safetensors');
  const argv = ['-o', style, '--steps', '1', '--content-steps', '0', '--rank', '2', '--keys', 'kohya', ...MODEL];
  const refused = await d.run('learn', ...pair, ...argv);
  expect(refused.code).toBe(2);
  expect(refused.err).toMatch(/^diptych: .+ Or learn anyway with --force\.\n$/);
  const forced = await d.run('learn', ...pair, ...argv, '--force');
  expect(forced.code).toBe(0);
  expect(forced.err).toContain('note: The two images do not show the same layout');
  expect(readFileSync(style).toString('latin1')).toContain('lora_unet_mid_block_attentions_0');
  expect((await d.run('restyle', style, before, '--steps', '2', '-o', d.at('forced'), ...MODEL)).code).toBe(0);
});
