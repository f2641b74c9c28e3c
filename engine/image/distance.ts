/** Distance transforms of masks. */

/**
 * For every pixel the distance in px to the nearest one that is 0 in `mask`, by steps along rows, columns and diagonals
 * (8% long at most); Infinity where there is none.
 */
export function distanceToZero(mask: Uint8Array, width: number): Float32Array {
  const height = mask.length / width;
  const distances = Float32Array.from(mask, (one) => (one ? Infinity : 0));
  const relax = (x: number, y: number, side: 1 | -1): void => {
    const i = y * width + x;
    let least = distances[i]!;
    const from = (dx: number, dy: number, cost: number): void => {
      const u = x + dx;
      const v = y + dy;
      if (u < 0 || u >= width || v < 0 || v >= height) return;
      least = Math.min(least, distances[v * width + u]! + cost);
    };
    from(-side, 0, 1);
    from(0, -side, 1);
    from(-side, -side, Math.SQRT2);
    from(side, -side, Math.SQRT2);
    distances[i] = least;
  };
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) relax(x, y, 1);
  for (let y = height - 1; y >= 0; y--) for (let x = width - 1; x >= 0; x--) relax(x, y, -1);
  return distances;
}
