/**
 * Cuts a graph into parts that run one after another, so that no more is held at once than what passes between them and
 * the work of one part. A part of the way back computes again what it needs of the way there, starting from the values
 * that were kept (Chen et al., arXiv 1604.06174); which are kept is chosen here.
 */
import { BYTES_PER_ELEMENT } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import { GraphBuilder } from './builder';
import type { Graph, Node, Value } from './graph';
import type { OpKind } from './ops';
import { AFTER, forwardStage, isForward } from './stages';

export interface PartitionOptions {
  /** Neighbouring stages become one part as long as what they compute stays below this many bytes. */
  readonly partBytes: number;
  /**
   * What the way back finds kept, besides what passes between parts anyway: 'products', the results of matrix products,
   * convolutions and attention, so that only cheap operations are computed twice; or nothing.
   */
  readonly keep: 'products' | 'nothing';
}

export interface Part {
  /** Takes the whole graph's inputs by their names, and values of earlier parts by `passed` names. */
  readonly graph: Graph;
  /** Names of values that no later part takes. */
  readonly done: readonly string[];
}

/** Most bytes that a part computes again from the graph's inputs for every value it takes from them. */
const MOST_REPEATED = 2 ** 25;

const PRODUCTS: ReadonlySet<OpKind> = new Set<OpKind>([
  'Conv',
  'ConvTranspose',
  'Linear',
  'LoraUp',
  'MatMul',
  'MultiHeadAttention',
]);

/** Operations that only move, repeat or widen numbers. */
const LAYOUT: ReadonlySet<OpKind> = new Set<OpKind>([
  'Cast',
  'Concat',
  'Dequantize',
  'Expand',
  'Reshape',
  'Slice',
  'Transpose',
]);

const PASSED = 'passed/';

/** Whether a name is of a value between parts. */
export function isPassed(name: string): boolean {
  return name.startsWith(PASSED);
}

/** The parts of a graph in the order they run. Their outputs together are the graph's, and the values that pass. */
export function partition(graph: Graph, options: PartitionOptions): Part[] {
  const partOf = groupStages(graph.nodes, options.partBytes);
  const passed = choosePassed(graph, partOf, options.keep);
  const count = Math.max(0, ...partOf.values()) + 1;
  const outputsOf = outputsByPart(graph, partOf, count - 1);
  // A part of which nobody takes anything, such as the loss that is only differentiated, is left out.
  const graphs = Array.from({ length: count }, (_, part) =>
    buildPart(graph, part, partOf, passed, outputsOf[part]!),
  ).filter((part) => part !== undefined);
  const last = new Map<string, number>();
  graphs.forEach(({ inputs, outputs }, part) => {
    for (const name of [...inputs.keys(), ...outputs.keys()].filter(isPassed)) last.set(name, part);
  });
  return graphs.map((part, i) => ({
    graph: part,
    done: [...last].filter(([, at]) => at === i).map(([name]) => name),
  }));
}

/** The part of every node: neighbouring stages together, those of the way back as those of the way there. */
function groupStages(nodes: readonly Node[], limit: number): Map<Node, number> {
  const bytes = new Map<number, number>();
  for (const { stage, outputs } of nodes) {
    if (!isForward(stage)) continue;
    bytes.set(
      stage,
      outputs.reduce((sum, value) => sum + bytesOf(value), bytes.get(stage) ?? 0),
    );
  }
  const group = new Map<number, number>();
  let [current, filled] = [0, 0];
  for (const [stage, size] of [...bytes].sort(([p], [q]) => p - q)) {
    if (filled > 0 && filled + size > limit) [current, filled] = [current + 1, 0];
    filled += size;
    group.set(stage, current);
  }
  const back = (stage: number): number => 2 * current + 1 - group.get(forwardStage(stage))!;
  const part = (stage: number): number =>
    isForward(stage) ? group.get(stage)! : stage >= AFTER ? 2 * current + 2 : back(stage);
  return renumber(new Map(nodes.map((node) => [node, part(node.stage)])));
}

/** The same order in numbers from 0, without holes. */
function renumber(parts: Map<Node, number>): Map<Node, number> {
  const used = [...new Set(parts.values())].sort((p, q) => p - q);
  const rank = new Map(used.map((part, i) => [part, i]));
  return new Map([...parts].map(([node, part]) => [node, rank.get(part)!]));
}

/** The values that pass between parts; everything else a part needs it computes. */
function choosePassed(graph: Graph, partOf: ReadonlyMap<Node, number>, keep: PartitionOptions['keep']): Set<Value> {
  const passed = new Set<Value>();
  const crossings = (forward: boolean): Value[] =>
    graph.nodes
      .filter((node) => isForward(node.stage) === forward)
      .flatMap((node) => node.inputs.filter((value) => crosses(value, node, partOf)));

  for (const value of crossings(true)) if (!isRepeatable(value)) passed.add(value);
  for (const value of crossings(false)) for (const kept of keptFor(value, passed, keep)) passed.add(kept);
  return passed;
}

