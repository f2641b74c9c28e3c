/** Styles that hold their pairs: what is kept of the pictures, what a damaged file says, and what the engine makes of one. */
import { join } from 'node:path';
import { Engine } from '../../engine/engine';
import { image, type Image } from '../../engine/image/image';
import { packImage, unpackImage } from '../../engine/image/packed';
import type { ImagePair } from '../../engine/requests';
import { MOST_BYTES, readPairStyle, writePairStyle } from '../../engine/restyle/pair-style-file';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { Random } from '../../engine/tensor/random';
import { nodeFolder } from '../../engine/weights/node-folder';
import { openSafetensors, writeSafetensors, type TensorToWrite } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import { BLUE, drawing, PALE, RED, tinyEngine } from '../support/tiny-engine';

const NET = join(__dirname, '..', 'goldens', 'cases', 'pair', 'one-reference', 'net');
const INFO = { style: 'ink', modelFingerprint: 'f00d', baseModel: 'net' };

function noise(width: number, height: number, seed: number): Image {
  const random = new Random(seed);
  return image(
    width,
    height,
    new Uint8ClampedArray(width * height * 4).map(() => random.uniform() * 256),
  );
}

const read = (file: Uint8Array) => readPairStyle(bytesSource('ink.safetensors', file));

test('small pictures come back to the byte, with what the style says of itself', async () => {
  const pairs: ImagePair[] = [
    { before: noise(50, 31, 1), after: noise(50, 31, 2) },
    { before: noise(17, 40, 3), after: noise(17, 40, 4) },
  ];
  expect(await read(writePairStyle(pairs, INFO))).toEqual({ info: INFO, pairs });
});

test('five pairs that cannot be packed fit all the same, made smaller alike', async () => {
  const pairs = [1, 2, 3, 4, 5].map((seed) => ({ before: noise(512, 384, seed), after: noise(512, 384, seed + 5) }));
  const file = writePairStyle(pairs, INFO);
  expect(file.length).toBeLessThan(MOST_BYTES + 5000);
  for (const { before, after } of (await read(file)).pairs) {
    expect([before.width, before.height, after.width, after.height]).toEqual([96, 72, 96, 72]);
  }
});

/** A style with its tensors changed. */
async function changed(change: (tensors: TensorToWrite[]) => TensorToWrite[], metadata = {}): Promise<Uint8Array> {
  const file = writePairStyle([{ before: drawing(32, 32, RED, PALE), after: drawing(32, 32, BLUE, PALE) }], INFO);
  const opened = await openSafetensors(bytesSource('x', file));
  const tensors = [...opened.tensors.values()].map(({ name, shape, offset, length }): TensorToWrite => {
    return { name, dtype: 'U8', shape, data: file.slice(offset, offset + length) };
  });
  return writeSafetensors(change(tensors), { ...opened.metadata, ...metadata });
}

const withBytes = (edit: (bytes: Uint8Array) => Uint8Array) => (tensors: TensorToWrite[]) =>
  tensors.map((tensor) => {
    const data = edit(tensor.data as Uint8Array);
    return { ...tensor, shape: [data.length], data };
  });

test.each<[string, (tensors: TensorToWrite[]) => TensorToWrite[], object, RegExp]>([
  ['one picture', (tensors) => tensors.slice(1), {}, /holds 1 pictures/],
  ['another name', (tensors) => tensors.map((t, i) => (i ? t : { ...t, name: 'x' })), {}, /"pair.0.after" is missing/],
  ['cut bytes', withBytes((bytes) => bytes.subarray(0, bytes.length - 30)), {}, /damaged/],
  ['no bytes', withBytes(() => new Uint8Array(2)), {}, /damaged \(it is cut off\)/],
  ['too large', withBytes((bytes) => Uint8Array.from(bytes, (b, i) => (i === 1 ? 2 : b))), {}, /damaged \(it is 544 x/],
  ['another size', withBytes((bytes) => Uint8Array.from(bytes, (b, i) => (i === 0 ? 31 : b))), {}, /damaged/],
  ['a newer format', (tensors) => tensors, { diptych_format: '3' }, /another version of Diptych/],
  ['no pair', (tensors) => tensors, { diptych_kind: 'x' }, /holds no pair/],
])('a file with %s is refused', async (_, change, metadata, message) => {
  const file = await changed(change, metadata);
  await expect(read(file)).rejects.toThrow(message);
  await expect(read(file)).rejects.toThrow(/^ink\.safetensors: /);
});

test('a picture that would unpack to more than its size is refused', () => {
  const packed = packImage(drawing(64, 64, RED, PALE));
  packed[0] = 8;
  expect(() => unpackImage(packed, 256)).toThrow();
});

test('the engine keeps a pair and reads it again; another base is refused unless forced', async () => {
  const engine = await Engine.open(await nodeFolder(NET), nodeBackend, { threads: 1 });
  const diffusion = await tinyEngine();
  try {
    const pair = { before: drawing(48, 48, RED, PALE), after: drawing(48, 48, BLUE, PALE) };
    const picture = drawing(40, 56, RED, PALE);
    const { style, steps } = await engine.learn({ ...pair, prompt: '', style: ' ink ', steps: 0 });
    expect(steps).toBe(0);
    const byFile = await engine.restyle({ image: picture, styles: [{ file: style, strength: 0.7 }] });
    const byPair = await engine.restyle({ image: picture, styles: [{ pairs: [pair], strength: 0.7 }] });
    expect(byFile.data).toEqual(byPair.data);
    const { fingerprint } = engine.description;
    expect(await engine.describeStyle('ink', style)).toMatchObject({
      name: 'ink',
      model: { name: 'net', fingerprint },
    });

    const foreign = writePairStyle([pair], INFO);
    const styles = [{ file: foreign, strength: 0.7, name: 'other' }];
    await expect(engine.restyle({ image: picture, styles })).rejects.toThrow(
      /other: was made for net \(f00d\), not for/,
    );
    expect((await engine.restyle({ image: picture, styles, force: true })).data).toEqual(byPair.data);
    await expect(diffusion.restyle({ image: picture, styles })).rejects.toThrow(
      /other: holds its pair, which .* cannot/,
    );
    await expect(engine.learn({ ...pair, prompt: '', style: 'x', steps: 5 })).rejects.toThrow('--steps 0');
    const same = { before: pair.before, after: pair.before, prompt: '', style: 'x' };
    await expect(engine.learn(same)).rejects.toThrow(/are the same/);
  } finally {
    await engine.dispose();
    await diffusion.dispose();
  }
});
