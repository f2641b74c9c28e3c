/** A graph as text, one node a line: for snapshot tests and for reading what a transform did. */
import { halfToFloat } from '../tensor/half';
import { showShape } from '../tensor/shape';
import type { Graph, Value } from './graph';

export function printGraph(graph: Graph): string {
  const names = new Map<Value, string>();
  const lines: string[] = [];
  const name = (value: Value): string => {
    const known = names.get(value);
    if (known) return known;
    switch (value.source.kind) {
      case 'weight':
        return `@${value.source.reference.name}`;
      case 'constant': {
        const { data, dtype } = value.source.tensor;
        if (data.length !== 1) return `const${showShape(value.shape)}`;
        return String(dtype === 'f16' ? halfToFloat(Number(data[0])) : data[0]);
      }
      default:
        return '?';
    }
  };
  for (const [key, value] of graph.inputs) {
    names.set(value, key);
    lines.push(`input ${key}: ${type(value)}`);
  }
  let next = 0;
  for (const node of graph.nodes) {
    for (const value of node.outputs) names.set(value, `%${next++}`);
    const results = node.outputs.map((value) => `${name(value)}: ${type(value)}`).join(', ');
    lines.push(`${results} = ${node.op.kind}(${node.inputs.map(name).join(', ')})${attributes(node.op)}`);
  }
  for (const [key, value] of graph.outputs) lines.push(`output ${key} = ${name(value)}`);
  return lines.join('\n');
}

function type(value: Value): string {
  return `${value.dtype}${showShape(value.shape)}`;
}

function attributes(op: { readonly kind: string }): string {
  const shown = Object.entries(op)
    .filter(([key]) => key !== 'kind')
    .map(([key, value]) => `${key}=${Array.isArray(value) ? showShape(value) : String(value)}`);
  return shown.length ? ` {${shown.join(', ')}}` : '';
}
