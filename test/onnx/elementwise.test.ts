/** Elementwise operations on onnxruntime-node against formulas. */
import { runGraph } from '../support/run-graph';
import { at, expectClose, tensor, wave } from '../support/reference';
import type { GraphBuilder } from '../../engine/graph/builder';
import type { Value } from '../../engine/graph/graph';
import type { HostTensor } from '../../engine/tensor/tensor';

/** Abramowitz and Stegun 7.1.5, the power series of erf; exact enough for |x| < 4. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

type Unary = [name: string, build: (b: GraphBuilder, x: Value) => Value, formula: (x: number) => number];

const UNARY: Unary[] = [
  ['neg', (b, x) => b.neg(x), (x) => -x],
  ['exp', (b, x) => b.exp(x), Math.exp],
  ['sin', (b, x) => b.sin(x), Math.sin],
  ['cos', (b, x) => b.cos(x), Math.cos],
  ['sigmoid', (b, x) => b.sigmoid(x), (x) => 1 / (1 + Math.exp(-x))],
  ['tanh', (b, x) => b.tanh(x), Math.tanh],
  ['erf', (b, x) => b.erf(x), erf],
  ['relu', (b, x) => b.relu(x), (x) => Math.max(0, x)],
  ['gelu', (b, x) => b.gelu(x), (x) => (x / 2) * (1 + erf(x / Math.SQRT2))],
  [
    'gelu tanh',
    (b, x) => b.gelu(x, 'tanh'),
    (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  ],
  ['clip', (b, x) => b.clip(x, -0.25, 0.5), (x) => Math.min(0.5, Math.max(-0.25, x))],
  ['stopGradient', (b, x) => b.stopGradient(x), (x) => x],
  ['silu', (b, x) => b.silu(x), (x) => x / (1 + Math.exp(-x))],
  ['quickGelu', (b, x) => b.quickGelu(x), (x) => x / (1 + Math.exp(-1.702 * x))],
];

test.each(UNARY)('%s', async (_, build, formula) => {
  const x = tensor([2, 1, 7], ([i, , k]) => (7 * i! + k! - 6.5) / 2.1);
  const { y } = await runGraph((b) => b.output('y', build(b, b.input('x', [2, 1, 7]))), { x });
  expectClose(
    y,
    tensor([2, 1, 7], (index) => formula(at(x, index))),
  );
});

test('log and sqrt of positive numbers', async () => {
  const x = tensor([6], ([i]) => 0.3 + i!);
  const outputs = await runGraph(
    (b) => {
      const value = b.input('x', [6]);
      b.output('log', b.log(value));
      b.output('sqrt', b.sqrt(value));
    },
    { x },
  );
  expectClose(
    outputs['log'],
    tensor([6], (i) => Math.log(at(x, i))),
  );
  expectClose(
    outputs['sqrt'],
    tensor([6], (i) => Math.sqrt(at(x, i))),
  );
});

const BROADCASTS: [number[], number[], number[]][] = [
  [
    [2, 3],
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3], [2, 3]],
  [[3], [2, 3], [2, 3]],
  [
    [2, 1, 4],
    [3, 1],
    [2, 3, 4],
  ],
  [[], [2, 2], [2, 2]],
  [[2, 2], [], [2, 2]],
  [[], [], []],
  [[1, 1], [1], [1, 1]],
];

test.each(BROADCASTS)('add, sub, mul, div, greater, where: %j with %j', async (p, q, out) => {
  const [a, c] = [wave(p), wave(q, 0.4)];
  const outputs = await runGraph(
    (b) => {
      const [x, y] = [b.input('a', p), b.input('c', q)];
      b.output('add', b.add(x, y));
      b.output('sub', b.sub(x, y));
      b.output('mul', b.mul(x, y));
      b.output('div', b.div(x, y));
      b.output('greater', b.greater(x, y));
      b.output('where', b.where(b.greater(x, 0.2), x, y));
    },
    { a, c },
  );
  const want = (f: (x: number, y: number) => number): HostTensor => tensor(out, (i) => f(at(a, i), at(c, i)));
  expectClose(
    outputs['add'],
    want((x, y) => x + y),
  );
  expectClose(
    outputs['sub'],
    want((x, y) => x - y),
  );
  expectClose(
    outputs['mul'],
    want((x, y) => x * y),
  );
  expectClose(
    outputs['div'],
    want((x, y) => x / y),
  );
  expect(outputs['greater']!.dtype).toBe('bool');
  expectClose(
    outputs['greater'],
    want((x, y) => Number(x > y)),
    0,
  );
  expectClose(
    outputs['where'],
    want((x, y) => (x > 0.2 ? x : y)),
    0,
  );
});

test('where broadcasts its condition over its branches', async () => {
  const { y } = await runGraph((b) => b.output('y', b.where(b.input('c', [2, 1], 'bool'), b.input('p', [3]), -1)), {
    c: { dtype: 'bool', shape: [2, 1], data: Uint8Array.of(1, 0) },
    p: wave([3]),
  });
  expectClose(
    y,
    tensor([2, 3], ([i, j]) => (i === 0 ? at(wave([3]), [j!]) : -1)),
    0,
  );
});

test('casts between every pair of types keep small whole numbers', async () => {
  const types = ['f32', 'f16', 'i32', 'i64', 'bool'] as const;
  const outputs = await runGraph(
    (b) => {
      const x = b.input('x', [2]);
      for (const from of types) {
        for (const to of types) b.output(`${from} ${to}`, b.cast(b.cast(b.cast(x, from), to), 'f32'));
      }
    },
    { x: tensor([2], ([i]) => i!) },
  );
  for (const from of types) {
    for (const to of types)
      expect([from, to, ...Array.from(outputs[`${from} ${to}`]!.data as Float32Array)]).toEqual([from, to, 0, 1]);
  }
});

test('half floats: fed, computed, returned as bits', async () => {
  const bits = Uint16Array.of(0x3c00, 0x4000, 0xc200, 0x3800); // 1, 2, -3, 0.5
  const { y, z, clipped, bigger } = await runGraph(
    (b) => {
      const x = b.input('x', [4], 'f16');
      b.output('y', b.add(x, x));
      b.output('z', b.cast(b.sigmoid(x), 'f32'));
      b.output('clipped', b.clip(x, -1, 1.5));
      b.output('bigger', b.greater(x, b.cast(b.scalar(0.75), 'f16')));
    },
    { x: { dtype: 'f16', shape: [4], data: bits } },
  );
  expect(y).toEqual({ dtype: 'f16', shape: [4], data: Uint16Array.of(0x4000, 0x4400, 0xc600, 0x3c00) });
  expectClose(
    z,
    tensor([4], ([i]) => 1 / (1 + Math.exp(-[1, 2, -3, 0.5][i!]!))),
    1e-3,
  );
  expect(clipped!.data).toEqual(Uint16Array.of(0x3c00, 0x3e00, 0xbc00, 0x3800));
  expect(bigger!.data).toEqual(Uint8Array.of(1, 1, 0, 0));
});
