/** Colour baselines on pairs whose answer is known, and the exact filters on pixels worked out by hand. */
import { learnColourMap } from '../../bench/pairs/baselines/colour-map';
import { learnReinhard } from '../../bench/pairs/baselines/reinhard';
import { duotone } from '../../bench/pairs/filters/duotone';
import { EXACT_STYLES, onBackground } from '../../bench/pairs/filters/filters';
import { longShadow } from '../../bench/pairs/filters/long-shadow';
import { mosaic } from '../../bench/pairs/filters/mosaic';
import { labOf } from '../../bench/pairs/pixels/lab';
import { colourOf, hex, imageOf, over, rasterOf, type Raster } from '../../bench/pairs/pixels/raster';
import { Random } from '../../engine/tensor/random';
import { disc, paint } from '../support/pictures';

/** Random colours, alpha 1. */
function confetti(seed: number): Raster {
  const random = new Random(seed);
  const rgb = Float32Array.from({ length: 3 * 400 }, () => random.uniform());
  return { width: 20, height: 20, rgb, alpha: new Float32Array(400).fill(1) };
}

test('the colour map finds the affine map that made the pair', () => {
  const before = confetti(1);
  const turn = ({ rgb, ...rest }: Raster): Raster => ({
    ...rest,
    rgb: rgb.map((_, i) => 0.6 * rgb[(i + 400) % 1200]! + 0.2),
  });
  const other = confetti(2);
  const made = learnColourMap(before, turn(before))(other);
  const truth = turn(other);
  // The ridge holds a part of the way back.
  const error = Math.max(...made.rgb.map((value, i) => Math.abs(value - truth.rgb[i]!)));
  const nothing = Math.max(...other.rgb.map((value, i) => Math.abs(value - truth.rgb[i]!)));
  expect(error).toBeLessThan(0.3 * nothing);
  expect(made.alpha).toEqual(other.alpha);
});

test("Reinhard's transfer gives the before image the after image's means and deviations", () => {
  const before = confetti(1);
  // Grey and dull, so that no colour of the result falls outside sRGB.
  const after = { ...before, rgb: before.rgb.map((value, i) => 0.2 * value + (i < 400 ? 0.45 : 0.4)) };
  const made = learnReinhard(before, after)(before);
  const statistics = (picture: Raster): number[] => {
    const lab = Array.from({ length: 400 }, (_, i) => labOf(colourOf(picture, i)));
    return [0, 1, 2].flatMap((c) => {
      const mean = lab.reduce((sum, one) => sum + one[c]!, 0) / 400;
      return [mean, Math.sqrt(lab.reduce((sum, one) => sum + (one[c]! - mean) ** 2, 0) / 400)];
    });
  };
  statistics(made).forEach((value, i) => expect(Math.abs(value - statistics(after)[i]!)).toBeLessThan(0.05));
});

test('duotone paints black dark and white light', () => {
  const [dark, light] = [hex('#102030'), hex('#f0e0d0')];
  const picture = rasterOf(paint(2, 1, (x) => [255 * x, 255 * x, 255 * x, 128]));
  const made = imageOf(duotone(picture, { dark, light }));
  expect([...made.data]).toEqual([0x10, 0x20, 0x30, 128, 0xf0, 0xe0, 0xd0, 128]);
});

test('a tile is the mean of its pixels', () => {
  const picture = rasterOf(paint(4, 2, (x, y) => [100 * (x % 2), 200 * y, x < 2 ? 0 : 80, 255]));
  const made = imageOf(mosaic(picture, { background: [1, 1, 1], tile: 2, grout: 0, groutColour: [0, 0, 0] }));
  const pixels = Array.from({ length: 8 }, (_, i) => [...made.data.slice(4 * i, 4 * i + 3)]);
  expect(pixels).toEqual([0, 0, 80, 80, 0, 0, 80, 80].map((blue) => [50, 100, blue]));
});

test('a long shadow runs to the lower right as far as told', () => {
  const dot = rasterOf(paint(6, 6, (x, y) => (x === 1 && y === 1 ? [255, 0, 0, 255] : [0, 0, 0, 0])));
  const made = longShadow(dot, { background: [1, 1, 1], shadow: [0, 0, 0], length: 2 });
  const reds = (i: number): number[] => [...colourOf(made, i)];
  expect(reds(1 * 6 + 1)).toEqual([1, 0, 0]);
  expect([reds(2 * 6 + 2), reds(3 * 6 + 3)]).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ]);
  expect([reds(4 * 6 + 4), reds(2 * 6 + 3), reds(0)]).toEqual(Array(3).fill([1, 1, 1]));
});

const coloured = rasterOf(paint(64, 64, (x, y) => [60 + 2 * x, 200 - 2 * y, 90, 255 * disc(x, y, 32, 32, 24)]));

test('there are at least eight exact styles, each with other parameters for tuning and reporting', () => {
  const names = new Set(EXACT_STYLES.map(({ name }) => name));
  expect(names.size).toBeGreaterThanOrEqual(8);
  for (const name of names) {
    const [tune, report] = EXACT_STYLES.filter((style) => style.name === name);
    expect(tune!.parameters).not.toEqual(report!.parameters);
  }
});

test.each(EXACT_STYLES.map((style, n) => [`${style.name} ${n % 2}`, style] as const))(
  '%s gives the same picture every time, within range, with the alpha its inputs have',
  (_, style) => {
    const shown = onBackground(style, coloured);
    const made = style.apply(coloured);
    expect(imageOf(style.apply(coloured)).data).toEqual(imageOf(made).data);
    expect(made.alpha).toEqual(shown.alpha);
    expect(made.rgb.every((value) => value >= -1e-6 && value <= 1 + 1e-6)).toBe(true);
    const [before, after] = [over(shown, [1, 1, 1]), over(made, [1, 1, 1])];
    const change = after.rgb.reduce((sum, value, i) => sum + Math.abs(value - before.rgb[i]!), 0) / after.rgb.length;
    expect(change).toBeGreaterThan(0.01);
  },
);
