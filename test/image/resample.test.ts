/** Resampling: exact where it must be, faithful where it can be. */
import { blendRows, boxMean, crop, makeTaps, planes, resize, type Kernel } from '../../engine/image/resample';

const KERNELS: readonly Kernel[] = ['area', 'triangle', 'catmull-rom', 'lanczos3'];

function line(length: number, at: (x: number) => number): Float32Array {
  return Float32Array.from({ length }, (_, x) => at(x));
}

describe.each(KERNELS)('%s', (kernel) => {
  test.each([
    [7, 7],
    [100, 13],
    [13, 100],
    [3, 1],
    [1, 5],
    [256, 255],
  ])('weights from %i to %i sum to 1 and stay inside', (from, to) => {
    const taps = makeTaps(from, to, kernel);
    for (let i = 0; i < to; i++) {
      const row = taps.weights.subarray(i * taps.count, (i + 1) * taps.count);
      expect(row.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 5);
      expect(taps.start[i]).toBeGreaterThanOrEqual(0);
      expect(taps.start[i]! + taps.count).toBeLessThanOrEqual(from);
    }
  });

  test('an unchanged size copies', () => {
    const source = planes(
      2,
      5,
      4,
      line(40, (x) => Math.sin(3 * x)),
    );
    expect([...resize(source, 5, 4, kernel).data]).toEqual([...source.data]);
  });

  test('a constant stays constant', () => {
    const out = resize(planes(1, 9, 6, new Float32Array(54).fill(0.7)), 23, 4, kernel);
    for (const value of out.data) expect(value).toBeCloseTo(0.7, 5);
  });

  test('a ramp enlarged stays that ramp away from the borders', () => {
    const out = resize(
      planes(
        1,
        16,
        1,
        line(16, (x) => x),
      ),
      40,
      1,
      kernel === 'area' ? 'triangle' : kernel,
    );
    for (let x = 10; x < 30; x++)
      expect(Math.abs(out.data[x]! - ((x + 0.5) * 0.4 - 0.5))).toBeLessThan(kernel === 'lanczos3' ? 0.02 : 1e-5);
  });

  test('mirrored input gives mirrored output', () => {
    const values = line(17, (x) => Math.cos(x * x));
    const forth = resize(planes(1, 17, 1, values), 6, 1, kernel).data;
    const back = resize(planes(1, 17, 1, values.slice().reverse()), 6, 1, kernel).data;
    forth.forEach((value, i) => expect(value).toBeCloseTo(back[5 - i]!, 5));
  });
});

test('area averages what each output pixel covers, with fractions', () => {
  const out = resize(planes(1, 5, 1, Float32Array.of(1, 2, 3, 4, 5)), 2, 1, 'area');
  // 2.5 input pixels each: (1 + 2 + 3/2) / 2.5 and (3/2 + 4 + 5) / 2.5.
  expect(out.data[0]).toBeCloseTo(1.8, 5);
  expect(out.data[1]).toBeCloseTo(4.2, 5);
});

test('shrinking does not alias a fine checkerboard', () => {
  const board = planes(
    1,
    64,
    64,
    line(4096, (i) => (i + Math.floor(i / 64)) % 2),
  );
  for (const kernel of KERNELS) {
    const out = resize(board, 16, 16, kernel);
    for (let y = 4; y < 12; y++)
      for (let x = 4; x < 12; x++) expect(Math.abs(out.data[y * 16 + x]! - 0.5)).toBeLessThan(0.02);
  }
});

test('blendRows adds whole rows by their weights', () => {
  const taps = makeTaps(4, 2, 'area');
  const out = new Float32Array(3);
  blendRows(Float32Array.of(9, 9, 9, 0, 2, 4, 2, 4, 6, 5, 5, 5, 7, 7, 7), 3, 3, taps, 0, out);
  expect([...out]).toEqual([1, 3, 5]);
});

test('crop takes a rectangle of every plane', () => {
  const out = crop(
    planes(
      2,
      4,
      3,
      line(24, (i) => i),
    ),
    1,
    1,
    2,
    2,
  );
  expect([...out.data]).toEqual([5, 6, 9, 10, 17, 18, 21, 22]);
});

test('boxMean is the mean over the window cut off at the borders', () => {
  const source = planes(
    1,
    6,
    5,
    line(30, (i) => (i * 7) % 11),
  );
  for (const radius of [1, 2, 9]) {
    const out = boxMean(source, radius);
    for (let y = 0; y < 5; y++) {
      for (let x = 0; x < 6; x++) {
        const seen: number[] = [];
        for (let j = Math.max(0, y - radius); j <= Math.min(4, y + radius); j++)
          for (let i = Math.max(0, x - radius); i <= Math.min(5, x + radius); i++) seen.push(source.data[j * 6 + i]!);
        expect(out.data[y * 6 + x]).toBeCloseTo(seen.reduce((a, b) => a + b) / seen.length, 4);
      }
    }
  }
});

test('planes of the wrong size are refused', () => {
  expect(() => planes(1, 2, 2, new Float32Array(3))).toThrow('3 numbers do not fill 1 planes of 2 x 2');
});
