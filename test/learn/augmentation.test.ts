/** The copies of a pair: which hues turn, and that both pictures always move together. */
import { augment, hueResponse, turnHues } from '../../engine/learn/augmentation';
import type { DrawnPair } from '../../engine/image/pair';
import { Random } from '../../engine/tensor/random';
import { f32, type HostTensor } from '../../engine/tensor/tensor';
import { disc } from '../support/pictures';

const SIDE = 48;
type Colour = readonly [number, number, number];

/** A disc of one colour on a background of another, colours in [-1, 1]. */
function disked(ink: Colour, background: Colour): HostTensor<'f32'> {
  const data = Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) => {
    const [c, p] = [Math.floor(i / (SIDE * SIDE)), i % (SIDE * SIDE)];
    const inside = disc(p % SIDE, Math.floor(p / SIDE), 24, 24, 14);
    return background[c]! + (ink[c]! - background[c]!) * inside;
  });
  return f32(data, [1, 3, SIDE, SIDE]);
}

const WHITE: Colour = [1, 1, 1];
const [RED, GREEN, DEEP_RED, BLACK, NAVY]: Colour[] = [
  [0.8, -0.6, -0.6],
  [-0.6, 0.8, -0.6],
  [0.3, -0.8, -0.8],
  [-1, -1, -1],
  [-0.9, -0.7, 0.2],
];
const before = disked(RED!, WHITE);

test.each([
  ['a deeper red follows', disked(DEEP_RED!, WHITE), 'follows'],
  ['black on white ignores', disked(BLACK!, WHITE), 'ignores'],
  ['white on navy ignores', disked(WHITE, NAVY!), 'ignores'],
  ['green for red ignores', disked(GREEN!, WHITE), 'ignores'],
] as const)('%s', (_name, after, response) => {
  expect(hueResponse({ before, after })).toBe(response);
});

test("a duotone whose inks happen to lie near the drawing's own hues still ignores them", () => {
  // Stripes: red, orange and yellow happen to keep their hues, moss and crimson do not.
  const colours: Colour[] = [RED!, [0.9, 0.3, -0.7], [-0.3, 0.3, -0.5], [0.9, 0.6, -0.5], [0.4, -0.7, -0.6]];
  const inked = (c: Colour): Colour => {
    const light = (luma([...c]) + 1) / 2;
    return [0, 1, 2].map((k) => [0.2, -0.9, -0.9][k]! * (1 - light) + [1, 0.8, -0.2][k]! * light) as never;
  };
  const striped = (paint: (c: Colour) => Colour): HostTensor<'f32'> => {
    const at = (i: number): number => paint(colours[Math.floor(((i % SIDE) * 5) / SIDE)]!)[Math.floor(i / SIDE ** 2)]!;
    return f32(
      Float32Array.from({ length: 3 * SIDE * SIDE }, (_, i) => at(i)),
      [1, 3, SIDE, SIDE],
    );
  };
  const own = striped((c) => c);
  expect(hueResponse({ before: own, after: striped(inked) })).toBe('ignores');
  expect(hueResponse({ before: own, after: striped(([r, g, b]) => [0.6 * r, 0.6 * g - 0.2, 0.6 * b - 0.1]) })).toBe(
    'follows',
  );
});

test('without a hue there is nothing to tell', () => {
  expect(hueResponse({ before: disked(BLACK!, WHITE), after: disked(RED!, WHITE) })).toBe('unclear');
});

/** Middle and corner of a picture, [r, g, b] each. */
const at = ({ data }: HostTensor<'f32'>, x: number, y: number): number[] =>
  [0, 1, 2].map((c) => data[(c * SIDE + y) * SIDE + x]!);
const luma = ([r, g, b]: number[]): number => 0.299 * r! + 0.587 * g! + 0.114 * b!;

test('turning hues keeps luma and greys, and a whole turn comes back', () => {
  const soft = disked([0.2, -0.1, -0.1], [0.3, 0.3, 0.3]);
  const turned = turnHues(soft, 2);
  expect(luma(at(turned, 24, 24))).toBeCloseTo(luma(at(soft, 24, 24)), 3);
  expect(at(turned, 24, 24)[0]).toBeLessThan(at(soft, 24, 24)[0]! - 0.1);
  at(turned, 1, 1).forEach((value) => expect(value).toBeCloseTo(0.3, 3));
  turnHues(soft, 2 * Math.PI).data.forEach((value, i) => expect(value).toBeCloseTo(soft.data[i]!, 4));
  expect(turnHues(soft, 0).data).toEqual(soft.data);
});

const centre = (picture: HostTensor<'f32'>): [number, number, number] => {
  let [x, y, mass] = [0, 0, 0];
  for (let p = 0; p < SIDE * SIDE; p++) {
    // Unlike the corner's colour: the disc.
    const weight = [0, 1, 2].reduce(
      (sum, c) => sum + Math.abs(picture.data[c * SIDE * SIDE + p]! - picture.data[c * SIDE * SIDE]!),
      0,
    );
    [x, y, mass] = [x + weight * (p % SIDE), y + weight * Math.floor(p / SIDE), mass + weight];
  }
  return [x / mass, y / mass, mass];
};

test.each([
  ['follows', disked(DEEP_RED!, WHITE)],
  ['ignores', disked(BLACK!, WHITE)],
] as const)('copies of a style that %s hues', (response, after) => {
  const pair: DrawnPair = { before, after };
  const copies = augment(pair, response, 4, new Random(1));
  expect(copies[0]).toBe(pair);
  const centres = copies.map((copy) => {
    const [b, a] = [centre(copy.before), centre(copy.after)];
    expect(Math.hypot(b[0] - a[0], b[1] - a[1])).toBeLessThan(0.5);
    return b;
  });
  expect(new Set(centres.map(([x]) => x.toFixed(2))).size).toBe(4);
  const hues = (part: 'before' | 'after') =>
    new Set(copies.map((copy) => at(copy[part], 24, 24).indexOf(Math.max(...at(copy[part], 24, 24)))));
  expect(hues('before').size).toBeGreaterThan(1);
  if (response === 'follows') expect(hues('after').size).toBeGreaterThan(1);
  else for (const copy of copies) expect(Math.max(...at(copy.after, 24, 24))).toBeLessThan(-0.9);
  expect(augment(pair, response, 4, new Random(1))).toEqual(copies);
});
