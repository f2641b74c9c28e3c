/** The checker: run after every transform, it throws a GraphError that names the operation and the value. */
import { sameShape, showShape } from '../tensor/shape';
import { GraphError, nameOf, type Graph, type Value } from './graph';
import { infer } from './infer';

export function checkGraph(graph: Graph): void {
  const made = new Set<Value>();
  for (const [name, value] of graph.inputs) {
    if (value.source.kind !== 'input' || value.source.name !== name)
      throw new GraphError(`input ${name} is not an input`);
    made.add(value);
  }
  const reachable = (value: Value): boolean =>
    value.source.kind === 'weight' || value.source.kind === 'constant' || made.has(value);
  for (const node of graph.nodes) {
    for (const value of node.inputs) {
      if (!reachable(value)) throw new GraphError(`${node.op.kind} uses ${nameOf(value)} before it is made`);
    }
    const types = infer(node.op, node.inputs);
    if (types.length !== node.outputs.length)
      throw new GraphError(`${node.op.kind} makes ${types.length} values, not ${node.outputs.length}`);
    types.forEach((type, i) => {
      const value = node.outputs[i]!;
      if (value.dtype !== type.dtype || !sameShape(value.shape, type.shape)) {
        throw new GraphError(
          `${node.op.kind} makes ${type.dtype}${showShape(type.shape)}, but ${nameOf(value)} says ${value.dtype}${showShape(value.shape)}`,
        );
      }
      if (value.source.kind !== 'node' || value.source.node !== node || value.source.index !== i) {
        throw new GraphError(`${nameOf(value)} does not know that ${node.op.kind} makes it`);
      }
      made.add(value);
    });
  }
  if (graph.outputs.size === 0) throw new GraphError('the graph has no outputs');
  for (const [name, value] of graph.outputs) {
    if (!reachable(value)) throw new GraphError(`output ${name} is never made`);
  }
}
