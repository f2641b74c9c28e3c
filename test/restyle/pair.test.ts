/** Restyling by pairs alone, on the random tiny net of a golden case: what must hold whatever the net has learned. */
import { join } from 'node:path';
import { Engine } from '../../engine/engine';
import { image, type Image } from '../../engine/image/image';
import { addAreaChanges, areaFacts, fateOf, unchangedFate } from '../../engine/image/area-facts';
import { findAreas, membershipAt, nearnessAt } from '../../engine/image/areas';
import { premultipliedAt } from '../../engine/image/premultiplied';
import { openPairModel } from '../../engine/pair/model';
import { PairPrograms, type Part } from '../../engine/pair/programs';
import { partPlanes } from '../../engine/restyle/pair-restyle';
import type { ImagePair, Progress } from '../../engine/requests';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { ProgramCache } from '../../engine/runtime/program-cache';
import { openRuntime } from '../../engine/runtime/runtime';
import { Random } from '../../engine/tensor/random';
import { nodeFolder } from '../../engine/weights/node-folder';
import { writeSafetensors } from '../../engine/weights/safetensors';
import { BLUE, CLEAR, drawing, PALE, RED } from '../support/tiny-engine';

const NET = join(__dirname, '..', 'goldens', 'cases', 'pair', 'one-reference', 'net');

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.open(await nodeFolder(NET), nodeBackend, { threads: 1 });
});
afterAll(() => engine.dispose());

const recoloured: ImagePair = { before: drawing(48, 40, RED, PALE), after: drawing(48, 40, BLUE, PALE) };
/** The background becomes opaque. */
const filled: ImagePair = { before: drawing(48, 40, RED, CLEAR), after: drawing(48, 40, RED, PALE) };

const restyle = (picture: Image, pairs: readonly ImagePair[], strength: number): Promise<Image> =>
  engine.restyle({ image: picture, styles: [{ pairs, strength }] });

/** Every byte random, alpha too, with clear pixels whose colours must survive. */
function noise(width: number, height: number, alpha: (value: number) => number): Image {
  const random = new Random(width * 7919 + height);
  const data = new Uint8ClampedArray(width * height * 4).map((_, i) => {
    const value = Math.floor(random.uniform() * 256);
    return i % 4 === 3 ? alpha(value) : value;
  });
  return image(width, height, data);
}

const PICTURES: Readonly<Record<string, Image>> = {
  'the smallest, see-through': noise(16, 16, (value) => (value < 80 ? 0 : value)),
  opaque: noise(90, 61, () => 255),
  'in parts, see-through': noise(301, 170, (value) => (value < 80 ? 0 : value)),
  grey: drawing(64, 64, [90, 90, 90, 255], [200, 200, 200, 255]),
};

describe.each(Object.keys(PICTURES))('%s', (name) => {
  const picture = PICTURES[name]!;

  test('strength 0 is the original to the byte, also of a style that changes alpha', async () => {
    expect((await restyle(picture, [filled], 0)).data).toEqual(picture.data);
  });

  test('strength 1 changes it, at its own size, and leaves alpha alone where the pair does', async () => {
    const { width, height, data } = await restyle(picture, [recoloured], 1);
    expect([width, height]).toEqual([picture.width, picture.height]);
    expect(data).not.toEqual(picture.data);
    const alpha = (all: Uint8ClampedArray): Uint8ClampedArray => all.filter((_, i) => i % 4 === 3);
    expect(alpha(data)).toEqual(alpha(picture.data));
  });
});

test('4096 px: strength 0 is the original, and progress tells of every part', async () => {
  const picture = drawing(4096, 512, RED, CLEAR);
  const steps: number[] = [];
  const styles = [{ pairs: [filled], strength: 0 }];
  const onProgress = ({ phase, step }: Progress): void => void (phase === 'restyle' && steps.push(step));
  expect((await engine.restyle({ image: picture, styles }, { onProgress })).data).toEqual(picture.data);
  // 32 x 4 parts of 128 px.
  expect(steps).toEqual(Array.from({ length: 129 }, (_, i) => i));
});

test('a pair that changes nothing changes nothing', async () => {
  const { before } = recoloured;
  const picture = drawing(80, 80, BLUE, CLEAR);
  expect((await restyle(picture, [{ before, after: before }], 1)).data).toEqual(picture.data);
});

test('a pair that changes alpha does so in the picture', async () => {
  const picture = drawing(64, 64, RED, CLEAR);
  const alphas = async (strength: number): Promise<number> =>
    (await restyle(picture, [filled], strength)).data.reduce((sum, value, i) => (i % 4 === 3 ? sum + value : sum), 0);
  expect(await alphas(0.5)).not.toBe(await alphas(0));
});

test('several styles are a sum, whatever their order, and pairs of one style are not', async () => {
  const picture = drawing(64, 64, [120, 130, 110, 255], [140, 120, 130, 255]);
  const other: ImagePair = { before: drawing(40, 48, BLUE, PALE), after: drawing(40, 48, RED, PALE) };
  const styles = [
    { pairs: [recoloured], strength: 0.2 },
    { pairs: [other], strength: 0.3 },
  ];
  const both = await engine.restyle({ image: picture, styles });
  expect((await engine.restyle({ image: picture, styles: [...styles].reverse() })).data).toEqual(both.data);
  const [first, second] = await Promise.all(styles.map(({ pairs, strength }) => restyle(picture, pairs, strength)));
  let largest = 0;
  both.data.forEach((value, i) => {
    const sum = first!.data[i]! + second!.data[i]! - picture.data[i]!;
    if (sum > 0 && sum < 255) largest = Math.max(largest, Math.abs(value - sum));
  });
  expect(largest).toBeLessThanOrEqual(1);
  const asOne = await restyle(picture, [recoloured, other], 0.3);
  expect(asOne.data).not.toEqual(both.data);
});

