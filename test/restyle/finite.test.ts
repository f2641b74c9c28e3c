/** Nothing that is not finite is ever composed or saved, and the message names what is at fault; bf16 weights load as they are. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BLUE, PALE, RED, drawing, TINY_MODEL } from '../support/tiny-engine';
import { Engine } from '../../engine/engine';
import type { AdaptedModule } from '../../engine/lora/adapter-file';
import { readStyle, writeStyle } from '../../engine/restyle/style-file';
import { requireLatents } from '../../engine/diffusion/finite';
import type { Denoiser } from '../../engine/diffusion/denoiser';
import type { DiffusionModel } from '../../engine/diffusion/model';
import type { DeviceTensor } from '../../engine/runtime/device-tensor';
import { f32 } from '../../engine/tensor/tensor';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { memoryFolder } from '../../engine/weights/folder';
import { nodeFolder } from '../../engine/weights/node-folder';
import { openSafetensors, readFloats, type TensorEntry } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import { inputError, rawFile } from '../weights/support';

const WEIGHTS = {
  unet: 'unet/diffusion_pytorch_model.safetensors',
  vae: 'vae/diffusion_pytorch_model.safetensors',
  text_encoder: 'text_encoder/model.safetensors',
} as const;

/** Every tensor of a file written anew, in a dtype and with data of the test's own. */
async function rewrite(
  path: string,
  change: (entry: TensorEntry, values: Float32Array) => { dtype: string; data: ArrayBufferView },
): Promise<Uint8Array> {
  const file = await openSafetensors(bytesSource(path, new Uint8Array(readFileSync(join(TINY_MODEL, path)))));
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const entry of file.tensors.values()) {
    const { dtype, data } = change(entry, await readFloats(file, entry.name));
    header[entry.name] = { dtype, shape: entry.shape, data_offsets: [end, (end += data.byteLength)] };
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const json = JSON.stringify(header);
  const bytes = rawFile(json.padEnd(Math.ceil(json.length / 8) * 8), end);
  let offset = bytes.length - end;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** The tiny model with some files replaced. */
async function engineWith(replaced: Record<string, Uint8Array>): Promise<Engine> {
  const paths = await (await nodeFolder(TINY_MODEL)).list!();
  const files = paths.map((path): [string, Uint8Array] => [
    path,
    replaced[path] ?? new Uint8Array(readFileSync(join(TINY_MODEL, path))),
  ]);
  return Engine.open(memoryFolder('tiny', new Map(files)), nodeBackend, { threads: 1 });
}

const pair = { before: drawing(32, 32, RED, PALE), after: drawing(32, 32, BLUE, PALE) };
const LEARN = { ...pair, prompt: 'a disc', style: 'ink', contentSteps: 0, steps: 2, rank: 2 };
let style: Uint8Array;
let engine: Engine;
beforeAll(async () => {
  engine = await engineWith({});
  style = (await engine.learn({ ...LEARN, learningRate: 0.05 })).style;
});
afterAll(() => engine.dispose());

/** The style with other target modules. */
async function with_(change: (target: AdaptedModule) => Partial<AdaptedModule>): Promise<Uint8Array> {
  const { targets, info } = await readStyle(bytesSource('style', style));
  const changed = new Map(
    [...targets].map(([name, target]): [string, AdaptedModule] => [name, { ...target, ...change(target) }]),
  );
  return writeStyle(changed, info!, { keys: 'kohya' });
}

test.each<[string, (target: AdaptedModule) => Partial<AdaptedModule>, RegExp]>([
  [
    'finite and far too large',
    ({ b }) => ({ b: b.map((_, i) => (i % 2 ? 3e38 : -3e38)) }),
    /norm \de\+\d\d, alpha 2\)/,
  ],
  ['merely much too large', ({ b }) => ({ b: b.map((_, i) => (i % 2 ? 1e9 : -1e9)) }), /norm \de\+\d+, alpha 2\)/],
  ['too large by their alpha', () => ({ alpha: 1e36 }), /norm \de\+3\d, alpha 1e\+36\)/],
  ['too large by a negative alpha', () => ({ alpha: -1e36 }), /norm \de\+3\d, alpha -1e\+36\)/],
])('weights that are %s are refused before any work, at strength 0 too', async (_, change, numbers) => {
  const styles = [{ file: await with_(change), strength: 1, name: 'huge.safetensors' }];
  const [quiet] = [styles.map((one) => ({ ...one, strength: 0 }))];
  for (const make of [
    () => engine.restyle({ image: pair.before, styles }),
    () => engine.restyle({ image: pair.before, styles: quiet! }),
    () => engine.imagine({ prompt: 'a disc', styles }),
    () => engine.describeStyle('huge.safetensors', styles[0]!.file),
  ]) {
    const message = await inputError(make());
    expect(message).toMatch(
      /^huge\.safetensors: its weights for down_blocks\.1\..* are far too large .*; fetch it again, or choose another$/,
    );
    expect(message).toMatch(numbers);
  }
});

