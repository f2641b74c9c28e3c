/** Graphs as text. */
import { GraphBuilder } from '../../engine/graph/builder';
import { printGraph } from '../../engine/graph/print';

test('a convolution block', () => {
  const b = new GraphBuilder();
  const x = b.input('x', [1, 4, 8, 8]);
  const span = { file: 'unet.safetensors', offset: 0, length: 4608 };
  const w = b.weight({ ...span, name: 'conv.weight' }, [32, 4, 3, 3], 'f32');
  const h = b.conv(x, w, undefined, { strides: [2, 2], pads: [0, 0, 1, 1] });
  b.output(
    'y',
    b.silu(b.groupNorm(h, 8, b.ones(32), b.constant({ dtype: 'f32', shape: [32], data: new Float32Array(32) }), 1e-5)),
  );
  expect(printGraph(b.finish())).toMatchInlineSnapshot(`
   "input x: f32[1, 4, 8, 8]
   %0: f32[1, 32, 4, 4] = Conv(x, @conv.weight) {strides=[2, 2], pads=[0, 0, 1, 1], dilations=[1, 1], group=1}
   %1: f32[8, 64] = Reshape(%0) {shape=[8, 64]}
   %2: f32[8, 64], %3: f32[8, 1], %4: f32[8, 1] = LayerNormalization(%1, const[64]) {epsilon=0.00001}
   %5: f32[1, 32, 4, 4] = Reshape(%2) {shape=[1, 32, 4, 4]}
   %6: f32[1, 32, 1, 1] = Reshape(const[32]) {shape=[1, 32, 1, 1]}
   %7: f32[1, 32, 4, 4] = Mul(%5, %6)
   %8: f32[1, 32, 1, 1] = Reshape(const[32]) {shape=[1, 32, 1, 1]}
   %9: f32[1, 32, 4, 4] = Add(%7, %8)
   %10: f32[1, 32, 4, 4] = Sigmoid(%9)
   %11: f32[1, 32, 4, 4] = Mul(%9, %10)
   output y = %11"
  `);
});

test('every output of a node is named; weights and scalars are written in place', () => {
  const b = new GraphBuilder();
  const x = b.input('x', [2, 3], 'f16');
  const table = b.weight({ file: 'f', name: 'table', offset: 0, length: 24 }, [2, 3], 'f32');
  const [y, mean] = b.apply({ kind: 'LayerNormalization', epsilon: 0.001 }, [b.cast(x, 'f32'), b.ones(3)]);
  b.output('y', b.add(b.mul(y!, table), 0.5));
  b.output('mean', mean!);
  b.output('x', x);
  expect(printGraph(b.finish())).toMatchInlineSnapshot(`
   "input x: f16[2, 3]
   %0: f32[2, 3] = Cast(x) {to=f32}
   %1: f32[2, 3], %2: f32[2, 1], %3: f32[2, 1] = LayerNormalization(%0, const[3]) {epsilon=0.001}
   %4: f32[2, 3] = Mul(%1, @table)
   %5: f32[2, 3] = Add(%4, 0.5)
   output y = %5
   output mean = %2
   output x = x"
  `);
});
