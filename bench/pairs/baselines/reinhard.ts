/** Colour transfer by means and deviations (Reinhard et al., 2001), in CIELAB, learned from a pair. */
import { labOf, colourOfLab, type Lab } from '../pixels/lab';
import { colourOf, recolour, type Raster } from '../pixels/raster';

type Statistics = readonly { readonly mean: number; readonly deviation: number }[];

/** Scaling is kept to this range, so that a nearly flat before image does not blow noise up. */
const MAX_GAIN = 4;

/**
 * The colour map that gives the before image the after image's mean and deviation in each of L, a and b.
 *
 * @param after of the same size, opaque where `before` is.
 */
export function learnReinhard(before: Raster, after: Raster): (picture: Raster) => Raster {
  const [from, to] = [statistics(before, before.alpha), statistics(after, before.alpha)];
  return (picture) =>
    recolour(picture, (i) => {
      const lab = labOf(colourOf(picture, i));
      const moved = lab.map((value, c) => {
        const gain = Math.min(MAX_GAIN, to[c]!.deviation / Math.max(1e-3, from[c]!.deviation));
        return to[c]!.mean + gain * (value - from[c]!.mean);
      });
      return colourOfLab(moved as unknown as Lab);
    });
}

function statistics(picture: Raster, weights: Float32Array): Statistics {
  const sums = [0, 0, 0];
  const squares = [0, 0, 0];
  let total = 0;
  weights.forEach((weight, i) => {
    if (weight === 0) return;
    total += weight;
    labOf(colourOf(picture, i)).forEach((value, c) => {
      sums[c]! += weight * value;
      squares[c]! += weight * value * value;
    });
  });
  return sums.map((sum, c) => {
    const mean = sum / Math.max(1e-9, total);
    return { mean, deviation: Math.sqrt(Math.max(0, squares[c]! / Math.max(1e-9, total) - mean * mean)) };
  });
}
