/**
 * A second implementation of every operation: plain loops in double precision, for checking gradients (differences in
 * float64 are sharp) and what ONNX Runtime makes of the emitted graph. Floats are not rounded to their dtype, so a Cast
 * between floats is the identity.
 */
import type { Graph, Value } from '../../engine/graph/graph';
import type { ConvAttributes, OpKind, OpOf } from '../../engine/graph/ops';
import { broadcastShapes, normalizeAxis, sizeOf, stridesOf, type Shape } from '../../engine/tensor/shape';
import { halfToFloat } from '../../engine/tensor/half';
import type { HostTensor } from '../../engine/tensor/tensor';

/** Booleans are 0 and 1. */
export interface Tensor64 {
  readonly shape: Shape;
  readonly data: Float64Array;
}

/** Values of the outputs, or of any other values asked for. Feeds are numbers in row-major order, by input name. */
export function interpret(graph: Graph, feeds: Readonly<Record<string, ArrayLike<number>>>): Record<string, Tensor64> {
  const known = new Map<Value, Tensor64>();
  for (const [name, value] of graph.inputs) {
    const data = feeds[name];
    if (data?.length !== sizeOf(value.shape)) throw new Error(`no feed of the right size for ${name}`);
    known.set(value, { shape: value.shape, data: Float64Array.from(data) });
  }
  const get = (value: Value): Tensor64 => {
    const tensor = known.get(value);
    if (tensor) return tensor;
    if (value.source.kind !== 'constant') throw new Error(`value ${value.id} is not known`);
    const constant = { shape: value.shape, data: numbersOf(value.source.tensor) };
    known.set(value, constant);
    return constant;
  };
  for (const node of graph.nodes) {
    const evaluate = OPS[node.op.kind] as Evaluate<OpKind>;
    const results = evaluate(node.op as never, node.inputs.map(get));
    node.outputs.forEach((value, i) => {
      const { shape, data } = results[i]!;
      if (String(shape) !== String(value.shape)) throw new Error(`${node.op.kind}: ${shape} is not ${value.shape}`);
      known.set(value, { shape, data });
    });
  }
  return Object.fromEntries([...graph.outputs].map(([name, value]) => [name, get(value)]));
}

/** A host tensor's numbers. */
export function numbersOf({ dtype, data }: HostTensor): Float64Array {
  return Float64Array.from(data as ArrayLike<number | bigint>, (x) =>
    dtype === 'f16' ? halfToFloat(x as number) : Number(x),
  );
}

type Evaluate<K extends OpKind> = (op: OpOf<K>, inputs: Tensor64[]) => Tensor64[];

