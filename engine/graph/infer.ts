/** The shape and dtype rule of every operation: a total function that either types the outputs or throws a GraphError. */
import { isFloat } from '../tensor/dtype';
import { broadcastShapes, normalizeAxes, normalizeAxis, sameShape, showShape, sizeOf } from '../tensor/shape';
import { GraphError, type ValueType } from './graph';
import type { ConvAttributes, Op, OpAttributes, OpKind, OpOf } from './ops';

type Inputs = readonly ValueType[];
type Rule<K extends OpKind> = (op: OpOf<K>, inputs: Inputs) => ValueType[];

/** Types of the outputs of `op`; throws a GraphError naming the op and what does not fit. */
export function infer(op: Op, inputs: Inputs): ValueType[] {
  const [least, most] = ARITY[op.kind];
  if (inputs.length < least || inputs.length > most) {
    throw new GraphError(
      `${op.kind} takes ${least === most ? least : `${least} to ${most}`} inputs, got ${inputs.length}`,
    );
  }
  try {
    // The table is keyed by kind, so the rule and the op agree; TypeScript cannot follow that through the union.
    return (RULES[op.kind] as Rule<OpKind>)(op as never, inputs);
  } catch (error) {
    if (error instanceof RangeError)
      throw new GraphError(`${op.kind}(${inputs.map(show).join(', ')}): ${error.message}`);
    throw error;
  }
}

const ARITY: { readonly [K in OpKind]: readonly [number, number] } = {
  Neg: [1, 1],
  Exp: [1, 1],
  Log: [1, 1],
  Sqrt: [1, 1],
  Sin: [1, 1],
  Cos: [1, 1],
  Sigmoid: [1, 1],
  Tanh: [1, 1],
  Erf: [1, 1],
  Relu: [1, 1],
  Gelu: [1, 1],
  Clip: [1, 1],
  Cast: [1, 1],
  Dequantize: [2, 3],
  StopGradient: [1, 1],
  Add: [2, 2],
  Sub: [2, 2],
  Mul: [2, 2],
  Div: [2, 2],
  Greater: [2, 2],
  Where: [3, 3],
  MatMul: [2, 2],
  Linear: [2, 3],
  LoraUp: [3, 4],
  Conv: [2, 3],
  ConvTranspose: [2, 2],
  MultiHeadAttention: [3, 3],
  Softmax: [1, 1],
  LayerNormalization: [2, 3],
  ReduceSum: [1, 1],
  ReduceMean: [1, 1],
  Reshape: [1, 1],
  Transpose: [1, 1],
  Expand: [1, 1],
  Concat: [1, Infinity],
  Slice: [1, 1],
  Pad: [1, 1],
  ResizeNearest: [1, 1],
  Gather: [2, 2],
};

