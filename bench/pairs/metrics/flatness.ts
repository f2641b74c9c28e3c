/** Cleanliness: what a result draws where neither the input nor the truth draws anything. */
import { boxBlur } from '../pixels/blur';

/** Half the window's side: wide enough for noise of one latent pixel, 8 px of 256. */
const RADIUS = 4;
/** An area counts as flat below this deviation, in grey levels; a soft gradient passes. */
const FLAT = 2;

/** Standard deviation in the window around each pixel, in grey levels, its variance averaged over the three planes. */
export function localDeviation(rgb: Float32Array, width: number, height: number): Float32Array {
  const size = width * height;
  const variance = new Float32Array(size);
  for (let c = 0; c < 3; c++) {
    const plane = rgb.subarray(c * size, (c + 1) * size);
    const mean = boxBlur(plane, width, height, RADIUS);
    const square = boxBlur(
      plane.map((value) => value * value),
      width,
      height,
      RADIUS,
    );
    for (let i = 0; i < size; i++) variance[i]! += Math.max(0, square[i]! - mean[i]! ** 2) / 3;
  }
  return variance.map((value) => 255 * Math.sqrt(value));
}

/**
 * Mean local deviation of a result, in grey levels, over the visible pixels around which input and truth are flat.
 *
 * @param deviations local deviations of result, input and truth.
 * @param alpha the input's; half transparent pixels and less do not count.
 * @returns null where there is no flat area.
 */
export function flatNoise(
  result: Float32Array,
  input: Float32Array,
  truth: Float32Array,
  alpha: Float32Array,
): number | null {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < result.length; i++) {
    if (alpha[i]! < 0.5 || input[i]! >= FLAT || truth[i]! >= FLAT) continue;
    sum += result[i]!;
    count++;
  }
  return count === 0 ? null : sum / count;
}
