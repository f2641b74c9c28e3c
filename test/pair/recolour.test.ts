/** Recolouring: what is learned from colours alone, how it is laid on pictures, and what learning and restyling do with it. */
import { BLUE, CLEAR, PALE, RED, drawing, tinyEngine, type Paint } from '../support/tiny-engine';
import type { Engine } from '../../engine/engine';
import { readAdapter } from '../../engine/lora/adapter-file';
import { styleInfo, type StyleInfo } from '../../engine/lora/style-info';
import type { DrawnPair } from '../../engine/pair/copies';
import { image, type Image } from '../../engine/pair/image';
import {
  learnRecolouring,
  recolour,
  recolourDrawn,
  recolourImage,
  recolourRgb,
  RECOLOURING_SIZE,
  wholly,
} from '../../engine/pair/recolour';
import type { LearnMode } from '../../engine/pair/requests';
import { solvePositiveDefinite } from '../../engine/tensor/linear';
import { Random } from '../../engine/tensor/random';
import { f32, type HostTensor } from '../../engine/tensor/tensor';
import { bytesSource } from '../../engine/weights/source';
import { pixel } from './pictures';

type Colour = [number, number, number];
const SIDE = 32;

/** [1, 3, SIDE, SIDE] in [-1, 1] of colours in [0, 1]. */
function drawn(colourAt: (x: number, y: number) => Colour): HostTensor<'f32'> {
  const size = SIDE * SIDE;
  const data = new Float32Array(3 * size);
  for (let i = 0; i < size; i++) {
    colourAt(i % SIDE, Math.floor(i / SIDE)).forEach((value, c) => (data[c * size + i] = 2 * value - 1));
  }
  return f32(data, [1, 3, SIDE, SIDE]);
}

/** A duotone: from one ink to another by luma, with a bend. */
function inked([r, g, b]: readonly number[]): Colour {
  const luma = 0.299 * r! + 0.587 * g! + 0.114 * b!;
  const share = 3 * luma ** 2 - 2 * luma ** 3;
  return [0.1 + 0.8 * share, 0.2 + 0.5 * share, 0.7 - 0.4 * share];
}

function noisy(seed: number): DrawnPair {
  const random = new Random(seed);
  const colours = Array.from({ length: SIDE * SIDE }, (): Colour => [
    random.uniform(),
    random.uniform(),
    random.uniform(),
  ]);
  const at = (x: number, y: number): Colour => colours[y * SIDE + x]!;
  return { before: drawn(at), after: drawn((x, y) => inked(at(x, y))) };
}

test('a linear system is solved, for several right sides at once', () => {
  const a = [
    [4, 1, 0.5],
    [1, 3, -1],
    [0.5, -1, 2],
  ];
  const x = [
    [1, -2],
    [3, 0.5],
    [-1, 4],
  ];
  const b = a.map((row) => [0, 1].map((k) => row.reduce((sum, value, j) => sum + value * x[j]![k]!, 0)));
  const copies = structuredClone([a, b]);
  solvePositiveDefinite(a, b).forEach((row, i) => row.forEach((value, k) => expect(value).toBeCloseTo(x[i]![k]!, 12)));
  expect([a, b]).toEqual(copies);
});

test('a duotone is learned from its pictures and holds for colours it has not seen', () => {
  const learned = learnRecolouring([noisy(1), noisy(2)]);
  expect(learned).toHaveLength(RECOLOURING_SIZE);
  const random = new Random(3);
  let error = 0;
  for (let i = 0; i < 50; i++) {
    const colour: Colour = [random.uniform(), random.uniform(), random.uniform()];
    const wanted = inked(colour);
    recolour(learned, colour).forEach((value, c) => {
      expect(Math.abs(value - wanted[c]!)).toBeLessThan(0.12);
      error += Math.abs(value - wanted[c]!) / 150;
    });
  }
  expect(error).toBeLessThan(0.02);
});

