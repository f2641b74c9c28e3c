/** Structural similarity of two planes (SSIM, Wang et al., 2004); the benchmark applies it to edge maps. */
import { gaussianBlur } from '../pixels/blur';

/** Window and constants of SSIM as published (Wang et al., 2004), for values in [0, 1]. */
const SIGMA = 1.5;
const RADIUS = 5;
const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;

/** Mean SSIM of two planes over the windows that lie inside; both sides at least 11 px. */
export function ssim(a: Float32Array, b: Float32Array, width: number, height: number): number {
  const blur = (plane: Float32Array): Float32Array => gaussianBlur(plane, width, height, SIGMA, RADIUS);
  const product = (p: Float32Array, q: Float32Array): Float32Array => p.map((value, i) => value * q[i]!);
  const [meanA, meanB] = [blur(a), blur(b)];
  const [squareA, squareB, cross] = [blur(product(a, a)), blur(product(b, b)), blur(product(a, b))];
  let sum = 0;
  for (let y = RADIUS; y < height - RADIUS; y++) {
    for (let x = RADIUS; x < width - RADIUS; x++) {
      const i = y * width + x;
      const [ma, mb] = [meanA[i]!, meanB[i]!];
      const luminance = (2 * ma * mb + C1) / (ma * ma + mb * mb + C1);
      const varianceSum = squareA[i]! - ma * ma + squareB[i]! - mb * mb;
      sum += luminance * ((2 * (cross[i]! - ma * mb) + C2) / (varianceSum + C2));
    }
  }
  return sum / ((width - 2 * RADIUS) * (height - 2 * RADIUS));
}
