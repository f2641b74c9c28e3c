/**
 * The closed set of operations. Adding a kind here without its shape rule (graph/infer.ts), its gradient rule
 * (autodiff/rules.ts) and its ONNX emission (onnx/emit.ts) is a compile error.
 */
import type { DType } from '../tensor/dtype';

/** No attributes. */
type None = Record<never, never>;

export interface ConvAttributes {
  readonly strides: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  readonly group: number;
}

/** Every operation and its attributes. Inputs are listed in the comment; `?` marks an optional last input. */
export interface OpAttributes {
  // Elementwise, one input.
  Neg: None;
  Exp: None;
  Log: None;
  Sqrt: None;
  Sin: None;
  Cos: None;
  Sigmoid: None;
  Tanh: None;
  Erf: None;
  Relu: None;
  Gelu: { readonly approximate: 'none' | 'tanh' };
  /** Bounds the values; the gradient is 0 outside and at the bounds. */
  Clip: { readonly min: number; readonly max: number };
  Cast: { readonly to: DType };
  /**
   * Numbers held in 8 bits, a block a row: (integers i8 or u8 [N, block], scales [N], zeros?: which integer stands for 0
   * in each block, [N] of the integers' type) -> (integers - zeros) * scales, [N, block]
   */
  Dequantize: None;
  /** The identity, through which no gradient flows. */
  StopGradient: None;

  // Elementwise, two inputs, broadcast.
  Add: None;
  Sub: None;
  Mul: None;
  Div: None;
  /** a > b, as bool. */
  Greater: None;
  /** (condition: bool, then, else), broadcast. */
  Where: None;

  // Contractions.
  /** Batched matrix product with broadcast leading dimensions; both inputs of rank 2 or more. */
  MatMul: None;
  /** (x [..., in], weight [out, in], bias? [out]) -> [..., out] */
  Linear: None;
  /**
   * The up-projection of stacked low-rank adapters: (h [..., R], mask, up [out, R], gradientMask?) -> (h * mask) upT,
   * [..., out]; masks broadcast to h. The gradient of `up` is taken with h * mask * gradientMask, so a 0 there stops
   * the gradient to one rank of one sample's parameters while the gradient still flows through the activations.
   */
  LoraUp: None;
  /** (x [N, C, H, W], weight [O, C / group, kh, kw], bias? [O]) */
  Conv: ConvAttributes;
  /** (x [N, C, H, W], weight [C, O / group, kh, kw]) */
  ConvTranspose: ConvAttributes & { readonly outputPadding: readonly [number, number] };
  /**
   * Fused attention, whose scores are never all there at once: (q [B, S, D], k [B, T, D], v [B, T, D]) -> [B, S, D].
   * Its gradient computes the scores again, those of `tileRows` queries at a time.
   */
  MultiHeadAttention: { readonly heads: number; readonly scale: number; readonly tileRows: number };

  // Normalization and reduction.
  Softmax: { readonly axis: number };
  /** Over the last axis: (x, scale [C], bias? [C]) -> (y, mean [..., 1], inverse standard deviation [..., 1]). */
  LayerNormalization: { readonly epsilon: number };
  ReduceSum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  ReduceMean: { readonly axes: readonly number[]; readonly keepDims: boolean };

  // Layout.
  Reshape: { readonly shape: readonly number[] };
  Transpose: { readonly permutation: readonly number[] };
  Expand: { readonly shape: readonly number[] };
  Concat: { readonly axis: number };
  /** Elements [start, end) of one axis. */
  Slice: { readonly axis: number; readonly start: number; readonly end: number };
  /** Zeros before and after each axis. */
  Pad: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** [N, C, H, W] to [N, C, ...size]; source index = floor(index * in / out), as torch's 'nearest'. */
  ResizeNearest: { readonly size: readonly [number, number] };
  /** Rows of a table: (table [V, ...], indices: i64) -> indices.shape + table.shape[1..]. */
  Gather: None;
}

export type OpKind = keyof OpAttributes;

export type OpOf<K extends OpKind> = { readonly kind: K } & OpAttributes[K];

export type Op = { [K in OpKind]: OpOf<K> }[OpKind];
