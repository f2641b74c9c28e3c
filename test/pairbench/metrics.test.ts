/** Each metric of the pair benchmark on values worked out by hand. */
import { labColours, slicedWasserstein } from '../../bench/pairs/metrics/colour-distance';
import { flatNoise, localDeviation } from '../../bench/pairs/metrics/flatness';
import { perceptualDistance } from '../../bench/pairs/metrics/perceptual';
import { pixelError } from '../../bench/pairs/metrics/pixel-error';
import { sampleOf, SIDE } from '../../bench/pairs/metrics/sample';
import { ssim } from '../../bench/pairs/metrics/ssim';
import { boxBlur, gaussianBlur } from '../../bench/pairs/pixels/blur';
import { edgeMap } from '../../bench/pairs/pixels/edges';
import { colourOfLab, labOf, type Lab } from '../../bench/pairs/pixels/lab';
import { Random } from '../../engine/tensor/random';
import { paint } from '../support/pictures';

const plane = (width: number, height: number, value: (x: number, y: number) => number): Float32Array =>
  Float32Array.from({ length: width * height }, (_, i) => value(i % width, Math.floor(i / width)));

test('pixel error is the mean absolute difference in grey levels', () => {
  expect(pixelError(Float32Array.of(0, 1, 0.5, 0.5), Float32Array.of(0, 0, 1, 0.5))).toBeCloseTo((255 * 1.5) / 4, 4);
});

test('pictures are laid over the background, in the middle of a square', () => {
  const wide = paint(4, 2, (x) => [255, 0, 0, x < 2 ? 255 : 0]);
  const { rgb, alpha } = sampleOf(wide, [0, 0, 255]);
  const at = (x: number, y: number): number[] => [0, 1, 2].map((c) => rgb[(c * SIDE + y) * SIDE + x]!);
  expect(at(40, 128)).toEqual([1, 0, 0]);
  expect(at(220, 128)).toEqual([0, 0, 1]);
  expect(at(40, 10)).toEqual([0, 0, 1]);
  // Far from the step of the alpha the resampling kernel's overshoot is small.
  expect(alpha[128 * SIDE + 40]).toBeCloseTo(1, 1);
  expect(alpha[128 * SIDE + 220]).toBeCloseTo(0, 1);
  expect(alpha[10 * SIDE + 40]).toBe(0);
});

test('a step from 0 to 1 has edge strength 1 on both sides, and nothing elsewhere', () => {
  const step = plane(6, 4, (x) => (x < 3 ? 0 : 1));
  expect([...edgeMap(step, 6, 4).slice(6, 12)]).toEqual([0, 0, 1, 1, 0, 0]);
  const across = plane(4, 6, (_, y) => (y < 3 ? 0 : 0.5));
  expect(edgeMap(across, 4, 6)[2 * 4 + 1]).toBeCloseTo(0.5, 6);
  // A lone corner: both gradients are 3/4 of a step's.
  const corner = plane(4, 4, (x, y) => (x >= 2 && y >= 2 ? 1 : 0));
  expect(edgeMap(corner, 4, 4)[2 * 4 + 2]).toBeCloseTo(0.75 * Math.SQRT2, 6);
  // Of several planes the strongest counts.
  const planes = new Float32Array([...step, ...step.map((value) => value / 2)]);
  expect(edgeMap(planes, 6, 4)[8]).toBe(1);
});

