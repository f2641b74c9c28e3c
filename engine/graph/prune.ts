/** Drops the nodes no output needs. Declared inputs stay: they are the program's contract with its caller. */
import type { Graph, Node, Value } from './graph';

export function prune(graph: Graph): Graph {
  const needed = new Set<Node>();
  const pending: Value[] = [...graph.outputs.values()];
  for (let value = pending.pop(); value; value = pending.pop()) {
    if (value.source.kind !== 'node' || needed.has(value.source.node)) continue;
    needed.add(value.source.node);
    pending.push(...value.source.node.inputs);
  }
  return { inputs: graph.inputs, nodes: graph.nodes.filter((node) => needed.has(node)), outputs: graph.outputs };
}
