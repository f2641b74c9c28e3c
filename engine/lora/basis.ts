/**
 * The frozen down-projections of the two adapters: disjoint rows of one orthonormal basis per input width, so that
 * content and style cannot share a direction (Pair Customization, arXiv 2405.01536, section 3.2).
 */
import { InputError } from '../errors';
import { Random, streamSeed } from '../tensor/random';

/**
 * `count` orthonormal rows of length `width`, row-major in a [count, width] array: normal vectors orthogonalized by
 * Gram and Schmidt in double precision, twice for full accuracy. The same seed and width give the same rows.
 *
 * @throws InputError when more rows are asked for than the width can hold.
 */
export function orthonormalRows(count: number, width: number, seed: number): Float32Array {
  if (count > width) {
    throw new InputError(
      `rank: ${count} orthogonal rows do not fit a layer of width ${width}; use a rank of at most ${Math.floor(width / 2)}`,
    );
  }
  const random = new Random(streamSeed(seed, width));
  const rows: Float64Array[] = [];
  while (rows.length < count) {
    const row = Float64Array.from({ length: width }, () => random.normal());
    for (let pass = 0; pass < 2; pass++) for (const other of rows) subtractProjection(row, other);
    scale(row, 1 / Math.sqrt(dot(row, row)));
    rows.push(row);
  }
  return Float32Array.from(rows.flatMap((row) => [...row]));
}

/** `count` independent unit rows: the ablation without orthogonality. */
export function independentRows(count: number, width: number, seed: number): Float32Array {
  const random = new Random(streamSeed(seed, width));
  const rows = Array.from({ length: count }, () => {
    const row = Float64Array.from({ length: width }, () => random.normal());
    scale(row, 1 / Math.sqrt(dot(row, row)));
    return row;
  });
  return Float32Array.from(rows.flatMap((row) => [...row]));
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

function scale(row: Float64Array, factor: number): void {
  for (let i = 0; i < row.length; i++) row[i]! *= factor;
}

function subtractProjection(row: Float64Array, onto: Float64Array): void {
  const amount = dot(row, onto);
  for (let i = 0; i < row.length; i++) row[i]! -= amount * onto[i]!;
}