function crosses(value: Value, user: Node, partOf: ReadonlyMap<Node, number>): boolean {
  return value.source.kind === 'node' && partOf.get(value.source.node) !== partOf.get(user);
}

/** Which further values must pass so that the way back has `value`: none, itself, or what it is computed from. */
function keptFor(
  value: Value,
  passed: ReadonlySet<Value>,
  keep: PartitionOptions['keep'],
  known = new Map<Value, readonly Value[]>(),
): readonly Value[] {
  const { source } = value;
  if (source.kind !== 'node' || passed.has(value) || isRepeatable(value)) return [];
  if (!isForward(source.node.stage)) return [value];
  // All of it is computed again from what passes between the parts of the way there.
  if (keep === 'nothing') return [];
  if (PRODUCTS.has(source.node.op.kind)) return [value];
  let kept = known.get(value);
  if (!kept) {
    const needed = new Set(source.node.inputs.flatMap((input) => keptFor(input, passed, keep, known)));
    // A sum of two products is smaller than the two.
    const bytes = [...needed].reduce((sum, one) => sum + bytesOf(one), 0);
    known.set(value, (kept = bytes > bytesOf(value) ? [value] : [...needed]));
  }
  return kept;
}

/** Whether a value is cheap to make wherever it is needed: out of weights alone, or a piece of the graph's inputs. */
function isRepeatable(value: Value): boolean {
  return repeatedBytes(value) <= MOST_REPEATED;
}

const repeated = new WeakMap<Value, number>();

/** Bytes computed to make a value out of inputs by moving numbers; 0 out of weights, infinite where more is needed. */
function repeatedBytes(value: Value): number {
  if (value.source.kind !== 'node') return 0;
  const known = repeated.get(value);
  if (known !== undefined) return known;
  const { node } = value.source;
  const below = node.inputs.reduce((sum, input) => sum + repeatedBytes(input), 0);
  const frozen = node.inputs.every((input) => isFrozen(input));
  const bytes = !LAYOUT.has(node.op.kind) ? Infinity : frozen ? 0 : below + bytesOf(value);
  repeated.set(value, bytes);
  return bytes;
}

function isFrozen({ source }: Value): boolean {
  if (source.kind === 'node') return LAYOUT.has(source.node.op.kind) && source.node.inputs.every(isFrozen);
  return source.kind !== 'input';
}

/** The graph's own outputs, by the part that makes them. */
function outputsByPart(graph: Graph, partOf: ReadonlyMap<Node, number>, last: number): Map<string, Value>[] {
  const outputs = Array.from({ length: last + 1 }, () => new Map<string, Value>());
  for (const [name, value] of graph.outputs) {
    const part = value.source.kind === 'node' ? partOf.get(value.source.node)! : last;
    outputs[part]!.set(name, value);
  }
  return outputs;
}

function buildPart(
  graph: Graph,
  part: number,
  partOf: ReadonlyMap<Node, number>,
  passed: ReadonlySet<Value>,
  outputs: ReadonlyMap<string, Value>,
): Graph | undefined {
  const given = graph.nodes
    .filter((node) => partOf.get(node) === part)
    .flatMap((node) => node.outputs.filter((value) => passed.has(value)));
  if (given.length + outputs.size === 0) return undefined;
  const b = new GraphBuilder({ merge: false });
  const made = new Map<Value, Value>();
  const take = (value: Value): Value => {
    const known = made.get(value);
    if (known) return known;
    const { source } = value;
    let here: Value;
    if (source.kind === 'input') here = b.input(source.name, value.shape, value.dtype);
    else if (source.kind === 'weight') here = b.weight(source.reference, value.shape, value.dtype);
    else if (source.kind === 'constant') here = b.constant(source.tensor);
    else if (passed.has(value) && partOf.get(source.node) !== part) {
      here = b.input(`${PASSED}${value.id}`, value.shape, value.dtype);
    } else {
      const copies = b.apply(source.node.op, source.node.inputs.map(take));
      source.node.outputs.forEach((output, i) => made.set(output, copies[i]!));
      return made.get(value)!;
    }
    made.set(value, here);
    return here;
  };
  for (const value of given) b.output(`${PASSED}${value.id}`, take(value));
  for (const [name, value] of outputs) b.output(name, take(value));
  return b.finish();
}

function bytesOf({ shape, dtype }: Value): number {
  return sizeOf(shape) * BYTES_PER_ELEMENT[dtype];
}