const RULES: { readonly [K in OpKind]: Rule<K> } = {
  Neg: floatUnary,
  Exp: floatUnary,
  Log: floatUnary,
  Sqrt: floatUnary,
  Sin: floatUnary,
  Cos: floatUnary,
  Sigmoid: floatUnary,
  Tanh: floatUnary,
  Erf: floatUnary,
  Relu: floatUnary,
  Gelu: floatUnary,
  StopGradient: floatUnary,
  Clip: (op, inputs) => {
    demand(op.min < op.max, `min ${op.min} is not below max ${op.max}`);
    return floatUnary(op, inputs);
  },
  Cast: (op, [x]) => [{ dtype: op.to, shape: x!.shape }],
  Dequantize: (_, [integers, scales, zeros]) => {
    const dtype = oneFloat([scales!]);
    const isBytes = integers!.dtype === 'i8' || integers!.dtype === 'u8';
    demand(isBytes && integers!.shape.length === 2, 'needs integers i8 or u8 [N, block]');
    const perBlock = [integers!.shape[0]!];
    demand(sameShape(scales!.shape, perBlock), `the scales must be ${showShape(perBlock)}`);
    const fits = !zeros || (zeros.dtype === integers!.dtype && sameShape(zeros.shape, perBlock));
    demand(fits, `the zeros must be ${integers!.dtype}${showShape(perBlock)}`);
    return [{ dtype, shape: integers!.shape }];
  },

  Add: floatBinary,
  Sub: floatBinary,
  Mul: floatBinary,
  Div: floatBinary,
  Greater: (op, inputs) => [{ dtype: 'bool', shape: floatBinary(op, inputs)[0]!.shape }],
  Where: (op, [condition, ...branches]) => {
    demand(condition!.dtype === 'bool', 'the condition must be bool');
    const { dtype, shape } = floatBinary(op, branches)[0]!;
    return [{ dtype, shape: broadcastShapes(condition!.shape, shape) }];
  },

  MatMul: (_, inputs) => {
    const dtype = oneFloat(inputs);
    const [a, b] = inputs.map((v) => v.shape) as [number[], number[]];
    demand(a.length >= 2 && b.length >= 2, 'both inputs need rank 2 or more');
    demand(a.at(-1) === b.at(-2), `inner dimensions ${a.at(-1)} and ${b.at(-2)} differ`);
    return [{ dtype, shape: [...broadcastShapes(a.slice(0, -2), b.slice(0, -2)), a.at(-2)!, b.at(-1)!] }];
  },
  Linear: (_, inputs) => {
    const dtype = oneFloat(inputs);
    const [x, weight, bias] = inputs;
    demand(x!.shape.length >= 1 && weight!.shape.length === 2, 'needs x [..., in] and weight [out, in]');
    const [out, width] = weight!.shape as [number, number];
    demand(x!.shape.at(-1) === width, `x has ${x!.shape.at(-1)} features, the weight takes ${width}`);
    demand(!bias || sameShape(bias.shape, [out]), `the bias must be ${showShape([out])}`);
    return [{ dtype, shape: [...x!.shape.slice(0, -1), out] }];
  },
  LoraUp: (_, inputs) => {
    const dtype = oneFloat(inputs);
    const [h, mask, up, gradientMask] = inputs;
    demand(h!.shape.length >= 1 && up!.shape.length === 2, 'needs h [..., R] and up [out, R]');
    const ranks = h!.shape.at(-1)!;
    demand(up!.shape[1] === ranks, `up has ${up!.shape[1]} ranks, h has ${ranks}`);
    for (const m of [mask!, gradientMask ?? mask!]) {
      demand(
        sameShape(broadcastShapes(h!.shape, m.shape), h!.shape),
        `the mask ${showShape(m.shape)} does not broadcast to ${showShape(h!.shape)}`,
      );
    }
    return [{ dtype, shape: [...h!.shape.slice(0, -1), up!.shape[0]!] }];
  },
  Conv: (op, inputs) => {
    const dtype = oneFloat(inputs);
    const [x, weight, bias] = inputs;
    demand(
      x!.shape.length === 4 && weight!.shape.length === 4,
      'needs x [N, C, H, W] and weight [O, C / group, kh, kw]',
    );
    const [n, c, h, w] = x!.shape as [number, number, number, number];
    const [o, cg, kh, kw] = weight!.shape as [number, number, number, number];
    demand(
      c === cg * op.group && o % op.group === 0,
      `${c} channels in ${op.group} groups do not fit the weight ${showShape(weight!.shape)}`,
    );
    demand(!bias || sameShape(bias.shape, [o]), `the bias must be ${showShape([o])}`);
    const shape = [n, o, convExtent(op, 0, h, kh), convExtent(op, 1, w, kw)];
    demand(shape[2]! > 0 && shape[3]! > 0, 'the kernel is larger than the padded input');
    return [{ dtype, shape }];
  },
  ConvTranspose: (op, inputs) => {
    const dtype = oneFloat(inputs);
    const [x, weight] = inputs;
    demand(
      x!.shape.length === 4 && weight!.shape.length === 4,
      'needs x [N, C, H, W] and weight [C, O / group, kh, kw]',
    );
    const [n, c, ...extents] = x!.shape as [number, number, number, number];
    demand(
      c === weight!.shape[0] && c % op.group === 0,
      `${c} channels do not fit the weight ${showShape(weight!.shape)}`,
    );
    demand(
      op.outputPadding.every((padding, i) => padding >= 0 && padding < Math.max(op.strides[i]!, op.dilations[i]!)),
      `output padding ${showShape(op.outputPadding)} is not below the stride`,
    );
    const spatial = extents.map((extent, i) => {
      const kernel = (weight!.shape[2 + i]! - 1) * op.dilations[i]! + 1;
      return (extent - 1) * op.strides[i]! + kernel + op.outputPadding[i]! - op.pads[i]! - op.pads[i + 2]!;
    });
    demand(
      spatial.every((d) => d > 0),
      'pads exceed the output',
    );
    return [{ dtype, shape: [n, weight!.shape[1]! * op.group, ...spatial] }];
  },
  MultiHeadAttention: (op, inputs) => {
    const dtype = oneFloat(inputs);
    const [q, k, v] = inputs;
    demand(q!.shape.length === 3 && sameShape(k!.shape, v!.shape), 'needs q [B, S, D] and k, v [B, T, D]');
    demand(q!.shape[0] === k!.shape[0] && q!.shape[2] === k!.shape[2], 'q and k differ in batch or width');
    demand(op.tileRows >= 1, `${op.tileRows} rows in a tile`);
    demand(q!.shape[2]! % op.heads === 0, `width ${q!.shape[2]} is not a multiple of ${op.heads} heads`);
    return [{ dtype, shape: q!.shape }];
  },

  Softmax: (op, inputs) => {
    normalizeAxis(op.axis, inputs[0]!.shape.length);
    return floatUnary(op, inputs);
  },
  LayerNormalization: (_, inputs) => {
    const dtype = oneFloat(inputs);
    const [x, ...affine] = inputs;
    const width = x!.shape.at(-1);
    demand(width !== undefined, 'needs rank 1 or more');
    for (const a of affine) demand(sameShape(a.shape, [width!]), `scale and bias must be ${showShape([width!])}`);
    const statistics = { dtype: 'f32' as const, shape: [...x!.shape.slice(0, -1), 1] };
    return [{ dtype, shape: x!.shape }, statistics, statistics];
  },
  ReduceSum: reduce,
  ReduceMean: reduce,

  Reshape: (op, [x]) => {
    demand(sizeOf(op.shape) === sizeOf(x!.shape), `cannot become ${showShape(op.shape)}`);
    return [{ dtype: x!.dtype, shape: op.shape }];
  },
  Transpose: (op, [x]) => {
    const order = op.permutation;
    demand(
      sameShape(
        [...order].sort((p, q) => p - q),
        x!.shape.map((_, i) => i),
      ),
      `[${order.join(', ')}] is not a permutation`,
    );
    return [{ dtype: x!.dtype, shape: order.map((axis) => x!.shape[axis]!) }];
  },
  Expand: (op, [x]) => {
    demand(sameShape(broadcastShapes(x!.shape, op.shape), op.shape), `does not broadcast to ${showShape(op.shape)}`);
    return [{ dtype: x!.dtype, shape: op.shape }];
  },
  Concat: (op, inputs) => {
    const [first] = inputs;
    const axis = normalizeAxis(op.axis, first!.shape.length);
    for (const v of inputs) {
      demand(v.dtype === first!.dtype && v.shape.length === first!.shape.length, 'inputs differ in dtype or rank');
      demand(
        v.shape.every((d, i) => i === axis || d === first!.shape[i]),
        `inputs differ outside axis ${axis}`,
      );
    }
    const total = inputs.reduce((n, v) => n + v.shape[axis]!, 0);
    return [{ dtype: first!.dtype, shape: first!.shape.map((d, i) => (i === axis ? total : d)) }];
  },
  Slice: (op, [x]) => {
    const axis = normalizeAxis(op.axis, x!.shape.length);
    const extent = x!.shape[axis]!;
    demand(0 <= op.start && op.start < op.end && op.end <= extent, `[${op.start}, ${op.end}) is not within ${extent}`);
    return [{ dtype: x!.dtype, shape: x!.shape.map((d, i) => (i === axis ? op.end - op.start : d)) }];
  },
  Pad: (op, [x]) => {
    const rank = x!.shape.length;
    demand(op.before.length === rank && op.after.length === rank, `pads must have ${rank} entries`);
    demand(
      [...op.before, ...op.after].every((p) => p >= 0),
      'pads must not be negative',
    );
    return [{ dtype: x!.dtype, shape: x!.shape.map((d, i) => d + op.before[i]! + op.after[i]!) }];
  },
  ResizeNearest: (op, inputs) => {
    const { dtype, shape } = floatUnary(op, inputs)[0]!;
    demand(shape.length === 4 && op.size.every((d) => d > 0), 'needs [N, C, H, W] and a positive size');
    return [{ dtype, shape: [shape[0]!, shape[1]!, ...op.size] }];
  },
  Gather: (_, [table, indices]) => {
    demand(indices!.dtype === 'i64', 'indices must be i64');
    demand(table!.shape.length >= 1, 'the table needs rank 1 or more');
    return [{ dtype: table!.dtype, shape: [...indices!.shape, ...table!.shape.slice(1)] }];
  },
};

