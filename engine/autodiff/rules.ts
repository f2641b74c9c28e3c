/**
 * The gradient rule of every operation: given g, the gradient of the first output, the gradients of the inputs.
 * A rule may return a gradient in the broadcast shape; the walk sums it down (gradients.ts).
 */
import { isFloat } from '../tensor/dtype';
import { normalizeAxes, normalizeAxis, type Shape } from '../tensor/shape';
import { f32 } from '../tensor/tensor';
import type { GraphBuilder } from '../graph/builder';
import { GraphError, type Value } from '../graph/graph';
import { convExtent } from '../graph/infer';
import type { ConvAttributes, OpKind } from '../graph/ops';
import { attentionGradient } from './attention-gradient';
import type { Rule } from './rule';

/** 'stops': the gradient is zero by definition. 'not differentiable': differentiating through it is a mistake. */
type Entry<K extends OpKind> = Rule<K> | 'stops' | 'not differentiable';

export const RULES: { readonly [K in OpKind]: Entry<K> } = {
  Neg: ({ b, gradient: g }) => [b.neg(g)],
  Exp: ({ b, gradient: g, outputs: [y] }) => [b.mul(g, y!)],
  Log: ({ b, gradient: g, inputs: [x] }) => [b.div(g, x!)],
  Sqrt: ({ b, gradient: g, outputs: [y] }) => [b.div(g, b.mul(y!, 2))],
  Sin: ({ b, gradient: g, inputs: [x] }) => [b.mul(g, b.cos(x!))],
  Cos: ({ b, gradient: g, inputs: [x] }) => [b.neg(b.mul(g, b.sin(x!)))],
  // y' = y (1 - y)
  Sigmoid: ({ b, gradient: g, outputs: [y] }) => [b.mul(g, b.mul(y!, b.sub(1, y!)))],
  // y' = 1 - y^2
  Tanh: ({ b, gradient: g, outputs: [y] }) => [b.mul(g, b.sub(1, b.square(y!)))],
  // y' = 2 / sqrt(pi) exp(-x^2)
  Erf: ({ b, gradient: g, inputs: [x] }) => [b.mul(g, b.mul(b.exp(b.neg(b.square(x!))), 2 / Math.sqrt(Math.PI)))],
  Relu: ({ b, gradient: g, inputs: [x] }) => [b.where(b.greater(x!, 0), g, 0)],
  Gelu: ({ b, op, gradient: g, inputs: [x] }) => [
    b.mul(g, op.approximate === 'tanh' ? tanhGeluDerivative(b, x!) : geluDerivative(b, x!)),
  ],
  Clip: ({ b, op, gradient: g, inputs: [x] }) => [
    b.where(b.greater(x!, op.min), b.where(b.greater(op.max, x!), g, 0), 0),
  ],
  Cast: ({ b, gradient: g, inputs: [x] }) => {
    if (!isFloat(g.dtype) || !isFloat(x!.dtype)) throw new GraphError('Cast is differentiable between floats only');
    return [b.cast(g, x!.dtype)];
  },
  Dequantize: 'not differentiable',
  StopGradient: 'stops',

  Add: ({ gradient: g }) => [g, g],
  Sub: ({ b, gradient: g, needs }) => [g, needs(1) ? b.neg(g) : undefined],
  Mul: ({ b, gradient: g, inputs: [x, y], needs }) => [
    needs(0) ? b.mul(g, y!) : undefined,
    needs(1) ? b.mul(g, x!) : undefined,
  ],
  // q = x / y: dx = g / y, dy = -g q / y
  Div: ({ b, gradient: g, inputs: [, y], outputs: [q], needs }) => {
    const dx = b.div(g, y!);
    return [dx, needs(1) ? b.neg(b.mul(dx, q!)) : undefined];
  },
  Greater: 'stops',
  Where: ({ b, gradient: g, inputs: [condition], needs }) => [
    undefined,
    needs(1) ? b.where(condition!, g, 0) : undefined,
    needs(2) ? b.where(condition!, 0, g) : undefined,
  ],

  // C = A B: dA = g BT, dB = AT g
  MatMul: ({ b, gradient: g, inputs: [x, y], needs }) => [
    needs(0) ? b.matmul(g, swapLast(b, y!)) : undefined,
    needs(1) ? transposedProduct(b, x!, g) : undefined,
  ],
  // y = x WT + c: dx = g W, dW = gT x, dc = sum of g
  Linear: ({ b, gradient: g, inputs: [x, weight, bias], needs }) => {
    const rows = flattenRows(b, g);
    return [
      needs(0) ? b.reshape(b.matmul(rows, weight!), x!.shape) : undefined,
      needs(1) ? b.matmul(swapLast(b, rows), flattenRows(b, x!)) : undefined,
      bias && needs(2) ? b.reduceSum(rows, [0]) : undefined,
    ];
  },
  // y = (h m) UT: dh = (g U) m, dm = (g U) h, dU = gT (h m gradientMask)
  LoraUp: ({ b, gradient: g, inputs: [h, mask, up, gradientMask], needs }) => {
    const back = needs(0) || needs(1) ? b.matmul(g, up!) : undefined;
    const masked = (): Value => b.mul(h!, gradientMask ? b.mul(mask!, gradientMask) : mask!);
    return [
      needs(0) ? b.mul(back!, mask!) : undefined,
      needs(1) ? b.mul(back!, h!) : undefined,
      needs(2) ? b.matmul(swapLast(b, flattenRows(b, g)), flattenRows(b, masked())) : undefined,
      undefined,
    ];
  },
  Conv: ({ b, op, gradient: g, inputs: [x, weight, bias], needs }) => [
    needs(0) ? b.convTranspose(g, weight!, { ...op, outputPadding: remainder(op, x!, weight!) }) : undefined,
    needs(1) ? kernelGradient(b, op, x!, g, weight!.shape) : undefined,
    bias && needs(2) ? b.reduceSum(g, [0, 2, 3]) : undefined,
  ],
  ConvTranspose: ({ b, op: { outputPadding: _, ...op }, gradient: g, inputs: [x, weight], needs }) => [
    needs(0) ? convLike(b, op, g, weight!, x!.shape) : undefined,
    needs(1) ? kernelGradient(b, op, g, x!, weight!.shape) : undefined,
  ],
  MultiHeadAttention: attentionGradient,

  // dx = y (g - sum(g y))
  Softmax: ({ b, op, gradient: g, outputs: [y] }) => [b.mul(y!, b.sub(g, b.reduceSum(b.mul(g, y!), [op.axis], true)))],
  // With z = (x - mean) r and h = g scale: dx = r (h - mean(h) - z mean(h z))   (Ba et al., 2016)
  // In f32, as the statistics are, whatever x is.
  LayerNormalization: ({ b, gradient, inputs: [x, scale, bias], outputs: [y, mean, r], needs }) => {
    const g = b.cast(gradient, 'f32');
    const plain = b.isOnes(scale!) && !bias;
    // Without an affine part y is z, but rounded where it is f16.
    const z = plain && y!.dtype === 'f32' ? y! : b.mul(b.sub(b.cast(x!, 'f32'), mean!), r!);
    const h = plain ? g : b.mul(g, b.cast(scale!, 'f32'));
    const spread = b.mul(z, b.reduceMean(b.mul(h, z), [-1], true));
    const leading = x!.shape.map((_, i) => i).slice(0, -1);
    return [
      needs(0) ? b.cast(b.mul(r!, b.sub(b.sub(h, b.reduceMean(h, [-1], true)), spread)), x!.dtype) : undefined,
      needs(1) ? b.cast(b.reduceSum(b.mul(g, z), leading), x!.dtype) : undefined,
      bias && needs(2) ? b.cast(b.reduceSum(g, leading), x!.dtype) : undefined,
    ];
  },
  ReduceSum: ({ b, op, gradient: g, inputs: [x] }) => [spread(b, g, op.axes, x!.shape)],
  ReduceMean: ({ b, op, gradient: g, inputs: [x] }) => {
    const count = normalizeAxes(op.axes, x!.shape.length).reduce((n, axis) => n * x!.shape[axis]!, 1);
    return [spread(b, b.mul(g, 1 / count), op.axes, x!.shape)];
  },

  Reshape: ({ b, gradient: g, inputs: [x] }) => [b.reshape(g, x!.shape)],
  Transpose: ({ b, op, gradient: g }) => [b.transpose(g, invert(op.permutation))],
  // The walk sums over the expanded axes.
  Expand: ({ gradient: g }) => [g],
  Concat: ({ b, op, gradient: g, inputs, needs }) => {
    const axis = normalizeAxis(op.axis, g.shape.length);
    let start = 0;
    return inputs.map((input, i) => {
      const end = start + input.shape[axis]!;
      const part = needs(i) ? b.slice(g, axis, start, end) : undefined;
      start = end;
      return part;
    });
  },
  Slice: ({ b, op, gradient: g, inputs: [x] }) => {
    const axis = normalizeAxis(op.axis, g.shape.length);
    const at = (amount: number): number[] => g.shape.map((_, i) => (i === axis ? amount : 0));
    return [b.pad(g, at(op.start), at(x!.shape[axis]! - op.end))];
  },
  Pad: ({ b, op, gradient: g, inputs: [x] }) => [
    x!.shape.reduce((part, extent, i) => b.slice(part, i, op.before[i]!, op.before[i]! + extent), g),
  ],
  ResizeNearest: ({ b, gradient: g, inputs: [x] }) => [resizeGradient(b, g, x!.shape)],
  Gather: ({ needs }) => {
    if (needs(0)) throw new GraphError('Gather is not differentiable in its table');
    return [];
  },
};