const OPS: { readonly [K in OpKind]: Evaluate<K> } = {
  Neg: each((x) => -x),
  Exp: each(Math.exp),
  Log: each(Math.log),
  Sqrt: each(Math.sqrt),
  Sin: each(Math.sin),
  Cos: each(Math.cos),
  Sigmoid: each((x) => 1 / (1 + Math.exp(-x))),
  Tanh: each(Math.tanh),
  Erf: each(erf),
  Relu: each((x) => Math.max(x, 0)),
  Gelu: ({ approximate }, [x]) => [
    map(x!, (v) =>
      approximate === 'tanh'
        ? (v / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)))
        : (v / 2) * (1 + erf(v / Math.SQRT2)),
    ),
  ],
  Clip: ({ min, max }, [x]) => [map(x!, (v) => Math.min(Math.max(v, min), max))],
  Cast: ({ to }, [x]) => [to === 'bool' ? map(x!, (v) => +(v !== 0)) : to[0] === 'i' ? map(x!, Math.trunc) : x!],
  Dequantize: (_, [integers, scales, zeros]) => {
    const row = (i: number): number => Math.floor(i / integers!.shape[1]!);
    const data = integers!.data.map((x, i) => (x - (zeros?.data[row(i)] ?? 0)) * scales!.data[row(i)]!);
    return [{ shape: integers!.shape, data }];
  },
  StopGradient: (_, [x]) => [x!],

  Add: pairs((a, b) => a + b),
  Sub: pairs((a, b) => a - b),
  Mul: pairs((a, b) => a * b),
  Div: pairs((a, b) => a / b),
  Greater: pairs((a, b) => +(a > b)),
  Where: (_, [condition, a, b]) => {
    const shape = broadcastShapes(condition!.shape, broadcastShapes(a!.shape, b!.shape));
    const at = [condition!, a!, b!].map((tensor) => reader(tensor, shape));
    return [fill(shape, (index) => (at[0]!(index) ? at[1]!(index) : at[2]!(index)))];
  },

  MatMul: (_, [a, b]) => [matmul(a!, b!)],
  Linear: (_, [x, weight, bias]) => {
    const [out, width] = weight!.shape as [number, number];
    const shape = [...x!.shape.slice(0, -1), out];
    return [
      fill(shape, (index, k) => {
        const row = Math.floor(k / out) * width;
        const column = index.at(-1)!;
        let sum = bias ? bias.data[column]! : 0;
        for (let i = 0; i < width; i++) sum += x!.data[row + i]! * weight!.data[column * width + i]!;
        return sum;
      }),
    ];
  },
  LoraUp: (_, [h, mask, up]) => {
    const ranks = h!.shape.at(-1)!;
    const factor = reader(mask!, h!.shape);
    return [
      fill([...h!.shape.slice(0, -1), up!.shape[0]!], (index) => {
        const column = index.at(-1)!;
        let sum = 0;
        for (let r = 0; r < ranks; r++) {
          const place = [...index.slice(0, -1), r];
          sum += at(h!, place) * factor(place) * up!.data[column * ranks + r]!;
        }
        return sum;
      }),
    ];
  },
  Conv: (op, [x, weight, bias]) => [conv(op, x!, weight!, bias)],
  ConvTranspose: (op, [x, weight]) => [convTranspose(op, x!, weight!)],
  MultiHeadAttention: ({ heads, scale }, [q, k, v]) => [attention(q!, k!, v!, heads, scale)],

  Softmax: ({ axis }, [x]) => {
    const data = new Float64Array(x!.data.length);
    for (const line of linesAlong(x!.shape, axis)) {
      const most = Math.max(...line.map((i) => x!.data[i]!));
      const exps = line.map((i) => Math.exp(x!.data[i]! - most));
      const sum = exps.reduce((total, e) => total + e, 0);
      line.forEach((i, k) => (data[i] = exps[k]! / sum));
    }
    return [{ shape: x!.shape, data }];
  },
  LayerNormalization: ({ epsilon }, [x, scale, bias]) => {
    const data = new Float64Array(x!.data.length);
    const [means, inverses]: [number[], number[]] = [[], []];
    for (const line of linesAlong(x!.shape, -1)) {
      const mean = line.reduce((sum, i) => sum + x!.data[i]!, 0) / line.length;
      const variance = line.reduce((sum, i) => sum + (x!.data[i]! - mean) ** 2, 0) / line.length;
      const inverse = 1 / Math.sqrt(variance + epsilon);
      line.forEach((i, k) => (data[i] = (x!.data[i]! - mean) * inverse * scale!.data[k]! + (bias ? bias.data[k]! : 0)));
      means.push(mean);
      inverses.push(inverse);
    }
    const shape = [...x!.shape.slice(0, -1), 1];
    return [
      { shape: x!.shape, data },
      { shape, data: Float64Array.from(means) },
      { shape, data: Float64Array.from(inverses) },
    ];
  },
  ReduceSum: (op, [x]) => [reduceSum(op, x!)],
  ReduceMean: (op, [x]) => {
    const sum = reduceSum(op, x!);
    return [map(sum, (v) => (v * sum.data.length) / x!.data.length)];
  },

  Reshape: ({ shape }, [x]) => [{ shape, data: x!.data }],
  Transpose: ({ permutation }, [x]) => [
    fill(
      permutation.map((axis) => x!.shape[axis]!),
      (index) => at(x!, inverse(permutation, index)),
    ),
  ],
  Expand: ({ shape }, [x]) => [fill(shape, reader(x!, shape))],
  Concat: ({ axis }, inputs) => {
    const along = normalizeAxis(axis, inputs[0]!.shape.length);
    const parts = inputs.flatMap((input) => Array.from({ length: input.shape[along]! }, (_, i) => ({ input, i })));
    const shape = inputs[0]!.shape.map((extent, i) => (i === along ? parts.length : extent));
    return [fill(shape, (index) => at(parts[index[along]!]!.input, index.with(along, parts[index[along]!]!.i)))];
  },
  Slice: ({ axis, start, end }, [x]) => {
    const along = normalizeAxis(axis, x!.shape.length);
    return [fill(x!.shape.with(along, end - start), (index) => at(x!, index.with(along, index[along]! + start)))];
  },
  Pad: ({ before, after }, [x]) => [
    fill(
      x!.shape.map((extent, i) => before[i]! + extent + after[i]!),
      (index) => {
        const from = index.map((k, i) => k - before[i]!);
        return from.every((k, i) => k >= 0 && k < x!.shape[i]!) ? at(x!, from) : 0;
      },
    ),
  ],
  ResizeNearest: ({ size }, [x]) => {
    const [n, c, h, w] = x!.shape as [number, number, number, number];
    return [
      fill([n, c, ...size], ([i, k, row, column]) =>
        at(x!, [i!, k!, Math.floor((row! * h) / size[0]), Math.floor((column! * w) / size[1])]),
      ),
    ];
  },
  Gather: (_, [table, indices]) => {
    const row = sizeOf(table!.shape.slice(1));
    return [
      fill([...indices!.shape, ...table!.shape.slice(1)], (_, k) => {
        return table!.data[indices!.data[Math.floor(k / row)]! * row + (k % row)]!;
      }),
    ];
  },
};

