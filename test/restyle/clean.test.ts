/** What cleaning keeps of a difference, and what it takes away. */
import { cleanDifference } from '../../engine/restyle/clean';
import { planes, type Planes } from '../../engine/image/resample';
import { Random } from '../../engine/tensor/random';
import { disc } from '../support/pictures';

const SIDE = 128;

function drawn(colour: (x: number, y: number, c: number) => number): Planes {
  return planes(
    3,
    SIDE,
    SIDE,
    Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) => {
      const p = i % (SIDE * SIDE);
      return colour(p % SIDE, Math.floor(p / SIDE), Math.floor(i / (SIDE * SIDE)));
    }),
  );
}

const inside = (x: number, y: number): number => disc(x, y, 64, 64, 36);
/** A disc of one colour on a background of another. */
const picture = drawn((x, y, c) => 0.9 - [0.2, 0.6, 0.7][c]! * inside(x, y));
const away = (a: Planes, b: Planes): number =>
  Math.sqrt(a.data.reduce((sum, v, i) => sum + (v - b.data[i]!) ** 2, 0) / a.data.length);

test('nothing stays nothing', () => {
  expect(away(cleanDifference(planes(3, SIDE, SIDE), picture), planes(3, SIDE, SIDE))).toBe(0);
});

test('other colours for disc and background stay, with their edge', () => {
  const recolour = drawn((x, y, c) => [-0.6, 0.1, 0.3][c]! + [0.5, -0.4, 0.2][c]! * inside(x, y));
  expect(away(cleanDifference(recolour, picture), recolour)).toBeLessThan(0.02);
});

test('noise of the size of a latent pixel all but vanishes', () => {
  const random = new Random(1);
  const level = Array.from({ length: 3 * (SIDE / 8) ** 2 }, () => 0.03 * random.normal());
  const noise = drawn((x, y, c) => level[((c * SIDE) / 8 + Math.floor(y / 8)) * (SIDE / 8) + Math.floor(x / 8)]!);
  const left = cleanDifference(
    noise,
    drawn(() => 0.9),
  );
  expect(away(left, planes(3, SIDE, SIDE))).toBeLessThan(0.3 * away(noise, planes(3, SIDE, SIDE)));
});

test('a strong shape that the picture knows nothing of stays', () => {
  const bar = drawn((x) => (x >= 40 && x < 60 ? -0.8 : 0));
  const kept = cleanDifference(
    bar,
    drawn(() => 0.9),
  );
  expect(away(kept, bar)).toBeLessThan(0.08);
});