/** d/dx x P(x) = P + x p, with P the normal distribution function and p its density. */
function geluDerivative(b: GraphBuilder, x: Value): Value {
  const distribution = b.mul(b.add(b.erf(b.mul(x, Math.SQRT1_2)), 1), 0.5);
  const density = b.mul(b.exp(b.mul(b.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return b.add(distribution, b.mul(x, density));
}

/** d/dx x/2 (1 + t), t = tanh(u), u = sqrt(2/pi) (x + c x^3): (1 + t)/2 + x/2 (1 - t^2) u'. */
function tanhGeluDerivative(b: GraphBuilder, x: Value): Value {
  const c = 0.044715;
  const k = Math.sqrt(2 / Math.PI);
  const squared = b.square(x);
  const t = b.tanh(b.mul(x, b.add(b.mul(squared, k * c), k)));
  const slope = b.mul(b.mul(x, b.sub(1, b.square(t))), b.add(b.mul(squared, 3 * k * c), k));
  return b.mul(b.add(b.add(t, 1), slope), 0.5);
}

/** The output padding with which a transposed convolution gives back x's extent. */
function remainder(op: ConvAttributes, x: Value, weight: Value): [number, number] {
  const along = (axis: 0 | 1): number => {
    const extent = x.shape[2 + axis]!;
    const kernel = weight.shape[2 + axis]!;
    const span = (kernel - 1) * op.dilations[axis] + 1;
    const reached = (convExtent(op, axis, extent, kernel) - 1) * op.strides[axis] + span;
    return extent + op.pads[axis]! + op.pads[axis + 2]! - reached;
  };
  return [along(0), along(1)];
}

/** Conv whose output is cut to `shape`: output padding of a transposed convolution leaves a rest that no window fills. */
function convLike(b: GraphBuilder, op: ConvAttributes, x: Value, weight: Value, shape: Shape): Value {
  const y = b.conv(x, weight, undefined, op);
  return b.slice(b.slice(y, 2, 0, shape[2]!), 3, 0, shape[3]!);
}

/**
 * Gradient of a convolution's kernel: the correlation of its wide side (input of Conv, output of ConvTranspose) with
 * its narrow side, strides and dilations exchanged, one group at a time.
 *
 * @param shape [narrow channels, wide channels / group, kh, kw]
 */
function kernelGradient(b: GraphBuilder, op: ConvAttributes, wide: Value, narrow: Value, shape: Shape): Value {
  const wideGroups = b.chunk(wide, op.group, 1);
  const kernels = b.chunk(narrow, op.group, 1).map((part, i) => {
    const correlated = b.conv(b.transpose(wideGroups[i]!, [1, 0, 2, 3]), b.transpose(part, [1, 0, 2, 3]), undefined, {
      strides: op.dilations,
      dilations: op.strides,
      pads: op.pads,
    });
    const cut = b.slice(b.slice(correlated, 2, 0, shape[2]!), 3, 0, shape[3]!);
    return b.transpose(cut, [1, 0, 2, 3]);
  });
  return b.concat(kernels, 0);
}

/** Adjoint of nearest resizing: sums the copies of each pixel. */
function resizeGradient(b: GraphBuilder, g: Value, shape: Shape): Value {
  const [n, c, h, w] = shape as [number, number, number, number];
  const [height, width] = g.shape.slice(2) as [number, number];
  if (height % h === 0 && width % w === 0) {
    return b.reduceSum(b.reshape(g, [n, c, h, height / h, w, width / w]), [3, 5]);
  }
  const rows = b.cast(b.constant(selection(h, height)), g.dtype);
  const columns = b.cast(b.constant(selection(w, width)), g.dtype);
  return b.matmul(b.matmul(rows, g), b.transpose(columns, [1, 0]));
}

/** [from, to] matrix with a 1 where output index j copies input index floor(j from / to). */
function selection(from: number, to: number): ReturnType<typeof f32> {
  const data = new Float32Array(from * to);
  for (let j = 0; j < to; j++) data[Math.floor((j * from) / to) * to + j] = 1;
  return f32(data, [from, to]);
}

/** Undoes a reduction's shape: kept or dropped axes of extent 1, expanded to `shape`. */
function spread(b: GraphBuilder, g: Value, axes: readonly number[], shape: Shape): Value {
  const reduced = new Set(normalizeAxes(axes, shape.length));
  return b.expand(
    b.reshape(
      g,
      shape.map((d, i) => (reduced.has(i) ? 1 : d)),
    ),
    shape,
  );
}

/** [..., n] as [rows, n]. */
function flattenRows(b: GraphBuilder, x: Value): Value {
  const width = x.shape.at(-1)!;
  return b.reshape(x, [x.shape.slice(0, -1).reduce((n, d) => n * d, 1), width]);
}

/** xT g, by whichever product transposes less: xT g itself, or gT x turned over. */
function transposedProduct(b: GraphBuilder, x: Value, g: Value): Value {
  const smaller = g.shape.at(-1)! < x.shape.at(-1)!;
  return smaller ? swapLast(b, b.matmul(swapLast(b, g), x)) : b.matmul(swapLast(b, x), g);
}

function swapLast(b: GraphBuilder, x: Value): Value {
  const order = x.shape.map((_, i) => i);
  return b.transpose(x, [...order.slice(0, -2), order.length - 1, order.length - 2]);
}

function invert(permutation: readonly number[]): number[] {
  const inverse = new Array<number>(permutation.length);
  permutation.forEach((axis, i) => (inverse[axis] = i));
  return inverse;
}
