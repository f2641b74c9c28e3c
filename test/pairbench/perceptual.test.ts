/** The perceptual net: against PyTorch, and on what a picture may suffer. */
import { join } from 'node:path';
import { Judge } from '../../bench/pairs/metrics/metrics';
import { PerceptualNet } from '../../bench/pairs/metrics/perceptual';
import { SIDE } from '../../bench/pairs/metrics/sample';
import { gaussianBlur } from '../../bench/pairs/pixels/blur';
import { imageOf, rasterOf } from '../../bench/pairs/pixels/raster';
import type { Image } from '../../engine/image/image';
import { Random } from '../../engine/tensor/random';
import { disc, paint } from '../support/pictures';

const WHITE = [255, 255, 255] as const;

let net: PerceptualNet;
beforeAll(async () => {
  net = await PerceptualNet.open(join(__dirname, '../../bench/pairs/perceptual/efficientnet-lite0.onnx'));
});
afterAll(() => net.dispose());

test("features agree with the package's own PyTorch forward pass", async () => {
  const rgb = Float32Array.from(
    { length: 3 * SIDE * SIDE },
    (_, i) => (Math.sin(i * 0.013) + Math.cos(i * 0.0007)) / 4 + 0.5,
  );
  const features = await net.features(rgb);
  // Channels and standard deviations printed by PyTorch 2.13 for this signal; the weights here are f16.
  const expected = [
    [16, 7.248739],
    [24, 9.587796],
    [40, 10.579469],
    [112, 6.929306],
  ] as const;
  expect(features).toHaveLength(4);
  features.forEach(({ channels, data }, i) => {
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const deviation = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
    expect(channels).toBe(expected[i]![0]);
    expect(Math.abs(deviation / expected[i]![1] - 1)).toBeLessThan(2e-3);
  });
});

/** A red ball with a blue one before it, on nothing. */
const ball: Image = paint(SIDE, SIDE, (x, y) => {
  const front = disc(x, y, 150, 150, 50);
  const cover = Math.max(disc(x, y, 110, 110, 80), front);
  return [220 - 180 * front, 40, 50 + 150 * front, 255 * cover];
});

function blurred(picture: Image, sigma: number): Image {
  const raster = rasterOf(picture);
  const size = SIDE * SIDE;
  const rgb = new Float32Array(3 * size);
  for (let c = 0; c < 3; c++) {
    rgb.set(gaussianBlur(raster.rgb.subarray(c * size, (c + 1) * size), SIDE, SIDE, sigma), c * size);
  }
  return imageOf({ ...raster, rgb });
}

function noisy(picture: Image, sigma: number): Image {
  const random = new Random(1);
  const raster = rasterOf(picture);
  return imageOf({ ...raster, rgb: raster.rgb.map((value) => value + sigma * random.normal()) });
}

test('what a picture suffers shows in the metrics that are there to see it', async () => {
  const judge = await Judge.for(net, WHITE, ball, ball);
  const same = await judge.judge(ball);
  expect(same.perceptual).toBeCloseTo(0, 5);
  expect(same).toMatchObject({ colour: 0, pixels: 0 });
  expect(same.structure).toBeCloseTo(1, 5);
  expect(same.flat).toBeLessThan(0.5);

  const noise = await judge.judge(noisy(ball, 0.08));
  const blur = await judge.judge(blurred(ball, 4));
  for (const spoiled of [noise, blur]) {
    expect(spoiled.perceptual).toBeGreaterThan(0.02);
    expect(spoiled.structure).toBeLessThan(0.95);
    expect(spoiled.pixels).toBeGreaterThan(1);
  }
  // The metric of flat areas is there for noise alone: blur leaves them flat.
  expect(noise.flat).toBeGreaterThan(10);
  expect(blur.flat).toBeLessThan(3);
});
