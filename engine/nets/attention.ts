/** Multi-head scaled dot-product attention (Vaswani et al., arXiv 1706.03762). */
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';

/** Scores beyond this many are not kept: 64 MiB as f32. Below it plain operations are as fast and need no recomputing. */
const MOST_SCORES = 2 ** 24;
/** Scores of one tile of the gradient. */
const TILE_SCORES = 2 ** 23;

/**
 * softmax(q kT / sqrt(head width)) v over heads.
 *
 * @param q [B, S, D]
 * @param k [B, T, D]
 * @param v [B, T, D]
 * @param bias added to the scores, broadcast to [B, heads, S, T]; e.g. a causal mask.
 * @returns [B, S, D]
 */
export function attention(b: GraphBuilder, q: Value, k: Value, v: Value, heads: number, bias?: Value): Value {
  const [batch, rows, width] = q.shape as [number, number, number];
  const columns = k.shape[1]!;
  const headWidth = width / heads;
  const scoresPerRow = batch * heads * columns;
  if (!bias && rows * scoresPerRow > MOST_SCORES) {
    const tileRows = Math.max(1, Math.floor(TILE_SCORES / scoresPerRow));
    return b.multiHeadAttention(q, k, v, heads, 1 / Math.sqrt(headWidth), tileRows);
  }
  const scaled = b.mul(b.reshape(q, [batch, rows, heads, headWidth]), 1 / Math.sqrt(headWidth));
  const queries = b.transpose(scaled, [0, 2, 1, 3]);
  const keys = b.transpose(b.reshape(k, [batch, columns, heads, headWidth]), [0, 2, 3, 1]);
  const values = b.transpose(b.reshape(v, [batch, columns, heads, headWidth]), [0, 2, 1, 3]);
  const scores = b.matmul(queries, keys);
  const weights = b.softmax(bias ? b.add(scores, bias) : scores);
  return b.reshape(b.transpose(b.matmul(weights, values), [0, 2, 1, 3]), [batch, rows, width]);
}
