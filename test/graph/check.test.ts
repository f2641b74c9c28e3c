/** The checker: a graph broken by a transform is refused with the operation and the value named. */
import { GraphBuilder } from '../../engine/graph/builder';
import { checkGraph } from '../../engine/graph/check';
import type { Graph, Node, Value } from '../../engine/graph/graph';
import { prune } from '../../engine/graph/prune';

/** y = -(x + 1), and its parts. */
function sample(): { graph: Graph; x: Value; add: Node; neg: Node } {
  const b = new GraphBuilder();
  const x = b.input('x', [2]);
  b.output('y', b.neg(b.add(x, 1)));
  const graph = b.finish();
  const [add, neg] = graph.nodes as [Node, Node];
  return { graph, x, add, neg };
}

test('a sound graph passes', () => {
  expect(() => checkGraph(sample().graph)).not.toThrow();
});

test('nodes out of order', () => {
  const { graph, add, neg } = sample();
  expect(() => checkGraph({ ...graph, nodes: [neg, add] })).toThrow(/^Neg uses %\d+ before it is made$/);
});

test('an input that is gone', () => {
  const { graph } = sample();
  expect(() => checkGraph({ ...graph, inputs: new Map() })).toThrow('Add uses x before it is made');
});

test('an input under another name', () => {
  const { graph, x } = sample();
  expect(() => checkGraph({ ...graph, inputs: new Map([['z', x]]) })).toThrow('input z is not an input');
});

test('a value that disagrees with the shape rule', () => {
  const { graph, add } = sample();
  const wrong: Node = { ...add, outputs: [{ ...add.outputs[0]!, shape: [3] }] };
  expect(() => checkGraph({ ...graph, nodes: [wrong] })).toThrow(/^Add makes f32\[2\], but %\d+ says f32\[3\]$/);
});

test('a value that does not know its node', () => {
  const { graph, add } = sample();
  expect(() => checkGraph({ ...graph, nodes: [{ ...add }] })).toThrow(/^%\d+ does not know that Add makes it$/);
});

test('a node with too few outputs', () => {
  const { graph, add } = sample();
  expect(() => checkGraph({ ...graph, nodes: [{ ...add, outputs: [] }] })).toThrow('Add makes 1 values, not 0');
});

test('an output that is never made, and no outputs at all', () => {
  const { graph } = sample();
  expect(() => checkGraph({ ...graph, nodes: [] })).toThrow('output y is never made');
  expect(() => checkGraph({ ...graph, outputs: new Map() })).toThrow('the graph has no outputs');
});

test('pruning keeps declared inputs and drops the nodes no output needs', () => {
  const b = new GraphBuilder();
  const [x, unused] = [b.input('x', [2]), b.input('unused', [2])];
  b.exp(unused);
  b.output('y', b.neg(x));
  const graph = b.finish();
  expect([...graph.inputs.keys()]).toEqual(['x', 'unused']);
  expect(graph.nodes.map((node) => node.op.kind)).toEqual(['Neg']);
  expect(prune(graph).nodes).toEqual(graph.nodes);
});
