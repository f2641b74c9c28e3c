/** Resizing of the backbone's features to the picture or a part of it, and blurring, as two products with matrices. */
import type { GraphBuilder } from '../../graph/builder';
import type { Value } from '../../graph/graph';
import { f32, type HostTensor } from '../../tensor/tensor';

/**
 * The matrix [count, from] that takes `from` samples to those from `start` on of `to` samples, as torch's 'bilinear'
 * without corners aligned or antialiasing. Rows beyond the ends are 0.
 */
export function interpolation(from: number, to: number, start = 0, count = to): HostTensor<'f32'> {
  const data = new Float32Array(count * from);
  for (let i = 0; i < count; i++) {
    const target = start + i;
    if (target < 0 || target >= to) continue;
    const at = Math.max(0, ((target + 0.5) * from) / to - 0.5);
    const low = Math.min(from - 1, Math.floor(at));
    const high = Math.min(from - 1, low + 1);
    data[i * from + low]! += 1 - (at - low);
    data[i * from + high]! += at - low;
  }
  return f32(data, [count, from]);
}

/** The matrix [size, size] that blurs by a Gaussian of `sigma` samples, its weights renormalised at the ends. */
export function gaussian(size: number, sigma: number): HostTensor<'f32'> {
  const data = new Float32Array(size * size);
  for (let i = 0; i < size; i++) {
    const row = data.subarray(i * size, (i + 1) * size);
    row.forEach((_, j) => (row[j] = Math.exp(-0.5 * ((i - j) / sigma) ** 2)));
    const total = row.reduce((sum, weight) => sum + weight, 0);
    row.forEach((weight, j) => (row[j] = weight / total));
  }
  return f32(data, [size, size]);
}

/** @param rows [H, h]. @param features [N, C, h, w]. @param columns [W, w]. @returns [N, C, H, W]. */
export function resizeFeatures(b: GraphBuilder, rows: Value, features: Value, columns: Value): Value {
  return b.matmul(b.matmul(rows, features), b.transpose(columns, [1, 0]));
}
