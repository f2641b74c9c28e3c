/** What the builder saves: operations asked for twice, and layout changes that undo each other. */
import { GraphBuilder } from '../../engine/graph/builder';

test('an operation asked for twice is made once', () => {
  const b = new GraphBuilder();
  const x = b.input('x', [2, 3]);
  expect(b.exp(x)).toBe(b.exp(x));
  expect(b.softmax(x, 0)).not.toBe(b.softmax(x, 1));
  expect(b.clip(x, 0, Infinity)).not.toBe(b.clip(x, -Infinity, 0));
  expect(b.slice(x, 1, 0, 1)).not.toBe(b.slice(x, 1, 0, 2));
});

test('unless the graph computes values twice on purpose', () => {
  const b = new GraphBuilder({ merge: false });
  const x = b.input('x', [2, 3]);
  expect(b.exp(x)).not.toBe(b.exp(x));
});

test('reshaping or transposing there and back is nothing, and twice is once', () => {
  const b = new GraphBuilder();
  const x = b.input('x', [2, 3, 4]);
  expect(b.reshape(b.reshape(x, [6, 4]), [2, 3, 4])).toBe(x);
  expect(b.reshape(b.reshape(x, [6, 4]), [24])).toBe(b.reshape(x, [24]));
  expect(b.transpose(b.transpose(x, [1, 2, 0]), [2, 0, 1])).toBe(x);
  const turned = b.transpose(b.transpose(x, [1, 2, 0]), [1, 2, 0]);
  expect(turned).toBe(b.transpose(x, [2, 0, 1]));
  expect(turned.shape).toEqual([4, 2, 3]);
});
