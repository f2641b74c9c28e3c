/** Areas of one colour: what holds for every drawing. The numbers themselves are compared with Python's in the golden `pair-areas`. */
import { addAreaChanges, areaFacts, fateOf, trustInAreas } from '../../engine/image/area-facts';
import { findAreas, membershipAt, membershipOf, nearnessAt, nearnessOf } from '../../engine/image/areas';
import { squaredDistanceToZero } from '../../engine/image/distance';
import { image, type Image } from '../../engine/image/image';
import { premultipliedAt } from '../../engine/image/premultiplied';
import { AREAS, BINS, FATE, FORM, NEAR } from '../../engine/nets/pair/config';
import { Random } from '../../engine/tensor/random';

type Colour = readonly [number, number, number];

/** A disc with a hole on a background, anti-aliased by 8 x 8 samples a pixel. */
function ring(side: number, background: Colour, disc: Colour, hole: Colour): Image {
  const data = new Uint8ClampedArray(side * side * 4);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const sum = [0, 0, 0];
      for (let i = 0; i < 64; i++) {
        const [v, u] = [y + (Math.floor(i / 8) + 0.5) / 8 - side / 2, x + ((i % 8) + 0.5) / 8 - side / 2];
        const radius = Math.hypot(u, v) / side;
        const colour = radius < 0.15 ? hole : radius < 0.4 ? disc : background;
        for (let c = 0; c < 3; c++) sum[c]! += colour[c]! / 64;
      }
      data.set([...sum, 255], (y * side + x) * 4);
    }
  }
  return image(side, side, data);
}

const WHITE: Colour = [255, 255, 255];
const RED: Colour = [220, 40, 30];
const NAVY: Colour = [10, 20, 90];
const LIME: Colour = [160, 230, 40];

test('a constant change of each area is exact on anti-aliased borders', () => {
  const side = 64;
  const before = ring(side, WHITE, RED, WHITE);
  const areas = findAreas(before);
  const member = membershipOf(areas, 0, 0, side, side);
  const pixels = side * side;
  const at = (x: number, y: number): number =>
    Array.from({ length: AREAS }, (_, k) => k).find((k) => member[k * pixels + y * side + x] === 1)!;
  const [background, disc, hole] = [at(0, 0), at(8, 32), at(32, 32)];
  expect(new Set([background, disc, hole]).size).toBe(3);

  const colours = new Map([
    [background, [WHITE, NAVY]],
    [disc, [RED, WHITE]],
    [hole, [WHITE, LIME]],
  ] as const);
  const recoloured = before.data.map((value, i) => {
    const [p, c] = [i >> 2, i & 3];
    if (c === 3) return value;
    let sum = value;
    for (const [k, [from, to]] of colours) sum += member[k * pixels + p]! * (to[c]! - from[c]!);
    return sum;
  });
  const expected = ring(side, NAVY, WHITE, LIME);
  const largest = expected.data.reduce((most, value, i) => Math.max(most, Math.abs(value - recoloured[i]!)), 0);
  // A pixel that differs from its area by 8 of 255 at most counts as of its core.
  expect(largest).toBeLessThanOrEqual(8);
});

test('nearness is 1 at a border and falls with the distance, in shares of the long side', () => {
  const data = new Uint8ClampedArray(96 * 32 * 4).map((_, i) => ((i >> 2) % 96 < 40 ? 255 : i & 1 ? 255 : 0));
  const near = nearnessOf(findAreas(image(96, 32, data)), 0, 0, 96, 32);
  const row = near.subarray(16 * 96, 17 * 96);
  // The border is between columns 39 and 40; both are at it. The first plane reaches 96 / 96 px.
  expect([row[39], row[40]]).toEqual([1, 1]);
  expect(row[42]).toBeCloseTo(Math.exp(-2), 6);
  expect(near[96 * 32 + 16 * 96 + 46]).toBeCloseTo(Math.exp(-6 / 3), 6);
});

test.each([
  ['one colour', 20, 9, () => 77],
  ['noise', 17, 23, (random: Random) => Math.floor(random.uniform() * 256)],
  ['one pixel', 1, 1, () => 200],
])('%s: shares are in 0 to 1, at every size', (_, width, height, value) => {
  const random = new Random(5);
  const picture = image(
    width,
    height,
    new Uint8ClampedArray(width * height * 4).map(() => value(random)),
  );
  const areas = findAreas(picture);
  for (const [w, h] of [
    [width, height],
    [16, 16],
    [48, 32],
    [3, 5],
  ] as const) {
    const [near, member] = [nearnessAt(areas, w, h), membershipAt(areas, w, h)];
    expect(near).toHaveLength(NEAR * w * h);
    expect(near.every((share) => share >= 0 && share <= 1.000001)).toBe(true);
    const sums = new Float32Array(w * h);
    member.forEach((share, i) => (sums[i % (w * h)]! += share));
    expect(Math.max(...sums)).toBeLessThanOrEqual(1.00001);
    expect(member.every((share) => share >= 0)).toBe(true);
  }
  const whole = membershipOf(areas, 0, 0, width, height);
  const same = membershipAt(areas, width, height);
  expect(same.every((share, i) => Math.abs(share - whole[i]!) < 1e-6)).toBe(true);
});

