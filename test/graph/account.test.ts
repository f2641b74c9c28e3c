/** The account of memory: by hand on a small graph, and what parts save. */
import { peakBytes, peakBytesOfParts } from '../../engine/graph/account';
import { gradients } from '../../engine/autodiff/gradients';
import { GraphBuilder } from '../../engine/graph/builder';
import type { Graph } from '../../engine/graph/graph';
import { partition } from '../../engine/graph/partition';

test('values live from where they are made to their last use; a reshaped one is the same bytes', () => {
  const b = new GraphBuilder();
  const x = b.input('x', [10]); // 40 bytes, there throughout
  const wide = b.reshape(b.concat([x, x, x], 0), [3, 10]); // 120
  const summed = b.reduceSum(b.exp(wide), [0]); // exp 120 beside wide; then 40 beside exp
  b.output('y', b.add(summed, x));
  expect(peakBytes(b.finish())).toBe(40 + 120 + 120);
});

test('a chain of layers cut in parts that keep nothing takes less than in one piece', () => {
  const b = new GraphBuilder();
  const scale = b.input('scale', [1]);
  let h = b.mul(b.input('x', [1000]), scale);
  for (let i = 0; i < 20; i++) {
    for (let j = 0; j < 10; j++) h = b.tanh(b.mul(h, scale));
    b.nextStage();
  }
  const [gradient] = gradients(b, b.reduceSum(h), [scale]);
  b.output('gradient', gradient!);
  const graph: Graph = b.finish();
  const parts = partition(graph, { partBytes: 1, keep: 'nothing' });
  expect(parts.length).toBeGreaterThan(38);
  // In one piece every layer's 10 results of tanh are kept; in parts 20 between them and those of one.
  expect(peakBytes(graph)).toBeGreaterThan(200 * 4000);
  expect(peakBytesOfParts(parts)).toBeLessThan(70 * 4000);
});