test('pictures that are the same give a recolouring that does nothing', () => {
  const { before } = noisy(1);
  for (const weight of learnRecolouring([{ before, after: before }])) expect(weight).toBeCloseTo(0, 12);
});

test("a ground becomes the after image's own, not the mean of it and of the glow on it", () => {
  const [white, red, navy, glow]: Colour[] = [
    [1, 1, 1],
    [0.9, 0.2, 0.2],
    [0.05, 0.05, 0.2],
    [0.3, 0.8, 0.9],
  ];
  const from = (x: number, y: number): number => Math.hypot(x - SIDE / 2, y - SIDE / 2);
  const before = drawn((x, y) => (from(x, y) < 8 ? red! : white!));
  const after = drawn((x, y) => (from(x, y) < 8 ? navy! : from(x, y) < 12 ? glow! : navy!));
  const learned = learnRecolouring([{ before, after }]);
  recolour(learned, white!).forEach((value, c) => expect(Math.abs(value - navy![c]!)).toBeLessThan(0.5 / 255));
});

describe('on pictures', () => {
  const recolouring = learnRecolouring([noisy(1)]);
  const picture = image(3, 1, Uint8ClampedArray.of(200, 40, 50, 255, 10, 200, 90, 100, 1, 2, 3, 0));

  test('colours move by the weight, alpha and fully transparent pixels stay', () => {
    const wholly = recolourImage(picture, [{ recolouring, weight: 1 }]);
    const half = recolourImage(picture, [{ recolouring, weight: 0.5 }]);
    for (const x of [0, 1]) {
      const [own, all, some] = [picture, wholly, half].map((p) => pixel(p, x, 0));
      const wanted = recolour(recolouring, own!.slice(0, 3).map((value) => value / 255) as Colour);
      wanted.forEach((value, c) => {
        expect(Math.abs(all![c]! - 255 * value)).toBeLessThanOrEqual(0.5);
        expect(Math.abs(some![c]! - (own![c]! + 255 * value) / 2)).toBeLessThanOrEqual(0.5);
      });
      expect([all![3], some![3]]).toEqual([own![3], own![3]]);
    }
    expect(pixel(wholly, 2, 0)).toEqual([1, 2, 3, 0]);
    expect(recolourRgb([200, 40, 50], [{ recolouring, weight: 1 }])).toEqual(pixel(wholly, 0, 0).slice(0, 3));
  });

  test('without any, or with none that counts, the picture is itself', () => {
    expect(recolourImage(picture, [])).toBe(picture);
    expect(recolourImage(picture, [{ recolouring, weight: 0 }])).toBe(picture);
  });

  test('two that are opposed cancel', () => {
    const both = [
      { recolouring, weight: 0.7 },
      { recolouring, weight: -0.7 },
    ];
    expect(recolourImage(picture, both).data).toEqual(picture.data);
  });

  test('on the canvas colours move as in pictures', () => {
    const opaque = image(SIDE, SIDE, new Uint8ClampedArray(4 * SIDE * SIDE).fill(255));
    const random = new Random(4);
    for (let i = 0; i < opaque.data.length; i++) if (i % 4 < 3) opaque.data[i] = random.integer(256);
    const moved = recolourDrawn(
      recolouring,
      drawn(
        (x, y) =>
          pixel(opaque, x, y)
            .slice(0, 3)
            .map((value) => value / 255) as Colour,
      ),
    );
    const wanted = recolourImage(opaque, [{ recolouring, weight: 1 }]);
    for (let i = 0; i < SIDE * SIDE; i++) {
      for (let c = 0; c < 3; c++) {
        const value = ((moved.data[c * SIDE * SIDE + i]! + 1) / 2) * 255;
        expect(Math.abs(value - wanted.data[4 * i + c]!)).toBeLessThanOrEqual(0.51);
      }
    }
  });

  test('the whole change of one is its own, of several a share of each by strength', () => {
    const other = recolouring.map((weight) => -weight);
    expect(wholly([{ recolouring, weight: 0.3 }])).toEqual([{ recolouring, weight: 1 }]);
    expect(
      wholly([
        { recolouring, weight: 0.75 },
        { recolouring: other, weight: -0.25 },
      ]),
    ).toEqual([
      { recolouring, weight: 0.75 },
      { recolouring: other, weight: 0.25 },
    ]);
    expect(wholly([{ recolouring, weight: 0 }])).toEqual([]);
  });
});

