/** Cast shadows: where they fall, how they are found in a pair, and how they fall from other drawings. */
import type { HostTensor } from '../../engine/tensor/tensor';
import { f32 } from '../../engine/tensor/tensor';
import { decodeFilter, encodeFilter, FILTER_SIZES } from '../../engine/filter/codec';
import { filterToTensor, type Colour, type PixelFilter } from '../../engine/filter/filter';
import { fitFilter } from '../../engine/filter/fit';
import { analysePair } from '../../engine/image/pair';
import { castShadow, DIRECTIONS } from '../../engine/filter/shadow';

/** Shapes as tests of a point, in px of a square of 256. */
type Shape = (x: number, y: number) => boolean;
const [SAND, UMBER, TEAL, PLUM]: [Colour, Colour, Colour, Colour] = [
  [0.95, 0.9, 0.7],
  [0.7, 0.55, 0.3],
  [0.1, 0.5, 0.5],
  [0.5, 0.2, 0.45],
];
const disc: Shape = (x, y) => Math.hypot(x - 90, y - 90) < 60;
const bars: Shape = (x, y) => y > 60 && y < 190 && ((x > 40 && x < 70) || (x > 120 && x < 150));

const SIDE = 128;

/** [1, 3, side, side] in [-1, 1] of colours in [0, 1]. */
function drawn(colourAt: (x: number, y: number) => Colour, side = SIDE): HostTensor<'f32'> {
  const data = new Float32Array(3 * side * side);
  for (let i = 0; i < side * side; i++) {
    const [x, y] = [(i % side) + 0.5, Math.floor(i / side) + 0.5];
    colourAt((x * 256) / side, (y * 256) / side).forEach((value, c) => (data[c * side * side + i] = 2 * value - 1));
  }
  return f32(data, [1, 3, side, side]);
}

const plain =
  (shape: Shape, fill: Colour): ((x: number, y: number) => Colour) =>
  (x, y) =>
    shape(x, y) ? fill : SAND;

/** With a shadow along a direction, so many px long in each axis. */
const shadowed =
  (shape: Shape, fill: Colour, [right, down]: readonly [number, number], length: number) =>
  (x: number, y: number): Colour => {
    if (shape(x, y)) return fill;
    for (let k = 2; k <= length; k += 2) if (shape(x - k * right, y - k * down)) return UMBER;
    return SAND;
  };

const learn = (after: (x: number, y: number) => Colour): PixelFilter | null =>
  fitFilter([analysePair({ before: drawn(plain(disc, TEAL)), after: drawn(after) })], false);

/** A picture [1, 3, h, w] in [-1, 1] through a filter. */
function filtered(filter: PixelFilter, picture: HostTensor<'f32'>): HostTensor<'f32'> {
  const { before, distances } = analysePair({ before: picture, after: picture });
  return filterToTensor(filter, { picture: before, distances });
}

/** The worst channel's difference at a point given in px of 256. */
function misses(is: HostTensor<'f32'>): (x: number, y: number, wanted: Colour) => number {
  const side = is.shape[3]!;
  return (x, y, wanted) => {
    const i = Math.floor((y * side) / 256) * side + Math.floor((x * side) / 256);
    return Math.max(...wanted.map((value, c) => Math.abs((is.data[c * side * side + i]! + 1) / 2 - value)));
  };
}

test('a filter of every size is read as it was written', () => {
  expect(FILTER_SIZES).toEqual([18, 102, 454]);
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i / 8 - 1);
  const [colour, strokes, weights] = [numbers(18), numbers(84), numbers(44)];
  const shadow = { direction: 5, weights };
  const filters: PixelFilter[] = [
    { colour },
    { strokes },
    { shadow },
    { colour, strokes },
    { colour, strokes, shadow },
  ];
  for (const filter of filters) expect(decodeFilter(encodeFilter(filter))).toEqual(filter);
  expect(filters.map((filter) => encodeFilter(filter).length)).toEqual([18, 102, 454, 102, 454]);
});

test('a shadow is where the drawing is in the way', () => {
  // One pixel of drawing at (1, 0) in a picture of 4 x 3.
  const background = Uint8Array.of(1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
  const { distance, cover } = castShadow(background, 4, [1, 1]);
  expect([...cover]).toEqual([0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  expect(distance[6]).toBeCloseTo(Math.SQRT1_2, 6);
  expect(distance[11]).toBeCloseTo(3 * Math.SQRT1_2, 6);
  // Carried on beside it, and no further.
  expect(distance[7]).toBeCloseTo(Math.SQRT1_2, 6);
  expect(distance[8]).toBeGreaterThan(1000);
  // Against the border there is nothing to cast one on.
  expect(castShadow(background, 4, [0, -1]).cover.some((value) => value > 0)).toBe(false);
});

test.each([3, 6])('one in direction %d is found as that and no other', (number) => {
  const direction = DIRECTIONS[number]!;
  const learned = learn(shadowed(disc, TEAL, direction, 300))!;
  expect(Object.keys(learned)).toEqual(['shadow']);
  expect(DIRECTIONS[learned.shadow!.direction]).toEqual(direction);
});

test('it falls from another drawing, of another colour and size, and goes on where the pair did not show its end', () => {
  const learned = learn(shadowed(disc, TEAL, [1, 1], 300))!;
  for (const side of [100, 256]) {
    const miss = misses(filtered(learned, drawn(plain(bars, PLUM), side)));
    for (const [x, y, wanted, bound] of [
      [90, 130, UMBER, 0.04],
      [170, 150, UMBER, 0.04],
      [230, 250, UMBER, 0.04],
      [20, 100, SAND, 0.01],
      [130, 40, SAND, 0.01],
      [240, 60, SAND, 0.01],
      [55, 120, PLUM, 0.01],
    ] as const) {
      expect(miss(x, y, wanted)).toBeLessThan(bound);
    }
  }
});

test('one that ends, ends', () => {
  const miss = misses(filtered(learn(shadowed(disc, TEAL, [0, 1], 20))!, drawn(plain(bars, PLUM))));
  expect(miss(55, 198, UMBER)).toBeLessThan(0.06);
  expect(miss(55, 230, SAND)).toBeLessThan(0.02);
  expect(miss(95, 198, SAND)).toBeLessThan(0.01);
});

test('a glow on all sides, or another background, is none', () => {
  const glowing = (x: number, y: number): Colour => {
    const r = Math.hypot(x - 90, y - 90);
    return r < 60 ? TEAL : r < 68 ? UMBER : SAND;
  };
  const shadows = (learned: PixelFilter | null): boolean => learned?.shadow !== undefined;
  expect(shadows(learn(glowing))).toBe(false);
  expect(shadows(learn((x, y) => (disc(x, y) ? TEAL : UMBER)))).toBe(false);
});
