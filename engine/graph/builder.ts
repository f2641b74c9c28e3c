/** Builds a graph one operation at a time; every value is typed as it is made. */
import type { DType } from '../tensor/dtype';
import { floatToHalf } from '../tensor/half';
import { normalizeAxis, sameShape, showShape, sizeOf, type Shape } from '../tensor/shape';
import type { HostTensor } from '../tensor/tensor';
import { checkGraph } from './check';
import {
  GraphError,
  type Graph,
  type Node,
  type Source,
  type Value,
  type ValueType,
  type WeightReference,
} from './graph';
import { infer } from './infer';
import type { ConvAttributes, Op } from './ops';
import { prune } from './prune';

/** A value, or a number that becomes a scalar constant. */
export type Operand = Value | number;

export class GraphBuilder {
  readonly #inputs = new Map<string, Value>();
  readonly #outputs = new Map<string, Value>();
  readonly #nodes: Node[] = [];
  readonly #scalars = new Map<string, Value>();
  readonly #ones = new Map<string, Value>();
  /** Outputs by operation and inputs: what is asked for twice is computed once. */
  readonly #made = new Map<string, readonly Value[]>();
  readonly #merge: boolean;
  #nextId = 0;
  #stage = 0;

  /** @param options.merge false: equal operations stay apart, for graphs that compute values twice to hold fewer at once. */
  constructor(options: { readonly merge?: boolean } = {}) {
    this.#merge = options.merge ?? true;
  }