describe('learned and applied', () => {
  let engine: Engine;
  beforeAll(async () => void (engine = await tinyEngine()));
  afterAll(() => engine.dispose());

  const learned = async (disc: Paint, ground: Paint, mode: LearnMode = 'pair'): Promise<[Uint8Array, StyleInfo]> => {
    const pair = { before: drawing(32, 32, RED, PALE), after: drawing(32, 32, disc, ground) };
    const settings = { contentSteps: 1, steps: 2, rank: 2, mode };
    const { style } = await engine.learn({ ...pair, ...settings, prompt: '', style: 'ink' });
    return [style, styleInfo((await readAdapter(bytesSource('style', style))).metadata)!];
  };
  const NAVY: Paint = [20, 30, 90, 255];
  const restyle = (file: Uint8Array, picture: Image, strength: number): Promise<Image> =>
    engine.restyle({ image: picture, styles: [{ file, strength }], steps: 4 });

  test('a style with colours of its own says so; one that deepens hues, and a published mode, do not', async () => {
    const own = (await learned(BLUE, NAVY))[1];
    expect(own.recolouring).toHaveLength(RECOLOURING_SIZE);
    expect((await learned([150, 20, 30, 255], PALE))[1].recolouring).toBeNull();
    expect((await learned(BLUE, NAVY, 'paper'))[1].recolouring).toBeNull();
    expect((await learned(BLUE, NAVY, 'addift'))[1].recolouring).toBeNull();
    // The ground is dark once recoloured: nothing is left to reach for.
    expect(own.groundReach).toBe(0);
  });

  test('its colours come out at strength 1, the ground without a blotch, and half of the way at 0.5', async () => {
    const [file] = await learned(BLUE, NAVY);
    const picture = drawing(64, 64, RED, PALE);
    const [none, half, all] = [
      await restyle(file, picture, 0),
      await restyle(file, picture, 0.5),
      await restyle(file, picture, 1),
    ];
    expect(none.data).toEqual(picture.data);
    const corner = ({ data }: Image): number[][] =>
      Array.from({ length: 64 }, (_, i) => [...data.subarray(4 * i, 4 * i + 4)]);
    expect(new Set(corner(all).map(String)).size).toBe(1);
    pixel(all, 0, 0).forEach((value, c) => expect(Math.abs(value - NAVY[c]!)).toBeLessThanOrEqual(1));
    pixel(half, 0, 0).forEach((value, c) => {
      expect(Math.abs(value - (NAVY[c]! + PALE[c]!) / 2)).toBeLessThanOrEqual(1);
    });
  });

  test('transparency stays, and what lies hidden under it', async () => {
    const [file] = await learned(BLUE, NAVY);
    const picture = drawing(40, 30, [200, 40, 50, 130], CLEAR);
    const { data } = await restyle(file, picture, 1);
    for (let i = 0; i < data.length; i += 4) {
      expect(data[i + 3]).toBe(picture.data[i + 3]);
      if (data[i + 3] === 0) expect([...data.subarray(i, i + 3)]).toEqual([0, 0, 0]);
    }
    expect(data).not.toEqual(picture.data);
  });

  test('another strength reuses the way up', async () => {
    const [file] = await learned(BLUE, NAVY);
    const picture = drawing(32, 32, RED, PALE);
    await restyle(file, picture, 1);
    const phases = new Set<string>();
    await engine.restyle(
      { image: picture, styles: [{ file, strength: 0.4 }], steps: 4 },
      { onProgress: ({ phase }) => void phases.add(phase) },
    );
    expect(phases.has('invert')).toBe(false);
  });
});