/** erf(x) = 2 / sqrt(pi) exp(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!, whose terms have one sign. */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

function each(f: (x: number) => number): Evaluate<OpKind> {
  return (_, [x]) => [map(x!, f)];
}

function map(x: Tensor64, f: (x: number) => number): Tensor64 {
  // Not map(f): it would pass the index as well.
  return { shape: x.shape, data: x.data.map((v) => f(v)) };
}

function pairs(f: (a: number, b: number) => number): Evaluate<OpKind> {
  return (_, [a, b]) => {
    const shape = broadcastShapes(a!.shape, b!.shape);
    const [left, right] = [reader(a!, shape), reader(b!, shape)];
    return [fill(shape, (index) => f(left(index), right(index)))];
  };
}

/** A tensor computed an element at a time, from its index and its row-major position. */
function fill(shape: Shape, element: (index: readonly number[], position: number) => number): Tensor64 {
  const data = new Float64Array(sizeOf(shape));
  const index = shape.map(() => 0);
  for (let k = 0; k < data.length; k++) {
    data[k] = element(index, k);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]!; axis--) index[axis] = 0;
  }
  return { shape, data };
}

function at(x: Tensor64, index: readonly number[]): number {
  return x.data[stridesOf(x.shape).reduce((k, stride, i) => k + stride * index[i]!, 0)]!;
}

/** Reads x by an index of a shape it broadcasts to. */
function reader(x: Tensor64, shape: Shape): (index: readonly number[]) => number {
  const lead = shape.length - x.shape.length;
  return (index) =>
    at(
      x,
      x.shape.map((extent, i) => (extent === 1 ? 0 : index[lead + i]!)),
    );
}

function inverse(permutation: readonly number[], index: readonly number[]): number[] {
  const original = new Array<number>(index.length);
  permutation.forEach((axis, i) => (original[axis] = index[i]!));
  return original;
}

/** The positions of each line of a tensor along an axis, lines in row-major order. */
function linesAlong(shape: Shape, axis: number): number[][] {
  const along = normalizeAxis(axis, shape.length);
  const stride = stridesOf(shape)[along]!;
  const starts: number[] = [];
  fill(shape, (index, k) => (index[along] === 0 ? starts.push(k) : 0));
  return starts.map((start) => Array.from({ length: shape[along]! }, (_, i) => start + i * stride));
}

function reduceSum({ axes, keepDims }: { axes: readonly number[]; keepDims: boolean }, x: Tensor64): Tensor64 {
  const reduced = new Set(axes.map((axis) => normalizeAxis(axis, x.shape.length)));
  const kept = x.shape.map((extent, i) => (reduced.has(i) ? 1 : extent));
  const data = new Float64Array(sizeOf(kept));
  const strides = stridesOf(kept);
  fill(x.shape, (index, k) => {
    data[index.reduce((p, i, axis) => p + (reduced.has(axis) ? 0 : i * strides[axis]!), 0)]! += x.data[k]!;
    return 0;
  });
  return { shape: keepDims ? kept : x.shape.filter((_, i) => !reduced.has(i)), data };
}