test('the next strength needs no evaluation and is the same as a fresh one', async () => {
  const picture = drawing(70, 50, RED, PALE);
  await restyle(picture, [recoloured], 1);
  const kept = await restyle(picture, [recoloured], 0.4);
  const fresh = await Engine.open(await nodeFolder(NET), nodeBackend, { threads: 1 });
  const styles = [{ pairs: [recoloured], strength: 0.4 }];
  expect((await fresh.restyle({ image: picture, styles })).data).toEqual(kept.data);
  await fresh.dispose();
  expect(fresh.memory()).toMatchObject({ tensors: 0, programs: 0 });
});

test('more styles than are kept, one of them again and again', async () => {
  const picture = drawing(32, 32, RED, PALE);
  const at = (strength: number) => ({ pairs: [recoloured], strength });
  const other = (n: number): ImagePair => ({
    before: drawing(32, 32, RED, PALE),
    after: drawing(32, 32, [n, 9, 9, 255], PALE),
  });
  const first = await engine.restyle({ image: picture, styles: [at(1)] });
  for (let n = 0; n < 10; n++)
    await engine.restyle({ image: picture, styles: [at(1), { pairs: [other(n)], strength: 0 }] });
  expect((await engine.restyle({ image: picture, styles: [at(1)] })).data).toEqual(first.data);
});

test('parts meet without a seam', async () => {
  const runtime = await openRuntime(nodeBackend, { threads: 1 });
  const model = await openPairModel(await nodeFolder(NET));
  const programs = new PairPrograms(model, new ProgramCache(runtime, model.files));
  const { before, after } = recoloured;
  const fate = fateOf(findAreas(before), premultipliedAt(after, before.width, before.height));
  const pairs = await programs.read([
    {
      before: premultipliedAt(before, 48, 32),
      after: premultipliedAt(after, 48, 32),
      near: nearnessAt(findAreas(before), 48, 32),
      facts: areaFacts(findAreas(before)),
      fates: [fate, unchangedFate(fate, findAreas(before).palette)],
      afterPalette: findAreas(after).palette,
    },
  ]);
  // Flat and noisy.
  const picture = image(
    60,
    44,
    new Uint8ClampedArray([...drawing(60, 22, RED, CLEAR).data, ...noise(60, 22, (value) => value).data]),
  );
  const areas = findAreas(picture);
  const whole = await programs.readPicture(pairs, {
    ...premultipliedAt(picture, 64, 48),
    near: nearnessAt(areas, 64, 48),
    member: membershipAt(areas, 64, 48),
  });
  const ofAreas = await programs.changeAreas(pairs, areaFacts(areas));
  const change = async (x: number, y: number, width: number, height: number) => {
    const part: Part = { x, y, width, height, fullWidth: 60, fullHeight: 44 };
    const difference = await programs.difference(pairs, whole, partPlanes(picture, areas, part), part);
    const data = ((await difference.read()).data as Float32Array).slice();
    addAreaChanges(areas, ofAreas, part, data);
    return data;
  };
  const all = await change(0, 0, 60, 44);
  for (const [x, y] of [
    [0, 0],
    [30, 0],
    [0, 22],
    [30, 22],
  ] as const) {
    const part = await change(x, y, 30, 22);
    const errors = part.map((value, i) => {
      const [c, row, column] = [Math.floor(i / 660), Math.floor((i % 660) / 30), i % 30];
      return Math.abs(value - all[(c * 44 + y + row) * 60 + x + column]!);
    });
    expect(Math.max(...errors)).toBeLessThan(1e-5);
  }
  pairs.dispose();
  await runtime.dispose();
});

test('progress is told, and a signal ends it', async () => {
  const picture = drawing(64, 64, RED, PALE);
  const phases = new Set<string>();
  const onProgress = ({ phase }: Progress): void => void phases.add(phase);
  const styles = [{ pairs: [recoloured], strength: 1 }];
  await engine.restyle({ image: picture, styles }, { onProgress });
  expect([...phases]).toEqual(['encode', 'restyle']);
  const request = engine.restyle({ image: picture, styles }, { signal: AbortSignal.abort() });
  await expect(request).rejects.toMatchObject({ name: 'CancelledError' });
});

test.each([
  [[], 'has 0 pairs; give 1 to 5'],
  [new Array<ImagePair>(6).fill(recoloured), 'has 6 pairs; give 1 to 5'],
  [[{ before: recoloured.before, after: drawing(48, 90, RED, PALE) }], 'crop them to the same width and height'],
])('pairs that do not serve are refused: %#', async (pairs, message) => {
  await expect(restyle(drawing(32, 32, RED, PALE), pairs, 1)).rejects.toThrow(message);
});

test('what the model cannot do is said', async () => {
  const file = writeSafetensors([{ name: 'x', dtype: 'F32', shape: [1], data: new Float32Array(1) }]);
  const picture = drawing(32, 32, RED, PALE);
  await expect(engine.imagine({ prompt: 'a cat', styles: [] })).rejects.toThrow('knows no prompts');
  await expect(engine.restyle({ image: picture, styles: [{ file, strength: 1 }] })).rejects.toThrow(
    'is a learned style',
  );
  const styles = [{ pairs: [recoloured], strength: 1 }];
  await expect(engine.restyle({ image: picture, styles, steps: 4 })).rejects.toThrow('takes no steps');
});
