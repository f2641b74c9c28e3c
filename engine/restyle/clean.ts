/**
 * Cleaning the net's difference before it is laid on the picture. A style gives areas of the picture other colours and
 * draws a few strong new shapes; what a small net adds to that, in areas that were flat, is noise.
 *
 * So the difference is split in two. What follows the picture is kept as it is: the guided filter's fit over wide
 * windows, in which noise averages out and every edge of the picture stays sharp. Of the rest, only what stands out
 * from the noise is kept: Lee's local Wiener filter (IEEE PAMI 2(2), 1980), gain (v - n²) / v with v the rest's local
 * variance and n the noise's standard deviation.
 */
import { fitAffine, leftOver } from '../image/guided-filter';
import { boxMean, planes, type Planes } from '../image/resample';

/** Measured on tune tasks of the pair benchmark (docs/experiments.md). */
export const CLEANING = {
  /** Window radius of the fit, as a share of the long side. */
  window: 1 / 16,
  epsilon: 2e-3,
  /** Standard deviation of the noise, of colours in [0, 1]. */
  noiseSigma: 0.1,
  /** Window radius of the local variance, px: about the size of a latent pixel. */
  variance: 3,
} as const;

/**
 * @param difference three planes in [-1, 1].
 * @param picture the untouched picture at the same size, three planes in [0, 1].
 * @returns the cleaned difference; zero for a zero difference.
 */
export function cleanDifference(difference: Planes, picture: Planes): Planes {
  const { width, height } = difference;
  const size = width * height;
  const radius = Math.max(1, Math.round(CLEANING.window * Math.max(width, height)));
  const fit = fitAffine(difference, picture, { radius, epsilon: CLEANING.epsilon });
  const rest = leftOver(difference, picture, fit);
  const energy = new Float32Array(size);
  for (let i = 0; i < 3 * size; i++) energy[i % size]! += rest.data[i]! ** 2 / 3;
  const variance = boxMean(planes(1, width, height, energy), CLEANING.variance).data;
  const noise = CLEANING.noiseSigma ** 2;
  const data = difference.data.map((value, i) => {
    const v = variance[i % size]!;
    const dropped = v > noise ? noise / v : 1;
    return value - dropped * rest.data[i]!;
  });
  return planes(3, width, height, data);
}
