/** The per-pixel filter: what is learned from pixels by themselves, how it is laid on pictures, and what learning and restyling do with it. */
import { BLUE, CLEAR, PALE, RED, drawing, tinyEngine, type Paint } from '../support/tiny-engine';
import type { Engine } from '../../engine/engine';
import { readStyle, type StyleInfo } from '../../engine/restyle/style-file';
import type { Rgb } from '../../engine/image/canvas';
import { analysePair, type DrawnPair } from '../../engine/image/pair';
import { CALIBRATION_RULES } from '../../engine/learn/calibration';
import { image, type Image } from '../../engine/image/image';
import {
  filterToTensor,
  filterImage,
  filterColour,
  atLearnedStrength,
  type PixelFilter,
} from '../../engine/filter/filter';
import { encodeFilter } from '../../engine/filter/codec';
import { fitFilter } from '../../engine/filter/fit';
import type { LearnMode } from '../../engine/requests';
import { solvePositiveDefinite } from '../../engine/tensor/linear';
import { Random } from '../../engine/tensor/random';
import { f32, type HostTensor } from '../../engine/tensor/tensor';
import { bytesSource } from '../../engine/weights/source';
import { pixel } from '../support/pictures';

type Colour = [number, number, number];
const SIDE = 32;

const fit = (pairs: readonly DrawnPair[], ownColours: boolean): PixelFilter | null =>
  fitFilter(pairs.map(analysePair), ownColours);

/** A picture [1, 3, h, w] in [-1, 1] through a filter. */
function filtered(filter: PixelFilter, picture: HostTensor<'f32'>): HostTensor<'f32'> {
  const { before, distances } = analysePair({ before: picture, after: picture });
  return filterToTensor(filter, { picture: before, distances });
}

