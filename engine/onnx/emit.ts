/** Graph -> ONNX: one rule per operation, and the walk that names values and applies the rules. */
import type { Graph, Node, Value } from '../graph/graph';
import type { Op, OpKind, OpOf } from '../graph/ops';
import { sizeOf } from '../tensor/shape';
import { emitConvTranspose } from './conv-transpose';
import { ELEMENT_TYPE, MICROSOFT, ModelWriter } from './writer';

export interface Model {
  /** A serialised ModelProto whose weights are external data. */
  readonly bytes: Uint8Array;
  /** Keys of the weight files the model refers to. */
  readonly weightFiles: string[];
}

export interface EmitOptions {
  /** Write stride-1 transposed convolutions of frozen weights as convolutions: faster on cpu and wasm. */
  readonly flipConvTranspose?: boolean;
  /** Whether what is computed of weights alone is computed once; true when left out. */
  readonly foldsWeights?: boolean;
  /** What the model calls weight files, by the keys the graph calls them; the keys themselves when left out. */
  readonly locations?: ReadonlyMap<string, string>;
}

/** Inputs and outputs have their own name spaces, so that a program may take `b` and return `b`. */
export const inputName = (name: string): string => `in/${name}`;
export const outputName = (name: string): string => `out/${name}`;

/** The graph as an ONNX model. Every declared input is an input of the model, used or not. */
export function emitModel(graph: Graph, options: EmitOptions = {}): Model {
  const model = new ModelWriter();
  const names = new Map<Value, string>();
  const used = new Set<Value>(graph.outputs.values());
  for (const node of graph.nodes) for (const value of node.inputs) used.add(value);

  const nameOfInput = (value: Value): string => {
    let name = names.get(value);
    if (name !== undefined) return name;
    const { source } = value;
    if (source.kind === 'weight') {
      const { reference } = source;
      name = model.weight({ ...reference, file: options.locations?.get(reference.file) ?? reference.file }, value);
    } else if (source.kind === 'constant') name = model.constant(source.tensor);
    else throw new Error(`value ${value.id} is used before it is emitted`);
    names.set(value, name);
    return name;
  };

  // A node writes into the model's output itself: an Identity would be a copy where other nodes read the value too.
  const finals = new Map<Value, string>();
  for (const [name, value] of graph.outputs) {
    const { source } = value;
    const isMade = source.kind === 'node' && source.node.op.kind !== 'StopGradient';
    if (isMade && !finals.has(value)) finals.set(value, outputName(name));
  }

  for (const [name, value] of graph.inputs) {
    model.input(inputName(name), value);
    names.set(value, inputName(name));
  }
  for (const node of graph.nodes) {
    if (node.op.kind === 'StopGradient') {
      names.set(node.outputs[0]!, nameOfInput(node.inputs[0]!));
      continue;
    }
    // ONNX lets an output be left out unless it is the first.
    const outputs = node.outputs.map(
      (value, i) => finals.get(value) ?? (i === 0 || used.has(value) ? model.fresh() : ''),
    );
    node.outputs.forEach((value, i) => names.set(value, outputs[i]!));
    emitNode(model, { node, inputs: node.inputs.map(nameOfInput), outputs, options });
  }
  for (const [name, value] of graph.outputs) {
    // One value may be several outputs, or an input.
    const known = nameOfInput(value);
    if (known !== outputName(name)) model.node('Identity', [known], [outputName(name)]);
    model.output(outputName(name), value);
  }
  return { bytes: model.finish(), weightFiles: model.weightFiles };
}

interface Site {
  readonly node: Node;
  /** ONNX names of the inputs. */
  readonly inputs: readonly string[];
  /** ONNX names of the outputs; '' where nobody uses one, save the first. */
  readonly outputs: readonly string[];
  readonly options: EmitOptions;
}

type Rule<O> = (model: ModelWriter, op: O, site: Site) => void;

function emitNode(model: ModelWriter, site: Site): void {
  const { op } = site.node;
  // The table is keyed by kind, so the rule and the op agree; TypeScript cannot follow that through the union.
  (RULES[op.kind] as Rule<Op>)(model, op, site);
}

/** The operation of the same name, without attributes. */
const plain: Rule<Op> = (model, op, { inputs, outputs }) => model.node(op.kind, inputs, outputs);

const reduce: Rule<OpOf<'ReduceSum' | 'ReduceMean'>> = (model, op, { inputs, outputs }) =>
  model.node(op.kind, [...inputs, model.integers(op.axes)], outputs, { keepdims: op.keepDims ? 1 : 0 });

