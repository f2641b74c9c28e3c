import { calibrationFactor } from '../../engine/learn/calibration';
import { image, type Image } from '../../engine/image/image';

/** One opaque pixel. */
const picture = (...rgb: number[]): Image => image(1, 1, Uint8ClampedArray.of(...rgb, 255));
const before = picture(100, 50, 200);

test.each([
  ['half of the change, held at the most', [120, 70, 180], 1.5],
  ['five sixths of it', [150, 100, 150], 1.2],
  ['all of it', [160, 110, 140], 1],
  // r = (60, 0, 55) against a: 300 / 6625, held at the least.
  ['much that the pair does not have', [160, 50, 255], 0.2],
  // r = (60, 30, -100) against a: (3600 + 1800 + 6000) / (3600 + 900 + 10000).
  ['more in one channel than in another', [160, 80, 100], 11400 / 14500],
  ['the contrary', [40, 0, 255], 0.2],
  ['nothing', [100, 50, 200], 1],
])('a style that brings about %s', (_, restyled, factor) => {
  // The change a = (60, 60, -60).
  const rule = { least: 0.2, most: 1.5, share: 1 };
  const fitted = (share: number): number =>
    calibrationFactor(before, picture(...restyled), picture(160, 110, 140), { ...rule, share });
  expect(fitted(1)).toBeCloseTo(factor, 5);
  expect(fitted(0.4)).toBeCloseTo(0.4 * factor, 5);
});
