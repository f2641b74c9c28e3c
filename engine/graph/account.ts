/** The account of a graph's memory: what is alive at once when its nodes run in order. Weights are counted apart. */
import { BYTES_PER_ELEMENT } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import type { Graph, Node, Value } from './graph';
import type { Part } from './partition';
import { isPassed } from './partition';

/** The greatest number of bytes that inputs, values on their way and outputs take together. */
export function peakBytes(graph: Graph): number {
  const lastUse = new Map<Value, Node>();
  for (const node of graph.nodes) for (const value of node.inputs) lastUse.set(rootOf(value), node);
  const kept = new Set([...graph.outputs.values()].map(rootOf));
  let live = [...graph.inputs.values()].reduce((sum, value) => sum + bytesOf(value), 0);
  let peak = live;
  for (const node of graph.nodes) {
    if (node.op.kind === 'Reshape' || node.op.kind === 'StopGradient') continue;
    const made = node.outputs.filter((value, i) => i === 0 || lastUse.has(value) || kept.has(value));
    live += made.reduce((sum, value) => sum + bytesOf(value), 0);
    peak = Math.max(peak, live);
    for (const value of new Set([...node.inputs.map(rootOf), ...made])) {
      const done = value.source.kind === 'node' && !kept.has(value) && (lastUse.get(value) ?? node) === node;
      if (done) live -= bytesOf(value);
    }
  }
  return peak;
}

/** The same for parts that run one after another: what passes between them stays until its last taker is done. */
export function peakBytesOfParts(parts: readonly Part[]): number {
  const passed = new Map<string, number>();
  /** What the caller feeds is there all the time, whichever part takes it. */
  const fed = new Map(parts.flatMap(({ graph }) => [...graph.inputs].filter(([name]) => !isPassed(name))));
  let [results, peak] = [0, 0];
  for (const { graph, done } of parts) {
    const untaken = [...passed, ...[...fed].map(([name, value]): [string, number] => [name, bytesOf(value)])];
    const beside = untaken.filter(([name]) => !graph.inputs.has(name)).reduce((sum, [, bytes]) => sum + bytes, 0);
    peak = Math.max(peak, beside + results + peakBytes(graph));
    for (const [name, value] of graph.outputs) {
      if (isPassed(name)) passed.set(name, bytesOf(value));
      else results += bytesOf(value);
    }
    for (const name of done) passed.delete(name);
  }
  return peak;
}

/** The value whose buffer a reshaped one shares. */
function rootOf(value: Value): Value {
  const { source } = value;
  const shares =
    source.kind === 'node' && (source.node.op.kind === 'Reshape' || source.node.op.kind === 'StopGradient');
  return shares ? rootOf(source.node.inputs[0]!) : value;
}

function bytesOf({ shape, dtype }: Value): number {
  return sizeOf(shape) * BYTES_PER_ELEMENT[dtype];
}
