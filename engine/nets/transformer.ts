/** The spatial transformer of latent diffusion (Rombach et al., arXiv 2112.10752): diffusers' Transformer2DModel. */
import type { Value } from '../graph/graph';
import { attention } from './attention';
import type { Scope } from './scope';

export interface TransformerOptions {
  readonly heads: number;
  readonly layers: number;
  readonly groups: number;
  /** proj_in and proj_out as linear layers on tokens instead of 1 x 1 convolutions. */
  readonly linearProjection: boolean;
  /** The first attention of each layer attends to the text too. */
  readonly onlyCrossAttention: boolean;
}

const GROUP_NORM_EPSILON = 1e-6;
const LAYER_NORM_EPSILON = 1e-5;

/**
 * @param x [N, C, H, W]
 * @param context [N, T, D] text embeddings
 * @returns [N, C, H, W]
 */
export function spatialTransformer(scope: Scope, x: Value, context: Value, options: TransformerOptions): Value {
  const { b } = scope;
  const [n, c, height, width] = x.shape as [number, number, number, number];
  const pixels = height * width;
  // Tokens of all samples are rows of one matrix: linear layers, norms and sums then need no reshaping between them.
  const toTokens = (image: Value): Value =>
    b.reshape(b.transpose(b.reshape(image, [n, c, pixels]), [0, 2, 1]), [n * pixels, c]);
  const toImage = (tokens: Value): Value =>
    b.reshape(b.transpose(b.reshape(tokens, [n, pixels, c]), [0, 2, 1]), [n, c, height, width]);

  const text = b.reshape(context, [n * context.shape[1]!, context.shape[2]!]);
  const normalized = scope.at('norm').groupNorm(x, options.groups, GROUP_NORM_EPSILON);
  let tokens = options.linearProjection
    ? scope.at('proj_in').linear(toTokens(normalized), c)
    : toTokens(scope.at('proj_in').conv(normalized, c, 1));
  for (let i = 0; i < options.layers; i++) {
    if (i > 0) b.nextStage();
    tokens = transformerLayer(scope.at('transformer_blocks').at(i), tokens, text, n, options);
  }
  const out = options.linearProjection
    ? toImage(scope.at('proj_out').linear(tokens, c))
    : scope.at('proj_out').conv(toImage(tokens), c, 1);
  return b.add(out, x);
}

/**
 * Self-attention, attention to the text, and a gated feed-forward net, each on a normalized residual.
 *
 * @param x [N S, C]
 * @param text [N T, D]
 */
function transformerLayer(scope: Scope, x: Value, text: Value, batch: number, options: TransformerOptions): Value {
  const { b } = scope;
  const { heads } = options;
  const first = scope.at('norm1').layerNorm(x, LAYER_NORM_EPSILON);
  let h = b.add(x, attend(scope.at('attn1'), first, options.onlyCrossAttention ? text : first, batch, heads));
  const second = scope.at('norm2').layerNorm(h, LAYER_NORM_EPSILON);
  h = b.add(h, attend(scope.at('attn2'), second, text, batch, heads));
  const third = scope.at('norm3').layerNorm(h, LAYER_NORM_EPSILON);
  return b.add(h, gegluFeedForward(scope.at('ff'), third));
}

/** The projections to_q, to_k, to_v and to_out.0 are the target modules adapters attach to. */
function attend(scope: Scope, x: Value, source: Value, batch: number, heads: number): Value {
  const { b } = scope;
  const width = x.shape.at(-1)!;
  const bySample = (rows: Value): Value => b.reshape(rows, [batch, rows.shape[0]! / batch, width]);
  const q = bySample(scope.at('to_q').linear(x, width, false));
  const k = bySample(scope.at('to_k').linear(source, width, false));
  const v = bySample(scope.at('to_v').linear(source, width, false));
  const mixed = b.reshape(attention(b, q, k, v, heads), x.shape);
  return scope.at('to_out').at(0).linear(mixed, width);
}

/** GEGLU (Shazeer, arXiv 2002.05202): hidden * gelu(gate), then back to the width. */
function gegluFeedForward(scope: Scope, x: Value): Value {
  const { b } = scope;
  const width = x.shape.at(-1)!;
  const projected = scope
    .at('net')
    .at(0)
    .at('proj')
    .linear(x, 8 * width);
  const [hidden, gate] = b.chunk(projected, 2, -1) as [Value, Value];
  return scope
    .at('net')
    .at(2)
    .linear(b.mul(hidden, b.gelu(gate)), width);
}