const RULES: { readonly [K in OpKind]: Rule<OpOf<K>> } = {
  Neg: plain,
  Exp: plain,
  Log: plain,
  Sqrt: plain,
  Sin: plain,
  Cos: plain,
  Sigmoid: plain,
  Tanh: plain,
  Erf: plain,
  Relu: plain,
  Gelu: (model, op, { inputs, outputs }) => model.node('Gelu', inputs, outputs, { approximate: op.approximate }),
  Clip: (model, op, { node, inputs, outputs }) => {
    const dtype = floatOf(node.inputs[0]!);
    model.node('Clip', [...inputs, model.scalar(op.min, dtype), model.scalar(op.max, dtype)], outputs);
  },
  Cast: (model, op, { inputs, outputs }) => model.node('Cast', inputs, outputs, { to: ELEMENT_TYPE[op.to] }),
  // One scale for each row.
  Dequantize: (model, _, { inputs, outputs }) => model.node('DequantizeLinear', inputs, outputs, { axis: 0 }),
  StopGradient: () => undefined,

  Add: plain,
  Sub: plain,
  Mul: plain,
  Div: plain,
  Greater: plain,
  Where: plain,

  MatMul: plain,
  Linear: (model, _, { node, inputs, outputs }) => linear(model, node.inputs[0]!, inputs, outputs[0]!, node),
  LoraUp: (model, _, { node, inputs, outputs }) => {
    const [h, mask, up] = inputs as [string, string, string];
    linear(model, node.inputs[0]!, [model.step('Mul', [h, mask]), up], outputs[0]!, node);
  },
  Conv: (model, op, { node, inputs, outputs }) =>
    model.node('Conv', inputs, outputs, {
      kernel_shape: node.inputs[1]!.shape.slice(2),
      strides: op.strides,
      pads: op.pads,
      dilations: op.dilations,
      group: op.group,
    }),
  ConvTranspose: (model, op, { node, inputs, outputs, options }) =>
    emitConvTranspose(
      model,
      op,
      node,
      inputs as [string, string],
      outputs[0]!,
      options.flipConvTranspose ?? false,
      options.foldsWeights ?? true,
    ),
  MultiHeadAttention: (model, op, { inputs, outputs }) =>
    model.node('MultiHeadAttention', inputs, outputs, { num_heads: op.heads, scale: { float: op.scale } }, MICROSOFT),

  Softmax: (model, op, { inputs, outputs }) => model.node('Softmax', inputs, outputs, { axis: op.axis }),
  LayerNormalization: (model, op, { inputs, outputs }) =>
    model.node('LayerNormalization', inputs, outputs, { axis: -1, epsilon: { float: op.epsilon } }),
  ReduceSum: reduce,
  ReduceMean: reduce,

  Reshape: (model, op, { inputs, outputs }) => model.node('Reshape', [...inputs, model.integers(op.shape)], outputs),
  Transpose: (model, op, { inputs, outputs }) => model.node('Transpose', inputs, outputs, { perm: op.permutation }),
  Expand: (model, op, { inputs, outputs }) => model.node('Expand', [...inputs, model.integers(op.shape)], outputs),
  Concat: (model, op, { inputs, outputs }) => model.node('Concat', inputs, outputs, { axis: op.axis }),
  Slice: (model, op, { inputs, outputs }) => {
    const [start, end, axis] = [op.start, op.end, op.axis].map((x) => model.integers([x]));
    model.node('Slice', [...inputs, start!, end!, axis!], outputs);
  },
  Pad: (model, op, { inputs, outputs }) =>
    model.node('Pad', [...inputs, model.integers([...op.before, ...op.after])], outputs),
  ResizeNearest: (model, op, { node, inputs, outputs }) => {
    const [x, y] = [inputs[0]!, outputs[0]!];
    const [n, c, h, w] = node.inputs[0]!.shape as [number, number, number, number];
    if (isPowerOfTwo(op.size[0] / h) && isPowerOfTwo(op.size[1] / w)) {
      const nearest = { mode: 'nearest', nearest_mode: 'floor', coordinate_transformation_mode: 'asymmetric' };
      model.node('Resize', [x, '', '', model.integers([n, c, ...op.size])], [y], nearest);
      return;
    }
    // Resize divides by a rounded scale, so an index that should be whole may fall just below; Gather is exact.
    const rows = model.step('Gather', [x, model.integers(nearestIndices(h, op.size[0]))], { axis: 2 });
    model.node('Gather', [rows, model.integers(nearestIndices(w, op.size[1]))], [y], { axis: 3 });
  },
  Gather: (model, _, { inputs, outputs }) => model.node('Gather', inputs, outputs, { axis: 0 }),
};

/**
 * x [..., in] times weight [out, in] transposed, plus bias [out]. Gemm takes matrices only, and takes the weight as
 * it lies; MatMul would need a transposed copy of it.
 */
function linear(model: ModelWriter, x: Value, names: readonly string[], output: string, node: Node): void {
  const [xName, ...rest] = names as [string, ...string[]];
  if (x.shape.length === 2) {
    model.node('Gemm', names, [output], { transB: 1 });
    return;
  }
  const width = x.shape.at(-1)!;
  const rows = model.step('Reshape', [xName, model.integers([sizeOf(x.shape) / width, width])]);
  const product = model.step('Gemm', [rows, ...rest], { transB: 1 });
  model.node('Reshape', [product, model.integers(node.outputs[0]!.shape)], [output]);
}

/** For each output index, floor(index * from / to), in exact integers. */
function nearestIndices(from: number, to: number): number[] {
  return Array.from({ length: to }, (_, i) => Math.floor((i * from) / to));
}

function isPowerOfTwo(x: number): boolean {
  return x >= 1 && Number.isInteger(Math.log2(x));
}

function floatOf(value: Value): 'f32' | 'f16' {
  return value.dtype === 'f16' ? 'f16' : 'f32';
}