test('SSIM of one window follows its definition', () => {
  const random = new Random(3);
  const [a, b] = [0, 1].map(() => Float32Array.from({ length: 121 }, () => random.uniform())) as [
    Float32Array,
    Float32Array,
  ];
  const weights = plane(11, 11, (x, y) => Math.exp(-((x - 5) ** 2 + (y - 5) ** 2) / (2 * 1.5 ** 2)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const mean = (f: (i: number) => number): number =>
    weights.reduce((sum, weight, i) => sum + (weight / total) * f(i), 0);
  const [ma, mb] = [mean((i) => a[i]!), mean((i) => b[i]!)];
  const va = mean((i) => (a[i]! - ma) ** 2);
  const vb = mean((i) => (b[i]! - mb) ** 2);
  const cov = mean((i) => (a[i]! - ma) * (b[i]! - mb));
  const [c1, c2] = [1e-4, 9e-4];
  const expected = ((2 * ma * mb + c1) * (2 * cov + c2)) / ((ma ** 2 + mb ** 2 + c1) * (va + vb + c2));
  expect(ssim(a, b, 11, 11)).toBeCloseTo(expected, 5);
});

test('SSIM is 1 for the same plane, and of two constants only their luminance term', () => {
  const noise = Float32Array.from({ length: 400 }, (_, i) => Math.sin(i * i));
  expect(ssim(noise, noise, 20, 20)).toBeCloseTo(1, 5);
  const [a, b] = [plane(20, 20, () => 0.2), plane(20, 20, () => 0.6)];
  expect(ssim(a, b, 20, 20)).toBeCloseTo((2 * 0.12 + 1e-4) / (0.04 + 0.36 + 1e-4), 4);
});

test('blurs keep constants, and the box is a plain mean', () => {
  const constant = plane(9, 5, () => 0.3);
  for (const blurred of [gaussianBlur(constant, 9, 5, 1.7), boxBlur(constant, 9, 5, 2)]) {
    for (const value of blurred) expect(value).toBeCloseTo(0.3, 6);
  }
  const dot = plane(9, 9, (x, y) => (x === 4 && y === 4 ? 1 : 0));
  expect(boxBlur(dot, 9, 9, 1)[3 * 9 + 5]).toBeCloseTo(1 / 9, 6);
  expect(boxBlur(dot, 9, 9, 1)[2 * 9 + 4]).toBe(0);
});

test('CIELAB of known colours, and back', () => {
  const cases: [readonly [number, number, number], Lab][] = [
    [
      [1, 1, 1],
      [100, 0, 0],
    ],
    [
      [0, 0, 0],
      [0, 0, 0],
    ],
    [
      [1, 0, 0],
      [53.24, 80.09, 67.2],
    ],
    [
      [0, 0, 1],
      [32.3, 79.19, -107.86],
    ],
  ];
  for (const [colour, lab] of cases) {
    labOf(colour).forEach((value, c) => expect(Math.abs(value - lab[c]!)).toBeLessThan(0.02));
    colourOfLab(labOf(colour)).forEach((value, c) => expect(value).toBeCloseTo(colour[c]!, 4));
  }
});

test('the colour distance forgets places and measures shifts', () => {
  const random = new Random(5);
  const colours = Array.from({ length: 200 }, (): Lab => [100 * random.uniform(), 40 * random.normal(), 0]);
  expect(slicedWasserstein(colours, [...colours].reverse())).toBe(0);
  const shifted = (by: number): Lab[] => colours.map(([l, a, b]) => [l + by, a, b]);
  const ten = slicedWasserstein(colours, shifted(10));
  // The mean of |cos| over directions of the sphere is 1/2; sixteen directions come near it.
  expect(ten).toBeGreaterThan(3.5);
  expect(ten).toBeLessThan(6.5);
  expect(slicedWasserstein(colours, shifted(20))).toBeCloseTo(2 * ten, 3);
  expect(() => slicedWasserstein(colours, colours.slice(1))).toThrow('200 and 199 colours');
});

test('colours are taken every fourth pixel', () => {
  const size = 8 * 8;
  const rgb = new Float32Array(3 * size);
  rgb[2 * 8 + 2] = 1;
  const colours = labColours(rgb, 8, 8);
  expect(colours).toHaveLength(4);
  expect(colours[0]![0]).toBeCloseTo(53.24, 1);
  expect(colours[1]![0]).toBeCloseTo(0, 5);
});

test('local deviation of stripes is that of five and four columns', () => {
  const stripes = plane(24, 24, (x) => (x % 2 === 0 ? 0.4 : 0.5));
  const rgb = new Float32Array([...stripes, ...stripes, ...stripes]);
  expect(localDeviation(rgb, 24, 24)[12 * 24 + 12]).toBeCloseTo(255 * 0.1 * (Math.sqrt(20) / 9), 2);
  // One plane of three: a third of the variance.
  const red = new Float32Array([...stripes, ...new Float32Array(2 * 24 * 24)]);
  expect(localDeviation(red, 24, 24)[12 * 24 + 12]).toBeCloseTo((255 * 0.1 * (Math.sqrt(20) / 9)) / Math.sqrt(3), 2);
});

test('flat noise counts only visible pixels where input and truth are flat', () => {
  const result = Float32Array.of(4, 8, 100, 100, 100);
  const input = Float32Array.of(0, 0, 5, 0, 0);
  const truth = Float32Array.of(0, 1.9, 0, 2, 0);
  const alpha = Float32Array.of(1, 0.5, 1, 1, 0.4);
  expect(flatNoise(result, input, truth, alpha)).toBe(6);
  expect(flatNoise(result, input, truth, new Float32Array(5))).toBeNull();
});

test('the perceptual distance is 2 - 2 cos, whatever the lengths, averaged over positions and scales', () => {
  const map = (channels: number, ...data: number[]) => ({ channels, data: Float32Array.from(data) });
  // Two channels at two positions, channels first: (3, 0) and (0, 2).
  const a = map(2, 3, 0, 0, 2);
  expect(perceptualDistance([a], [map(2, 1, 0, 0, 9)])).toBeCloseTo(0, 6);
  expect(perceptualDistance([a], [map(2, 0, 0, 5, 1)])).toBeCloseTo((2 + 0) / 2, 6);
  expect(perceptualDistance([a], [map(2, -1, 0, 0, -1)])).toBeCloseTo(4, 6);
  const diagonal = map(2, 1, 1, 1, 1);
  expect(perceptualDistance([a, a], [diagonal, a])).toBeCloseTo((2 - Math.SQRT2) / 2, 6);
  // Nothing at all is at a right angle to everything.
  expect(perceptualDistance([map(1, 0)], [map(1, 1)])).toBeCloseTo(2, 6);
});
