/** The affine colour map that fits a pair best pixel by pixel: the strongest recolouring that knows nothing of shape. */
import { solvePositiveDefinite } from '../../../engine/tensor/linear';
import { colourOf, recolour, type Colour, type Raster } from '../pixels/raster';

/** Pulls the map towards leaving colours alone; matters only where the pair does not say. */
const RIDGE = 1e-2;

/**
 * Weighted ridge regression of after - before on [r, g, b, 1].
 *
 * @param after of the same size, opaque where `before` is.
 */
export function learnColourMap(before: Raster, after: Raster): (picture: Raster) => Raster {
  const normal = Array.from({ length: 4 }, (_, i) => Array.from({ length: 4 }, (_, j) => (i === j ? RIDGE : 0)));
  const right = Array.from({ length: 4 }, () => [0, 0, 0]);
  const total = before.alpha.reduce((sum, weight) => sum + weight, 0);
  before.alpha.forEach((alpha, i) => {
    if (alpha === 0) return;
    const weight = alpha / total;
    const from = [...colourOf(before, i), 1];
    const to = colourOf(after, i);
    for (let p = 0; p < 4; p++) {
      for (let q = 0; q < 4; q++) normal[p]![q]! += weight * from[p]! * from[q]!;
      for (let c = 0; c < 3; c++) right[p]![c]! += weight * from[p]! * (to[c]! - from[c]!);
    }
  });
  const map = solvePositiveDefinite(normal, right);
  return (picture) =>
    recolour(picture, (i) => {
      const colour = colourOf(picture, i);
      const moved = [0, 1, 2].map((c) => {
        const change = map[0]![c]! * colour[0] + map[1]![c]! * colour[1] + map[2]![c]! * colour[2] + map[3]![c]!;
        return Math.min(1, Math.max(0, colour[c]! + change));
      });
      return moved as unknown as Colour;
    });
}
