/** Distance transforms of masks. */

/**
 * For every pixel the distance in px to the nearest one that is 0 in `mask`, by steps along rows, columns and diagonals
 * (8% long at most); Infinity where there is none.
 */
export function distanceToZero(mask: Uint8Array, width: number): Float32Array {
  const distances = new Float32Array(mask.length);
  for (let i = 0; i < mask.length; i++) distances[i] = mask[i] ? Infinity : 0;
  sweep(distances, width, 1);
  sweep(distances, width, -1);
  return distances;
}

/** Shortens distances by those of the neighbours that come before, in row-major order from the top left (1) or back (-1). */
function sweep(distances: Float32Array, width: number, side: 1 | -1): void {
  const size = distances.length;
  const first = side === 1 ? 0 : width - 1;
  const last = width - 1 - first;
  for (let i = side === 1 ? 0 : size - 1; i >= 0 && i < size; i += side) {
    const x = i % width;
    const above = i - side * width;
    let least = distances[i]!;
    if (x !== first) least = Math.min(least, distances[i - side]! + 1);
    if (above >= 0 && above < size) {
      least = Math.min(least, distances[above]! + 1);
      if (x !== first) least = Math.min(least, distances[above - side]! + Math.SQRT2);
      if (x !== last) least = Math.min(least, distances[above + side]! + Math.SQRT2);
    }
    distances[i] = least;
  }
}
