/**
 * The gradient of fused attention. Its scores are not kept: they are computed again, some rows of queries at a time, so
 * that memory grows with the number of tokens and not with its square (Rabe and Staats, arXiv 2112.05682; Dao et al.,
 * arXiv 2205.14135).
 */
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import type { RuleContext } from './rule';

/**
 * With P = softmax(scale Q KT), O = P V and D the rows' sums of g O, by head:
 *   dV = PT g;  dS = P (g VT - D) scale;  dQ = dS K;  dK = dST Q
 */
export function attentionGradient({
  b,
  op: { heads, scale, tileRows },
  inputs,
  outputs,
  gradient,
  needs,
}: RuleContext<'MultiHeadAttention'>): (Value | undefined)[] {
  const [q, k, v] = inputs as [Value, Value, Value];
  const [batch, rows, width] = q.shape as [number, number, number];
  const headWidth = width / heads;
  const byHead = (x: Value, permutation = [0, 2, 1, 3]): Value =>
    b.transpose(b.reshape(x, [batch, x.shape[1]!, heads, headWidth]), permutation);
  const joined = (x: Value, permutation = [0, 2, 1, 3]): Value => {
    const bySample = b.transpose(x, permutation);
    return b.reshape(bySample, [batch, bySample.shape[1]!, width]);
  };

  const queries = byHead(b.mul(q, scale));
  const keys = byHead(k);
  const keysT = byHead(k, [0, 2, 3, 1]);
  // One column more, so that the product with the values is g VT - D at once.
  const sums = b.reduceSum(byHead(b.mul(gradient, outputs[0]!)), [-1], true);
  const out = b.concat([byHead(gradient), b.neg(sums)], 3);
  const outT = byHead(gradient, [0, 2, 3, 1]);
  const ones = b.expand(b.scalar(1, v.dtype === 'f16' ? 'f16' : 'f32'), [batch, heads, 1, v.shape[1]!]);
  const valuesT = b.concat([byHead(v, [0, 2, 3, 1]), ones], 2);

  // The gradients of keys and values are summed with their axes swapped: a product takes the scores as they lie.
  const queryTiles: Value[] = [];
  let keyGradientT: Value | undefined;
  let valueGradientT: Value | undefined;
  for (let start = 0; start < rows; start += tileRows) {
    const end = Math.min(rows, start + tileRows);
    const cut = (x: Value, axis: number): Value => b.slice(x, axis, start, end);
    // A tile begins when the one before it is done. Without that, the runtime may compute all their scores first.
    const last = valueGradientT ?? keyGradientT ?? queryTiles.at(-1);
    const part = last ? b.add(cut(queries, 2), nothingOf(b, last)) : cut(queries, 2);
    const weights = b.softmax(b.matmul(part, keysT));
    const scores = b.mul(weights, b.matmul(cut(out, 2), valuesT));
    if (needs(0)) queryTiles.push(b.matmul(scores, keys));
    if (needs(1)) keyGradientT = plus(b, keyGradientT, b.matmul(swapLast(b, part), scores));
    if (needs(2)) valueGradientT = plus(b, valueGradientT, b.matmul(cut(outT, 3), weights));
  }
  return [
    needs(0) ? joined(b.mul(b.concat(queryTiles, 2), scale)) : undefined,
    // The scale is in the queries already.
    keyGradientT && joined(keyGradientT, [0, 3, 1, 2]),
    valueGradientT && joined(valueGradientT, [0, 3, 1, 2]),
  ];
}

/** A zero, [1, 1, 1, 1], that takes a value to compute. */
function nothingOf(b: GraphBuilder, x: Value): Value {
  const one = x.shape.reduce((rest, _, axis) => b.slice(rest, axis, 0, 1), x);
  return b.mul(one, 0);
}

function plus(b: GraphBuilder, sum: Value | undefined, x: Value): Value {
  return sum ? b.add(sum, x) : x;
}

function swapLast(b: GraphBuilder, x: Value): Value {
  return b.transpose(x, [0, 1, 3, 2]);
}
