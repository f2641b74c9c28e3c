/** The preflight of a pair. */
import { mirror, zoom } from '../../engine/image/alignment';
import { applyShift, checkPair } from '../../engine/learn/pair-check';
import { compositeAt } from '../../engine/image/canvas';
import { image, type Image } from '../../engine/image/image';
import { planes, resize, type Planes } from '../../engine/image/resample';
import { fixture, paint, pixel } from '../support/pictures';

const WHITE = [255, 255, 255] as const;

function toImage({ width, height, data }: Planes): Image {
  const size = width * height;
  return paint(width, height, (x, y) => {
    const at = y * width + x;
    return [255 * data[at]!, 255 * data[size + at]!, 255 * data[2 * size + at]!, 255];
  });
}

/** The image moved by (x, y), filled with transparency. */
function moved(picture: Image, x: number, y: number): Image {
  return paint(picture.width, picture.height, (px, py) => {
    const [fx, fy] = [px - x, py - y];
    const inside = fx >= 0 && fy >= 0 && fx < picture.width && fy < picture.height;
    return (inside ? pixel(picture, fx, fy) : [0, 0, 0, 0]) as [number, number, number, number];
  });
}

const NAMES = ['bell', 'umbrella', 'teddy-bear'];
const STYLES = ['gradient', 'line'];
const pairs = NAMES.flatMap((name) => STYLES.map((style) => [name, style] as const));

test.each(pairs)('%s in %s style is a usable pair', async (name, style) => {
  const verdict = checkPair(await fixture(`${name}-flat`), await fixture(`${name}-${style}`));
  expect(verdict).toMatchObject({ usable: true });
  expect(verdict.edgeAgreement).toBeGreaterThan(0.45);
  expect(verdict.difference).toBeGreaterThan(0.01);
});

test.each([
  ['bell', 'umbrella'],
  ['umbrella', 'teddy-bear'],
  ['teddy-bear', 'bell'],
])('%s and %s do not share a layout', async (before, after) => {
  for (const style of STYLES) {
    const verdict = checkPair(await fixture(`${before}-flat`), await fixture(`${after}-${style}`));
    expect(verdict).toMatchObject({ usable: false, problems: ['unrelated'], shift: { x: 0, y: 0 } });
  }
});

// The line drawing of the bell is a little larger than the flat one, so no single move is right for it.
const aligned = pairs.filter(([name, style]) => !(name === 'bell' && style === 'line'));

test.each(aligned)('%s in %s style, moved, is found and moved back', async (name, style) => {
  const before = await fixture(`${name}-flat`);
  const after = await fixture(`${name}-${style}`);
  const verdict = checkPair(before, moved(after, 13, -9));
  expect(verdict).toMatchObject({ usable: true, problems: ['shifted'] });
  expect(Math.abs(verdict.shift.x + 13)).toBeLessThanOrEqual(2);
  expect(Math.abs(verdict.shift.y - 9)).toBeLessThanOrEqual(2);
  const corrected = checkPair(before, applyShift(moved(after, 13, -9), verdict.shift, before.width));
  expect(corrected.problems).toEqual([]);
});

/** The letter F, which no symmetry leaves as it is. */
function letter(ink: readonly [number, number, number], background: readonly [number, number, number]): Planes {
  const picture = paint(128, 128, (x, y) => {
    const stem = x >= 40 && x < 56 && y >= 24 && y < 104;
    const arms = x >= 40 && ((y >= 24 && y < 40 && x < 92) || (y >= 56 && y < 70 && x < 80));
    return [...(stem || arms ? ink : background), 255] as [number, number, number, number];
  });
  return compositeAt(picture, WHITE, 128, 128);
}

test('a mirrored or scaled drawing is named', () => {
  const before = toImage(letter([30, 60, 120], [250, 240, 220]));
  const after = letter([255, 220, 0], [20, 20, 20]);
  expect(checkPair(before, toImage(after)).problems).toEqual([]);
  expect(checkPair(before, toImage(mirror(after))).problems).toEqual(['mirrored']);
  const small = checkPair(before, toImage(zoom(after, 0.75)));
  expect(small.problems).toEqual(['scaled']);
  expect(small.verdict).toMatch(/at about 7\d % of its size/);
});

test('the same picture twice is no pair, also at another resolution', async () => {
  const before = await fixture('bell-flat');
  expect(checkPair(before, before)).toMatchObject({ usable: false, problems: ['identical'] });
  const twice = paint(256, 256, (x, y) => pixel(before, x >> 1, y >> 1) as [number, number, number, number]);
  expect(checkPair(before, twice)).toMatchObject({ usable: false, problems: ['identical'] });
});

test('a picture of the same alpha and colours on white but another alpha is not identical', () => {
  const before = paint(64, 64, (x, y) => [x < 32 ? 0 : 255, 255, 255, y < 32 ? 255 : 0]);
  const after = paint(64, 64, (x, y) => [x < 32 ? 0 : 255, 255, 255, y < 32 || x >= 32 ? 255 : 0]);
  expect(checkPair(before, after).problems).not.toContain('identical');
});

test('blank pictures are named', async () => {
  const icon = await fixture('bell-flat');
  const blank = paint(128, 128, () => [200, 30, 30, 255]);
  const clear = paint(128, 128, (x) => [x, 0, 255 - x, 0]);
  expect(checkPair(icon, blank)).toMatchObject({ usable: false, problems: ['blank'] });
  expect(checkPair(clear, icon).verdict).toBe('The before image is blank; choose a frame that shows something.');
});

test('the same proportions are needed, not the same resolution', async () => {
  const before = await fixture('bell-flat');
  const after = await fixture('bell-line');
  const half = resize(
    planes(
      4,
      128,
      128,
      Float32Array.from({ length: 4 * 128 * 128 }, (_, i) => after.data[(i % 16384) * 4 + Math.floor(i / 16384)]!),
    ),
    64,
    64,
  );
  const small = image(
    64,
    64,
    Uint8ClampedArray.from({ length: 4 * 4096 }, (_, i) => half.data[(i % 4) * 4096 + (i >> 2)]!),
  );
  expect(checkPair(before, small)).toMatchObject({ usable: true });
  const wide = paint(128, 64, () => [0, 0, 0, 255]);
  expect(checkPair(before, wide)).toMatchObject({ usable: false, problems: ['size'] });
});

test('a shift is applied at the after image’s own resolution', () => {
  const after = paint(40, 20, (x, y) => [x, y, 0, 255]);
  const out = applyShift(after, { x: 3, y: -2 }, 20);
  // 3 and -2 px of a 20 px wide before image are 6 and -4 px here; an opaque border is repeated.
  expect(pixel(out, 10, 10)).toEqual([4, 14, 0, 255]);
  expect(pixel(out, 2, 10)).toEqual([0, 14, 0, 255]);
  expect(pixel(out, 10, 19)).toEqual([4, 19, 0, 255]);
  const clear = paint(40, 20, (x) => [x, 1, 2, 128]);
  expect(pixel(applyShift(clear, { x: 3, y: 0 }, 40), 2, 5)).toEqual([0, 0, 0, 0]);
  expect(applyShift(after, { x: 0, y: 0 }, 20)).toBe(after);
});