  /** Declares a value fed at every run. */
  input(name: string, shape: Shape, dtype: DType = 'f32'): Value {
    if (this.#inputs.has(name)) throw new GraphError(`input ${name} is declared twice`);
    const value = this.#value({ dtype, shape }, { kind: 'input', name });
    this.#inputs.set(name, value);
    return value;
  }

  /** Declares a frozen tensor that stays in its file. */
  weight(reference: WeightReference, shape: Shape, dtype: DType): Value {
    return this.#value({ dtype, shape }, { kind: 'weight', reference });
  }

  constant(tensor: HostTensor): Value {
    return this.#value(tensor, { kind: 'constant', tensor });
  }

  /** A scalar constant, made once for each number and dtype. */
  scalar(x: number, dtype: 'f32' | 'f16' = 'f32'): Value {
    return this.#once(this.#scalars, `${dtype} ${x}`, () => filled([], x, dtype));
  }

  /** A vector of n ones, made once for each n and dtype. */
  ones(n: number, dtype: 'f32' | 'f16' = 'f32'): Value {
    return this.#once(this.#ones, `${dtype} ${n}`, () => filled([n], 1, dtype));
  }

  /** Whether a value is a vector of ones that this builder made. */
  isOnes(value: Value): boolean {
    return [...this.#ones.values()].includes(value);
  }

  /** Names a value to be returned from every run. */
  output(name: string, value: Value): void {
    if (this.#outputs.has(name)) throw new GraphError(`output ${name} is declared twice`);
    this.#outputs.set(name, value);
  }

  /** The graph of what the outputs need, checked. */
  finish(): Graph {
    const graph = prune({ inputs: this.#inputs, nodes: this.#nodes, outputs: this.#outputs });
    checkGraph(graph);
    return graph;
  }

  /** Nodes made so far, in topological order. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** The stage of the nodes made next. */
  get stage(): number {
    return this.#stage;
  }

  /** Marks a place where a large graph may be cut: what follows is a stage of its own. */
  nextStage(): void {
    this.#stage++;
  }

  /** Makes nodes in a stage of the caller's choice, from which the builder does not come back by itself. */
  enterStage(stage: number): void {
    this.#stage = stage;
  }

  /** Appends an operation and returns its outputs. */
  apply(op: Op, inputs: readonly Value[]): readonly Value[] {
    if (!this.#merge) return this.#append(op, inputs);
    const key = `${Object.entries(op).join(' ')} ${inputs.map(({ id }) => id).join(' ')}`;
    let outputs = this.#made.get(key);
    if (!outputs) this.#made.set(key, (outputs = this.#append(op, inputs)));
    return outputs;
  }

  #append(op: Op, inputs: readonly Value[]): readonly Value[] {
    const types = infer(op, inputs);
    const outputs: Value[] = [];
    const node: Node = { op, inputs, outputs, stage: this.#stage };
    types.forEach((type, index) => outputs.push(this.#value(type, { kind: 'node', node, index })));
    this.#nodes.push(node);
    return outputs;
  }

  #one(op: Op, ...inputs: Value[]): Value {
    return this.apply(op, inputs)[0]!;
  }

  #value(type: ValueType, source: Source): Value {
    return { id: this.#nextId++, dtype: type.dtype, shape: type.shape, source };
  }

  #once(made: Map<string, Value>, key: string, make: () => HostTensor): Value {
    let value = made.get(key);
    if (!value) made.set(key, (value = this.constant(make())));
    return value;
  }

  /** An operation on values and numbers; numbers take the dtype of the values beside them. */
  #broadcast(op: Op, operands: readonly Operand[], condition: readonly Value[] = []): Value {
    const beside = operands.find((x) => typeof x !== 'number');
    const dtype = beside?.dtype === 'f16' ? 'f16' : 'f32';
    return this.#one(op, ...condition, ...operands.map((x) => (typeof x === 'number' ? this.scalar(x, dtype) : x)));
  }

  // Elementwise.
  neg = (x: Value): Value => this.#one({ kind: 'Neg' }, x);
  exp = (x: Value): Value => this.#one({ kind: 'Exp' }, x);
  log = (x: Value): Value => this.#one({ kind: 'Log' }, x);
  sqrt = (x: Value): Value => this.#one({ kind: 'Sqrt' }, x);
  sin = (x: Value): Value => this.#one({ kind: 'Sin' }, x);
  cos = (x: Value): Value => this.#one({ kind: 'Cos' }, x);
  sigmoid = (x: Value): Value => this.#one({ kind: 'Sigmoid' }, x);
  tanh = (x: Value): Value => this.#one({ kind: 'Tanh' }, x);
  erf = (x: Value): Value => this.#one({ kind: 'Erf' }, x);
  relu = (x: Value): Value => this.#one({ kind: 'Relu' }, x);
  stopGradient = (x: Value): Value => this.#one({ kind: 'StopGradient' }, x);
  gelu = (x: Value, approximate: 'none' | 'tanh' = 'none'): Value => this.#one({ kind: 'Gelu', approximate }, x);
  clip = (x: Value, min: number, max: number): Value => this.#one({ kind: 'Clip', min, max }, x);
  /** x sigmoid(x), also called swish. */
  silu = (x: Value): Value => this.mul(x, this.sigmoid(x));
  /** x sigmoid(1.702 x), the approximation CLIP was trained with. */
  quickGelu = (x: Value): Value => this.mul(x, this.sigmoid(this.mul(x, 1.702)));
  square = (x: Value): Value => this.mul(x, x);

  add = (a: Operand, b: Operand): Value => this.#broadcast({ kind: 'Add' }, [a, b]);
  sub = (a: Operand, b: Operand): Value => this.#broadcast({ kind: 'Sub' }, [a, b]);
  mul = (a: Operand, b: Operand): Value => this.#broadcast({ kind: 'Mul' }, [a, b]);
  div = (a: Operand, b: Operand): Value => this.#broadcast({ kind: 'Div' }, [a, b]);
  greater = (a: Operand, b: Operand): Value => this.#broadcast({ kind: 'Greater' }, [a, b]);
  where = (condition: Value, a: Operand, b: Operand): Value => this.#broadcast({ kind: 'Where' }, [a, b], [condition]);

  cast(x: Value, to: DType): Value {
    return x.dtype === to ? x : this.#one({ kind: 'Cast', to }, x);
  }

  dequantize = (integers: Value, scales: Value, zeros?: Value): Value =>
    this.#one({ kind: 'Dequantize' }, integers, scales, ...(zeros ? [zeros] : []));

  // Contractions.
  matmul = (a: Value, b: Value): Value => this.#one({ kind: 'MatMul' }, a, b);
  linear = (x: Value, weight: Value, bias?: Value): Value =>
    this.#one({ kind: 'Linear' }, x, weight, ...(bias ? [bias] : []));
  loraUp = (h: Value, mask: Value, up: Value, gradientMask?: Value): Value =>
    this.#one({ kind: 'LoraUp' }, h, mask, up, ...(gradientMask ? [gradientMask] : []));
  multiHeadAttention = (q: Value, k: Value, v: Value, heads: number, scale: number, tileRows = q.shape[1]!): Value =>
    this.#one({ kind: 'MultiHeadAttention', heads, scale, tileRows }, q, k, v);

  conv(x: Value, weight: Value, bias?: Value, attributes: Partial<ConvAttributes> = {}): Value {
    // The kind comes last: attributes may be those of another operation, whole, as gradient rules pass them.
    const op = {
      strides: [1, 1],
      pads: [0, 0, 0, 0],
      dilations: [1, 1],
      group: 1,
      ...attributes,
      kind: 'Conv',
    } as const;
    return this.#one(op, x, weight, ...(bias ? [bias] : []));
  }

  convTranspose(
    x: Value,
    weight: Value,
    attributes: Partial<ConvAttributes & { outputPadding: readonly [number, number] }> = {},
  ): Value {
    const defaults = {
      strides: [1, 1],
      pads: [0, 0, 0, 0],
      dilations: [1, 1],
      group: 1,
      outputPadding: [0, 0],
    } as const;
    return this.#one({ ...defaults, ...attributes, kind: 'ConvTranspose' }, x, weight);
  }

  // Normalization and reduction.
  softmax = (x: Value, axis = -1): Value => this.#one({ kind: 'Softmax', axis }, x);
  reduceSum = (x: Value, axes: readonly number[] = x.shape.map((_, i) => i), keepDims = false): Value =>
    axes.length ? this.#one({ kind: 'ReduceSum', axes, keepDims }, x) : x;
  reduceMean = (x: Value, axes: readonly number[] = x.shape.map((_, i) => i), keepDims = false): Value =>
    axes.length ? this.#one({ kind: 'ReduceMean', axes, keepDims }, x) : x;

  /** Over the last axis. Returns y; autodiff reaches the statistics through the node. */
  layerNorm(x: Value, scale: Value, bias: Value | undefined, epsilon: number): Value {
    return this.#one({ kind: 'LayerNormalization', epsilon }, x, scale, ...(bias ? [bias] : []));
  }

  /** GroupNorm (Wu and He, 2018) of x [N, C, ...], as a LayerNormalization of each group and a per-channel affine. */
  groupNorm(x: Value, groups: number, scale: Value, bias: Value, epsilon: number): Value {
    const [n, c, ...rest] = x.shape as [number, number, ...number[]];
    if (c % groups !== 0) throw new GraphError(`GroupNorm: ${c} channels do not divide into ${groups} groups`);
    const width = (c / groups) * sizeOf(rest);
    const normalized = this.layerNorm(
      this.reshape(x, [n * groups, width]),
      this.ones(width, x.dtype === 'f16' ? 'f16' : 'f32'),
      undefined,
      epsilon,
    );
    const perChannel = [1, c, ...rest.map(() => 1)];
    const scaled = this.mul(this.reshape(normalized, x.shape), this.reshape(scale, perChannel));
    return this.add(scaled, this.reshape(bias, perChannel));
  }

  // Layout.
  /** Of a reshaped value it reshapes the original, so that there and back costs nothing. */
  reshape(x: Value, shape: Shape): Value {
    if (sameShape(x.shape, shape)) return x;
    const { source } = x;
    if (source.kind === 'node' && source.node.op.kind === 'Reshape') return this.reshape(source.node.inputs[0]!, shape);
    return this.#one({ kind: 'Reshape', shape }, x);
  }

  /** Of a transposed value it transposes the original. */
  transpose(x: Value, permutation: readonly number[]): Value {
    if (permutation.every((axis, i) => axis === i)) return x;
    const { source } = x;
    if (source.kind === 'node' && source.node.op.kind === 'Transpose') {
      const { permutation: before } = source.node.op;
      return this.transpose(
        source.node.inputs[0]!,
        permutation.map((axis) => before[axis]!),
      );
    }
    return this.#one({ kind: 'Transpose', permutation }, x);
  }

  expand(x: Value, shape: Shape): Value {
    return sameShape(x.shape, shape) ? x : this.#one({ kind: 'Expand', shape }, x);
  }

  concat(values: readonly Value[], axis: number): Value {
    if (values.length === 0) throw new GraphError('Concat of nothing');
    return values.length === 1 ? values[0]! : this.#one({ kind: 'Concat', axis }, ...values);
  }

  slice(x: Value, axis: number, start: number, end: number): Value {
    const whole = start === 0 && end === x.shape[normalizeAxis(axis, x.shape.length)];
    return whole ? x : this.#one({ kind: 'Slice', axis, start, end }, x);
  }

  /** Cuts an axis into n equal parts; throws a GraphError when it does not divide. */
  chunk(x: Value, n: number, axis: number): Value[] {
    const extent = x.shape[normalizeAxis(axis, x.shape.length)]!;
    if (extent % n !== 0) throw new GraphError(`${showShape(x.shape)} does not divide into ${n} along axis ${axis}`);
    const part = extent / n;
    return Array.from({ length: n }, (_, i) => this.slice(x, axis, i * part, (i + 1) * part));
  }

  pad = (x: Value, before: readonly number[], after: readonly number[]): Value =>
    this.#one({ kind: 'Pad', before, after }, x);

  resizeNearest(x: Value, size: readonly [number, number]): Value {
    return sameShape(x.shape.slice(2), size) ? x : this.#one({ kind: 'ResizeNearest', size }, x);
  }

  gather = (table: Value, indices: Value): Value => this.#one({ kind: 'Gather' }, table, indices);
}

/** A tensor of one number throughout. */
function filled(shape: Shape, x: number, dtype: 'f32' | 'f16'): HostTensor {
  const n = sizeOf(shape);
  return dtype === 'f16'
    ? { dtype, shape, data: new Uint16Array(n).fill(floatToHalf(x)) }
    : { dtype, shape, data: new Float32Array(n).fill(x) };
}