/** Output extent of a convolution along one spatial axis. */
export function convExtent(op: ConvAttributes, axis: 0 | 1, extent: number, kernel: number): number {
  const span = (kernel - 1) * op.dilations[axis] + 1;
  return Math.floor((extent + op.pads[axis]! + op.pads[axis + 2]! - span) / op.strides[axis]) + 1;
}

function reduce(op: OpAttributes['ReduceSum'], inputs: Inputs): ValueType[] {
  const { dtype, shape } = floatUnary(op, inputs)[0]!;
  const axes = new Set(normalizeAxes(op.axes, shape.length));
  return [
    { dtype, shape: op.keepDims ? shape.map((d, i) => (axes.has(i) ? 1 : d)) : shape.filter((_, i) => !axes.has(i)) },
  ];
}

function floatUnary(_: unknown, inputs: Inputs): ValueType[] {
  return [{ dtype: oneFloat(inputs), shape: inputs[0]!.shape }];
}

function floatBinary(_: unknown, inputs: Inputs): ValueType[] {
  return [{ dtype: oneFloat(inputs), shape: broadcastShapes(inputs[0]!.shape, inputs[1]!.shape) }];
}

/** The one float dtype all inputs share. */
function oneFloat(inputs: Inputs): 'f32' | 'f16' {
  const { dtype } = inputs[0]!;
  demand(isFloat(dtype) && inputs.every((v) => v.dtype === dtype), 'inputs must share one float dtype');
  return dtype as 'f32' | 'f16';
}

function demand(condition: boolean, message: string): void {
  if (!condition) throw new RangeError(message);
}

function show(type: ValueType): string {
  return `${type.dtype}${showShape(type.shape)}`;
}