test('distances are exact', () => {
  const [width, height] = [23, 17];
  const random = new Random(9);
  const mask = new Uint8Array(width * height).map(() => (random.uniform() < 0.03 ? 0 : 1));
  const zeros = [...mask.keys()].filter((i) => mask[i] === 0);
  const squared = (a: number, b: number): number =>
    (Math.floor(a / width) - Math.floor(b / width)) ** 2 + ((a % width) - (b % width)) ** 2;
  const expected = [...mask.keys()].map((i) => Math.min(...zeros.map((zero) => squared(i, zero))));
  expect([...squaredDistanceToZero(mask, width)]).toEqual(expected);
  expect([...squaredDistanceToZero(new Uint8Array(6).fill(1), 3)]).toEqual(new Array(6).fill(Infinity));
});

test('areas know their form, what they touch, and what became of them by distance', () => {
  const side = 64;
  const areas = findAreas(ring(side, WHITE, RED, NAVY));
  const at = (x: number, y: number): number => areas.core[y * side + x]!;
  const [background, disc, hole] = [at(0, 0), at(12, 32), at(32, 32)];
  const { form, beside } = areaFacts(areas);
  const [ofBackground, ofDisc, ofHole] = [background, disc, hole].map((k) => form.slice(k * FORM, (k + 1) * FORM)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  expect([ofBackground[1], ofDisc[1], ofHole[1]]).toEqual([1, 0, 0]);
  for (const own of [ofBackground, ofDisc, ofHole]) for (const i of [2, 3]) expect(own[i]).toBeCloseTo(0.5, 2);
  // A disc of radius r has a spread of r / 2; its middle is r from the border.
  expect(ofHole[4]! * 2).toBeCloseTo(0.15, 1);
  expect(Math.expm1(ofHole[6]!) / 64).toBeCloseTo(0.13, 1);
  expect([beside[hole * AREAS + disc], beside[hole * AREAS + background]]).toEqual([1, 0]);
  expect(beside[disc * AREAS + background]! + beside[disc * AREAS + hole]!).toBeCloseTo(1, 5);
  expect(beside[disc * AREAS + background]).toBeGreaterThan(0.6);

  // The hole becomes a ring: white within 3 px of its border.
  const after = premultipliedAt(ring(side, WHITE, RED, NAVY), side, side);
  for (let p = 0; p < side * side; p++) {
    if (areas.core[p] === hole && areas.distance[p]! < 9)
      for (let c = 0; c < 3; c++) after.data[c * side * side + p] = 1;
  }
  const fate = fateOf(areas, after).subarray(hole * BINS * FATE, (hole + 1) * BINS * FATE);
  const bins = Array.from({ length: BINS }, (_, i) => fate.subarray(i * FATE, (i + 1) * FATE)).filter(([n]) => n! > 0);
  expect(bins.reduce((sum, [n]) => sum + n!, 0)).toBe(areas.core.filter((k) => k === hole).length);
  // One bin holds both sides of 3 px.
  for (const [, distance, red] of bins.filter((bin) => Math.abs(bin[1]! - 3) > 0.25))
    expect(red).toBeCloseTo(distance! < 3 ? 1 : NAVY[0] / 255, 5);
});

test('what areas say takes the place of a change as far as they decide', () => {
  const side = 64;
  const areas = findAreas(ring(side, WHITE, RED, NAVY));
  const [background, hole] = [areas.core[0]!, areas.core[32 * side + 32]!];
  const changes = new Float32Array(AREAS * BINS * 4).fill(0.5);
  const shares = new Float32Array(AREAS);
  [shares[background], shares[hole]] = [1, 0.25];
  const said = (x: number, y: number, width: number, height: number): Float32Array => {
    const out = new Float32Array(4 * width * height).fill(0.1);
    addAreaChanges(areas, { changes, shares }, { x, y, width, height }, out);
    return out;
  };
  const whole = said(0, 0, side, side);
  expect([whole[0], whole[32 * side + 10], whole[32 * side + 32]]).toEqual([0.5, 0.1, 0.2].map(Math.fround));
  const part = said(20, 8, 16, 40);
  for (let y = 0; y < 40; y++)
    for (let x = 0; x < 16; x++) expect(part[y * 16 + x]).toBe(whole[(y + 8) * side + x + 20]);
});

test.each([
  [0, 1],
  [7, 0.5],
  [50, 0],
])('areas are trusted where nearly every pixel has some: %i rows of noise in a hundred', (rows, trust) => {
  const side = 100;
  const picture = ring(side, WHITE, RED, NAVY);
  const random = new Random(1);
  for (let i = 0; i < rows * side * 4; i++) picture.data[i] = i % 4 === 3 ? 255 : random.integer(256);
  expect(Math.abs(trustInAreas(findAreas(picture)) - trust)).toBeLessThan(0.2);
});
