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

/**
 * The same, exact and squared, px squared: distances along columns, then along each row the lower envelope of the parabolas
 * that they begin (Felzenszwalb and Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8, 2012).
 */
export function squaredDistanceToZero(mask: Uint8Array, width: number): Float32Array {
  const size = mask.length;
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++) out[i] = mask[i] === 0 ? 0 : i < width ? Infinity : out[i - width]! + 1;
  for (let i = size - width - 1; i >= 0; i--) out[i] = Math.min(out[i]!, out[i + width]! + 1);
  const line = new Float64Array(width);
  const centres = new Int32Array(width);
  const ends = new Float64Array(width);
  for (let start = 0; start < size; start += width) lowerEnvelope(out, start, line, centres, ends);
  return out;
}

/** Replaces a row of distances by the least of each squared plus the squared way to it; the rest is working memory, as long as a row. */
function lowerEnvelope(
  values: Float32Array,
  start: number,
  line: Float64Array,
  centres: Int32Array,
  ends: Float64Array,
): void {
  const count = line.length;
  let last = -1;
  for (let i = 0; i < count; i++) {
    const value = values[start + i]! ** 2;
    line[i] = value;
    if (value === Infinity) continue;
    let from = -Infinity;
    while (last >= 0) {
      const centre = centres[last]!;
      from = (value + i * i - line[centre]! - centre * centre) / (2 * (i - centre));
      if (from > ends[last]!) break;
      last--;
      from = -Infinity;
    }
    last++;
    centres[last] = i;
    ends[last] = from;
  }
  for (let i = 0, at = 0; i < count; i++) {
    while (at < last && ends[at + 1]! < i) at++;
    values[start + i] = last < 0 ? Infinity : (i - centres[at]!) ** 2 + line[centres[at]!]!;
  }
}
