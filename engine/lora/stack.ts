/**
 * All adapters of a run as one low-rank path per target module: y += ((x AT) * m) BT, where the multiplier m has one number per
 * sample and rank. Which adapter acts on which sample of a batch, and how strongly, is data.
 */
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import type { Adapt } from '../nets/scope';
import { f32, type HostTensor } from '../tensor/tensor';

export interface StackedMatrices {
  /** [R, in] */
  readonly down: Value;
  /** [out, R] */
  readonly up: Value;
}

export interface StackMasks {
  /** m: [batch, 1, R] */
  readonly multiplier: Value;
  /** [batch, 1, R]: 0 stops the gradient of that sample to that rank of B. */
  readonly gradient?: Value;
}

/** The hook that adds the stacked adapters at the target modules `matrices` knows, whose inputs are rows [batch tokens, in]. */
export function stackedAdapters(
  b: GraphBuilder,
  matrices: ReadonlyMap<string, StackedMatrices>,
  masks: StackMasks,
): Adapt {
  const multiplier = byRow(b, masks.multiplier);
  const gradient = masks.gradient && byRow(b, masks.gradient);
  return (target, x, y) => {
    const found = matrices.get(target);
    if (!found) return y;
    const [rows] = x.shape as [number];
    const h = b.linear(x, found.down);
    return b.add(y, b.loraUp(h, multiplier(rows), found.up, gradient?.(rows)));
  };
}

/** A mask [batch, 1, R] repeated for the tokens of each sample, [rows, R]; once for each number of rows. */
function byRow(b: GraphBuilder, mask: Value): (rows: number) => Value {
  const [batch, , ranks] = mask.shape as [number, number, number];
  const made = new Map<number, Value>();
  return (rows) => {
    let repeated = made.get(rows);
    if (!repeated) {
      repeated = b.reshape(b.expand(mask, [batch, rows / batch, ranks]), [rows, ranks]);
      made.set(rows, repeated);
    }
    return repeated;
  };
}

/**
 * The multiplier tensor [batch, 1, R] from one number per sample and adapter.
 *
 * @param ranks rank of each adapter, in stacking order.
 * @param rows for each sample, the multiplier of each adapter.
 */
export function multiplierTensor(ranks: readonly number[], rows: readonly (readonly number[])[]): HostTensor<'f32'> {
  const total = ranks.reduce((n, r) => n + r, 0);
  const data = rows.flatMap((row) => ranks.flatMap((rank, k) => new Array<number>(rank).fill(row[k] ?? 0)));
  return f32(data, [rows.length, 1, total]);
}