describe('latents', () => {
  const latents = (...values: number[]) => f32(Float32Array.from(values), [1, 1, 1, values.length]);
  const onDevice = (value: number) =>
    ({ read: async () => latents(0, value), dispose: () => undefined }) as unknown as DeviceTensor;
  const model = { name: 'tiny', schedule: { trainTimesteps: 1000 } } as unknown as DiffusionModel;
  /** A denoiser whose base net gives this. */
  const base = (value: number) =>
    ({ invert: async () => ({ output: onDevice(value), next: onDevice(0) }) }) as unknown as Denoiser;

  test.each<[number, number, string[], RegExp | null]>([
    [9999, 0, ['a'], null],
    [-10_001, 0, ['a'], /^a makes numbers that are not finite or far too large/],
    [NaN, 0, ['a', 'b'], /^one of the styles \(a, b\) makes numbers/],
    [Infinity, NaN, ['a'], /^tiny: its UNet gives/],
    [NaN, 0, [], /^tiny: its UNet gives/],
  ])('of %d, where the base gives %d, with styles %j', async (value, ofBase, names, message) => {
    const check = requireLatents(base(ofBase), model, onDevice(value), latents(0, 0), names);
    if (message) expect(await inputError(check)).toMatch(message);
    else await check;
  });
});

const broken = (path: string): Promise<Uint8Array> =>
  rewrite(path, (entry, values) => ({
    dtype: 'F32',
    data: entry.shape.length > 1 ? values.map((value, i) => (i === 0 ? NaN : value)) : values,
  }));

test.each([
  ['unet', 'UNet'],
  ['vae', 'VAE'],
  ['text_encoder', 'text encoder'],
] as const)('a broken %s is named, whatever is asked of it', async (part, named) => {
  const sick = await engineWith({ [WEIGHTS[part]]: await broken(WEIGHTS[part]) });
  const message = `tiny: its ${named} gives numbers that are not finite; its weights are damaged, or overflow in half precision: fetch the model again, or take its full-precision (F32) files`;
  const styles = [{ file: style, strength: 1 }];
  expect(await inputError(sick.restyle({ image: pair.before, styles, steps: 2 }))).toBe(message);
  expect(await inputError(sick.restyle({ image: pair.before, styles, steps: 2, guide: 'sdedit' }))).toBe(message);
  expect(await inputError(sick.imagine({ prompt: '', styles: [], steps: 2 }))).toBe(message);
  expect(await inputError(sick.learn({ ...LEARN, mode: 'paper' }))).toBe(message);
  await sick.dispose();
});

test('bf16 weights give what the same numbers in f32 give', async () => {
  const cut = (values: Float32Array): Uint16Array =>
    Uint16Array.from(new Uint32Array(values.slice().buffer), (word) => word >>> 16);
  const wide = (words: Uint16Array): Float32Array =>
    new Float32Array(Uint32Array.from(words, (word) => word << 16).buffer);
  const pictures = [];
  for (const dtype of ['BF16', 'F32']) {
    const files: Record<string, Uint8Array> = {};
    for (const path of Object.values(WEIGHTS)) {
      files[path] = await rewrite(path, (_, values) => ({
        dtype,
        data: dtype === 'BF16' ? cut(values) : wide(cut(values)),
      }));
    }
    const other = await engineWith(files);
    const made = await other.restyle({ image: pair.before, styles: [{ file: style, strength: 1 }], steps: 2 });
    pictures.push(made.data);
    await other.dispose();
  }
  expect(pictures[0]).toEqual(pictures[1]);
  expect(pictures[0]).not.toEqual(pair.before.data);
});