/** [1, 3, side, side] in [-1, 1] of colours in [0, 1]. */
function drawn(colourAt: (x: number, y: number) => Colour, side = SIDE): HostTensor<'f32'> {
  const size = side * side;
  const data = new Float32Array(3 * size);
  for (let i = 0; i < size; i++) {
    colourAt(i % side, Math.floor(i / side)).forEach((value, c) => (data[c * size + i] = 2 * value - 1));
  }
  return f32(data, [1, 3, side, side]);
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

/** One colour, in [0, 1], far from every edge. */
function painted(filter: PixelFilter, colour: Colour): number[] {
  const rgb = colour.map((value) => Math.round(255 * value)) as Colour;
  return filterColour(rgb, [{ filter, weight: 1 }]).map((value) => value / 255);
}

test('a duotone is learned from its pictures and holds for colours it has not seen', () => {
  const learned = fit([noisy(1), noisy(2)], true)!;
  expect(Object.keys(learned)).toEqual(['colour']);
  const random = new Random(3);
  let error = 0;
  for (let i = 0; i < 50; i++) {
    const colour: Colour = [random.uniform(), random.uniform(), random.uniform()];
    const wanted = inked(colour);
    painted(learned, colour).forEach((value, c) => {
      expect(Math.abs(value - wanted[c]!)).toBeLessThan(0.12);
      error += Math.abs(value - wanted[c]!) / 150;
    });
  }
  expect(error).toBeLessThan(0.02);
});

test('pictures that are the same give a filter that does nothing', () => {
  const { before } = noisy(1);
  for (const weight of encodeFilter(fit([{ before, after: before }], true)!)) expect(weight).toBeCloseTo(0, 12);
  expect(fit([{ before, after: before }], false)).toBeNull();
});

const [WHITE, CRIMSON, NAVY, GLOW, INK]: [Colour, Colour, Colour, Colour, Colour] = [
  [1, 1, 1],
  [0.9, 0.2, 0.2],
  [0.05, 0.05, 0.2],
  [0.3, 0.8, 0.9],
  [0.1, 0.1, 0.1],
];
const BIG = 128;
/** A disc of radius 30 in the middle, painted by the distance to its middle and the direction from there, in [0, 1]. */
const disced = (colourAt: (distance: number, direction: number) => Colour, side = BIG): HostTensor<'f32'> =>
  drawn((x, y) => {
    const [right, down] = [x + 0.5 - side / 2, y + 0.5 - side / 2];
    return colourAt((Math.hypot(right, down) * BIG) / side, (Math.atan2(down, right) / Math.PI + 1) / 2);
  }, side);
const plainDisc =
  (fill: Colour, background: Colour) =>
  (r: number): Colour =>
    r < 30 ? fill : background;

test("a background becomes the after image's own, not the mean of it and of the glow on it", () => {
  const before = disced(plainDisc(CRIMSON, WHITE));
  const after = disced((r) => (r < 30 ? NAVY : r < 36 ? GLOW : NAVY));
  const learned = fit([{ before, after }], true)!;
  painted(learned, WHITE).forEach((value, c) => expect(Math.abs(value - NAVY[c]!)).toBeLessThan(1 / 255));
});

describe('strokes', () => {
  // Fills in sectors, for one alone cannot tell ink from opacity.
  const fills: readonly Colour[] = [CRIMSON, NAVY, GLOW];
  const sectors = (r: number, direction: number): Colour =>
    plainDisc(fills[Math.min(2, Math.floor(3 * direction))]!, WHITE)(r);
  const outlined = (r: number, direction: number): Colour => (Math.abs(r - 29) < 1.5 ? INK : sectors(r, direction));
  const before = disced(sectors, 2 * BIG);
  const strokesOf = (after: typeof outlined): PixelFilter | null =>
    fit([{ before, after: disced(after, 2 * BIG) }], false);
  const learned = strokesOf(outlined)!;
  const shiftedBy =
    (change: (r: number) => number, colourAt: typeof outlined) =>
    (r: number, direction: number): Colour =>
      colourAt(r, direction).map((value) => (r < 27.5 ? value + change(r) : value)) as Colour;

  const BLUISH: Colour = [0.2, 0.5, 0.9];
  /** How far a disc of another fill, filtered, is from a colour at a distance from its middle: the worst channel. */
  const missesOf = (filter: PixelFilter, side: number): ((r: number, wanted: Colour) => number) => {
    const size = side * side;
    const { data } = filtered(filter, disced(plainDisc(BLUISH, WHITE), side));
    return (r, wanted) => {
      const i = Math.floor(side / 2) * side + Math.floor(((BIG / 2 + r) * side) / BIG);
      return Math.max(...wanted.map((value, c) => Math.abs((data[c * size + i]! + 1) / 2 - value)));
    };
  };

  test('an outline is found, and drawn along the edges of another drawing, of another colour and size', () => {
    expect(Object.keys(learned)).toEqual(['strokes']);
    for (const side of [64, BIG, 400]) {
      const miss = missesOf(learned, side);
      expect(Math.min(...[28.5, 29, 29.5, 30].map((r) => miss(r, INK)))).toBeLessThan(0.05);
      expect(miss(10, BLUISH)).toBeLessThan(0.02);
      expect(miss(50, WHITE)).toBeLessThan(0.02);
    }
  });

  test('what else becomes of the fills leaves no halo inside the outline', () => {
    const lighter = strokesOf(shiftedBy(() => 0.1, outlined))!;
    const miss = missesOf(lighter, 2 * BIG);
    expect(Math.min(...[28.5, 29, 29.5, 30].map((r) => miss(r, INK)))).toBeLessThan(0.05);
    for (const r of [10, 20, 24, 25.5]) expect(miss(r, BLUISH)).toBeLessThan(0.05);
  });

  test('shading and recoloured areas are no strokes', () => {
    expect(strokesOf(shiftedBy((r) => 0.2 - r / 100, sectors))).toBeNull();
    expect(strokesOf(shiftedBy(() => 0.2, sectors))).toBeNull();
  });

  test('transparent pictures get them in their own pixels only', () => {
    const picture = drawing(128, 128, [40, 120, 220, 255], CLEAR);
    const { data } = filterImage(picture, [{ filter: learned, weight: 1 }], [255, 255, 255]);
    const alpha = (pixels: ArrayLike<number>): number[] => Array.from(pixels).filter((_, i) => i % 4 === 3);
    expect(alpha(data)).toEqual(alpha(picture.data));
    let [changed, clearChanged] = [0, 0];
    for (let i = 0; i < data.length; i += 4) {
      if ([0, 1, 2].every((c) => data[i + c] === picture.data[i + c])) continue;
      if (data[i + 3] === 0) clearChanged++;
      else changed++;
    }
    expect(clearChanged).toBe(0);
    expect(changed).toBeGreaterThan(500);
  });
});

describe('on pictures', () => {
  const filter = fit([noisy(1)], true)!;
  const background: Rgb = [255, 255, 255];
  const picture = image(3, 1, Uint8ClampedArray.of(200, 40, 50, 255, 10, 200, 90, 100, 1, 2, 3, 0));

  test('colours move by the weight, alpha and fully transparent pixels stay', () => {
    const full = filterImage(picture, [{ filter, weight: 1 }], background);
    const half = filterImage(picture, [{ filter, weight: 0.5 }], background);
    for (const x of [0, 1]) {
      const [own, all, some] = [picture, full, half].map((p) => pixel(p, x, 0));
      const wanted = painted(filter, own!.slice(0, 3).map((value) => value / 255) as Colour);
      wanted.forEach((value, c) => {
        expect(Math.abs(all![c]! - 255 * value)).toBeLessThanOrEqual(1);
        expect(Math.abs(some![c]! - (own![c]! + 255 * value) / 2)).toBeLessThanOrEqual(1);
      });
      expect([all![3], some![3]]).toEqual([own![3], own![3]]);
    }
    expect(pixel(full, 2, 0)).toEqual([1, 2, 3, 0]);
    expect(filterColour([200, 40, 50], [{ filter, weight: 1 }])).toEqual(pixel(full, 0, 0).slice(0, 3));
  });

  test('without any, or with none that counts, the picture is itself', () => {
    expect(filterImage(picture, [], background)).toBe(picture);
    expect(filterImage(picture, [{ filter, weight: 0 }], background)).toBe(picture);
  });

  test('two that are opposed cancel', () => {
    const both = [
      { filter, weight: 0.7 },
      { filter, weight: -0.7 },
    ];
    expect(filterImage(picture, both, background).data).toEqual(picture.data);
  });

  test('on the canvas colours move as in pictures', () => {
    const opaque = image(SIDE, SIDE, new Uint8ClampedArray(4 * SIDE * SIDE).fill(255));
    const random = new Random(4);
    for (let i = 0; i < opaque.data.length; i++) if (i % 4 < 3) opaque.data[i] = random.integer(256);
    const moved = filtered(
      filter,
      drawn(
        (x, y) =>
          pixel(opaque, x, y)
            .slice(0, 3)
            .map((value) => value / 255) as Colour,
      ),
    );
    const wanted = filterImage(opaque, [{ filter, weight: 1 }], background);
    for (let i = 0; i < SIDE * SIDE; i++) {
      for (let c = 0; c < 3; c++) {
        const value = ((moved.data[c * SIDE * SIDE + i]! + 1) / 2) * 255;
        expect(Math.abs(value - wanted.data[4 * i + c]!)).toBeLessThanOrEqual(0.51);
      }
    }
  });

  test('the whole change of one is its own, of several a share of each by strength', () => {
    const other = { colour: filter.colour!.map((weight) => -weight) };
    expect(atLearnedStrength([{ filter, weight: 0.3 }])).toEqual([{ filter, weight: 1 }]);
    expect(
      atLearnedStrength([
        { filter, weight: 0.75 },
        { filter: other, weight: -0.25 },
      ]),
    ).toEqual([
      { filter, weight: 0.75 },
      { filter: other, weight: 0.25 },
    ]);
    expect(atLearnedStrength([{ filter, weight: 0 }])).toEqual([]);
  });
});

describe('learned and applied', () => {
  let engine: Engine;
  beforeAll(async () => void (engine = await tinyEngine()));
  afterAll(() => engine.dispose());

  const learned = async (
    disc: Paint,
    background: Paint,
    mode: LearnMode = 'pair',
  ): Promise<[Uint8Array, StyleInfo]> => {
    const pair = { before: drawing(32, 32, RED, PALE), after: drawing(32, 32, disc, background) };
    const settings = { contentSteps: 1, steps: 2, rank: 2, mode };
    const { style } = await engine.learn({ ...pair, ...settings, prompt: '', style: 'ink' });
    return [style, (await readStyle(bytesSource('style', style))).info!];
  };
  const DARK: Paint = [20, 30, 90, 255];
  let file: Uint8Array;
  let own: StyleInfo;
  beforeAll(async () => void ([file, own] = await learned(BLUE, DARK)));
  const restyle = (picture: Image, strength: number): Promise<Image> =>
    engine.restyle({ image: picture, styles: [{ file, strength }], steps: 4 });

  test('a style with colours of its own says so; one that deepens hues, and a published mode, do not', async () => {
    expect(Object.keys(own.filter!)).toEqual(['colour']);
    const deeper = (await learned([150, 20, 30, 255], PALE))[1];
    expect(deeper.filter).toBeNull();
    expect(deeper.scale).toBe(CALIBRATION_RULES.net.share);
    expect((await learned(BLUE, DARK, 'paper'))[1].filter).toBeNull();
    expect((await learned(BLUE, DARK, 'addift'))[1].filter).toBeNull();
    // Two steps of learning change nothing that shows: the fit is 1.
    expect(own.scale).toBe(CALIBRATION_RULES.rest.share);
    // The background is dark after the filter: nothing is left to change.
    expect(own.backgroundExtent).toBe(0);
  });

  test('its colours come out at strength 1, the background without noise, half of the way at 0.5, no further at 2', async () => {
    const picture = drawing(64, 64, RED, PALE);
    const [none, half, all, beyond] = [
      await restyle(picture, 0),
      await restyle(picture, 0.5),
      await restyle(picture, 1),
      await restyle(picture, 2),
    ];
    expect(none.data).toEqual(picture.data);
    const corner = ({ data }: Image): number[][] =>
      Array.from({ length: 64 }, (_, i) => [...data.subarray(4 * i, 4 * i + 4)]);
    expect(new Set(corner(all).map(String)).size).toBe(1);
    pixel(all, 0, 0).forEach((value, c) => expect(Math.abs(value - DARK[c]!)).toBeLessThanOrEqual(1));
    expect(pixel(beyond, 0, 0)).toEqual(pixel(all, 0, 0));
    pixel(half, 0, 0).forEach((value, c) => {
      expect(Math.abs(value - (DARK[c]! + PALE[c]!) / 2)).toBeLessThanOrEqual(1);
    });
  });

  test('transparency stays, and what lies hidden under it', async () => {
    const picture = drawing(40, 30, [200, 40, 50, 130], CLEAR);
    const { data } = await restyle(picture, 1);
    for (let i = 0; i < data.length; i += 4) {
      expect(data[i + 3]).toBe(picture.data[i + 3]);
      if (data[i + 3] === 0) expect([...data.subarray(i, i + 3)]).toEqual([0, 0, 0]);
    }
    expect(data).not.toEqual(picture.data);
  });

  test('another strength reuses the way up', async () => {
    const picture = drawing(32, 32, RED, PALE);
    await restyle(picture, 1);
    const phases = new Set<string>();
    await engine.restyle(
      { image: picture, styles: [{ file, strength: 0.4 }], steps: 4 },
      { onProgress: ({ phase }) => void phases.add(phase) },
    );
    expect(phases.has('invert')).toBe(false);
  });
});