function matmul(a: Tensor64, b: Tensor64): Tensor64 {
  const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const [rows, inner, columns] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  const left = reader(a, [...batch, rows, inner]);
  const right = reader(b, [...batch, inner, columns]);
  return fill([...batch, rows, columns], (index) => {
    const [lead, row, column] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += left([...lead, row, k]) * right([...lead, k, column]);
    return sum;
  });
}

function conv(op: ConvAttributes, x: Tensor64, weight: Tensor64, bias: Tensor64 | undefined): Tensor64 {
  const [n, , h, w] = x.shape as [number, number, number, number];
  const [o, channels, kh, kw] = weight.shape as [number, number, number, number];
  const extent = (size: number, kernel: number, i: 0 | 1): number =>
    Math.floor((size + op.pads[i] + op.pads[i + 2]! - (kernel - 1) * op.dilations[i] - 1) / op.strides[i]) + 1;
  return fill([n, o, extent(h, kh, 0), extent(w, kw, 1)], ([image, out, row, column]) => {
    const first = Math.floor(out! / (o / op.group)) * channels;
    let sum = bias ? bias.data[out!]! : 0;
    fill([channels, kh, kw], ([c, i, j]) => {
      const y = row! * op.strides[0] + i! * op.dilations[0] - op.pads[0];
      const z = column! * op.strides[1] + j! * op.dilations[1] - op.pads[1];
      const inside = y >= 0 && y < h && z >= 0 && z < w;
      if (inside) sum += at(x, [image!, first + c!, y, z]) * at(weight, [out!, c!, i!, j!]);
      return 0;
    });
    return sum;
  });
}

/** Every input element adds its multiple of the kernel to the output. */
function convTranspose(op: OpOf<'ConvTranspose'>, x: Tensor64, weight: Tensor64): Tensor64 {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [, outPerGroup, kh, kw] = weight.shape as [number, number, number, number];
  const extent = (size: number, kernel: number, i: 0 | 1): number =>
    (size - 1) * op.strides[i] +
    (kernel - 1) * op.dilations[i] +
    1 +
    op.outputPadding[i] -
    op.pads[i] -
    op.pads[i + 2]!;
  const shape = [n, outPerGroup * op.group, extent(h, kh, 0), extent(w, kw, 1)];
  const data = new Float64Array(sizeOf(shape));
  const strides = stridesOf(shape);
  fill([n, c, h, w, outPerGroup, kh, kw], ([image, channel, row, column, o, i, j]) => {
    const out = Math.floor(channel! / (c / op.group)) * outPerGroup + o!;
    const y = row! * op.strides[0] + i! * op.dilations[0] - op.pads[0];
    const z = column! * op.strides[1] + j! * op.dilations[1] - op.pads[1];
    if (y >= 0 && y < shape[2]! && z >= 0 && z < shape[3]!) {
      const product = at(x, [image!, channel!, row!, column!]) * at(weight, [channel!, o!, i!, j!]);
      data[image! * strides[0]! + out * strides[1]! + y * strides[2]! + z]! += product;
    }
    return 0;
  });
  return { shape, data };
}

/** softmax(q kT scale) v for each head, heads side by side in the last axis. */
function attention(q: Tensor64, k: Tensor64, v: Tensor64, heads: number, scale: number): Tensor64 {
  const width = q.shape[2]! / heads;
  const tokens = k.shape[1]!;
  return fill(q.shape, ([n, row, column]) => {
    const first = Math.floor(column! / width) * width;
    const weights = Array.from({ length: tokens }, (_, t) => {
      let score = 0;
      for (let d = first; d < first + width; d++) score += at(q, [n!, row!, d]) * at(k, [n!, t, d]);
      return Math.exp(score * scale);
    });
    const total = weights.reduce((sum, x) => sum + x, 0);
    return weights.reduce((sum, x, t) => sum + (x / total) * at(v, [n!, t, column!]), 0);
  });
}
