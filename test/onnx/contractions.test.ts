/** Products, convolutions and attention on onnxruntime-node against plain loops. */
import { runFinished, runGraph } from '../support/run-graph';
import { at, atOrZero, expectClose, indices, tensor, wave } from '../support/reference';
import { GraphBuilder } from '../../engine/graph/builder';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { openRuntime } from '../../engine/runtime/runtime';
import type { HostTensor } from '../../engine/tensor/tensor';

const sum = (n: number, f: (i: number) => number): number =>
  Array.from({ length: n }, (_, i) => f(i)).reduce((p, q) => p + q, 0);

test.each([
  [
    [2, 3],
    [3, 4],
    [2, 4],
  ],
  [
    [5, 2, 3],
    [3, 4],
    [5, 2, 4],
  ],
  [
    [2, 3],
    [5, 3, 4],
    [5, 2, 4],
  ],
  [
    [2, 1, 2, 3],
    [4, 3, 1],
    [2, 4, 2, 1],
  ],
  [
    [1, 1],
    [1, 1],
    [1, 1],
  ],
])('matmul %j %j', async (p, q, out) => {
  const [x, w] = [wave(p), wave(q, 0.3)];
  const { y } = await runGraph((b) => b.output('y', b.matmul(b.input('x', p), b.input('w', q))), { x, w });
  const want = tensor(out, (index) => {
    const [lead, row, column] = [index.slice(0, -2), index.at(-2)!, index.at(-1)!];
    return sum(p.at(-1)!, (k) => at(x, [...lead, row, k]) * at(w, [...lead, k, column]));
  });
  expectClose(y, want);
});

test.each([[[3]], [[2, 3]], [[1, 3]], [[2, 4, 3]], [[1, 2, 2, 3]]])(
  'linear on %j, with and without bias',
  async (shape) => {
    const [x, w, c] = [wave(shape), wave([5, 3], 0.3), wave([5], 0.8)];
    const outputs = await runGraph(
      (b) => {
        const [value, weight] = [b.input('x', shape), b.input('w', [5, 3])];
        b.output('plain', b.linear(value, weight));
        b.output('biased', b.linear(value, weight, b.input('c', [5])));
      },
      { x, w, c },
    );
    const out = [...shape.slice(0, -1), 5];
    const product = (index: number[]): number =>
      sum(3, (k) => at(x, [...index.slice(0, -1), k]) * at(w, [index.at(-1)!, k]));
    expectClose(outputs['plain'], tensor(out, product));
    expectClose(
      outputs['biased'],
      tensor(out, (index) => product(index) + at(c, [index.at(-1)!])),
    );
  },
);

test('loraUp masks ranks sample by sample; the gradient mask is no part of the forward', async () => {
  const [h, up] = [wave([2, 3, 4]), wave([5, 4], 0.2)];
  const mask = tensor([2, 1, 4], ([n, , r]) => (n === 0 ? Number(r! < 2) : 0.5 * r!));
  const outputs = await runGraph(
    (b) => {
      const [hv, mv, uv] = [b.input('h', [2, 3, 4]), b.input('mask', [2, 1, 4]), b.input('up', [5, 4])];
      b.output('y', b.loraUp(hv, mv, uv));
      b.output('z', b.loraUp(hv, mv, uv, b.constant(tensor([2, 1, 4], () => 0))));
    },
    { h, mask, up },
  );
  const want = tensor([2, 3, 5], ([n, t, o]) =>
    sum(4, (r) => at(h, [n!, t!, r]) * at(mask, [n!, 0, r]) * at(up, [o!, r])),
  );
  expectClose(outputs['y'], want);
  expectClose(outputs['z'], want);
});

interface Geometry {
  strides?: [number, number];
  pads?: [number, number, number, number];
  dilations?: [number, number];
  group?: number;
}

/** Output [n, o, y, x] of a convolution, by its definition. */
function convolved(x: HostTensor, w: HostTensor, out: number[], g: Geometry): HostTensor {
  const [[sy, sx], [top, left], [dy, dx]] = [g.strides ?? [1, 1], g.pads ?? [0, 0], g.dilations ?? [1, 1]];
  const [outputs, inputs, kh, kw] = w.shape as [number, number, number, number];
  return tensor(out, ([n, o, y, z]) => {
    const first = Math.floor(o! / (outputs / (g.group ?? 1))) * inputs;
    return sum(inputs * kh * kw, (k) => {
      const [c, i, j] = [Math.floor(k / (kh * kw)), Math.floor(k / kw) % kh, k % kw];
      return atOrZero(x, [n!, first + c, y! * sy - top + i * dy, z! * sx - left + j * dx]) * at(w, [o!, c, i, j]);
    });
  });
}

test.each<[string, number[], number[], number[], Geometry]>([
  ['1x1', [2, 3, 4, 5], [4, 3, 1, 1], [2, 4, 4, 5], {}],
  ['3x3 padded', [1, 2, 5, 4], [3, 2, 3, 3], [1, 3, 5, 4], { pads: [1, 1, 1, 1] }],
  ['strided', [1, 2, 6, 6], [3, 2, 3, 3], [1, 3, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }],
  [
    'asymmetric pads, as the VAE encoder has',
    [1, 2, 6, 6],
    [3, 2, 3, 3],
    [1, 3, 3, 3],
    { strides: [2, 2], pads: [0, 0, 1, 1] },
  ],
  ['all pads different', [1, 1, 4, 4], [1, 1, 2, 3], [1, 1, 7, 5], { pads: [1, 0, 3, 3] }],
  ['dilated', [1, 1, 7, 8], [2, 1, 3, 2], [1, 2, 3, 5], { dilations: [2, 3] }],
  ['strides differ', [1, 1, 7, 8], [1, 1, 3, 3], [1, 1, 5, 3], { strides: [1, 3], pads: [0, 1, 0, 0] }],
  ['grouped', [2, 4, 3, 3], [6, 2, 2, 2], [2, 6, 2, 2], { group: 2 }],
  ['depthwise', [1, 3, 4, 4], [3, 1, 3, 3], [1, 3, 4, 4], { group: 3, pads: [1, 1, 1, 1] }],
  ['1-size everything', [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], {}],
])('conv %s', async (_, xs, ws, out, g) => {
  const [x, w, c] = [wave(xs), wave(ws, 0.3), wave([ws[0]!], 0.7)];
  const outputs = await runGraph(
    (b) => {
      const [xv, wv] = [b.input('x', xs), b.input('w', ws)];
      b.output('plain', b.conv(xv, wv, undefined, g));
      b.output('biased', b.conv(xv, wv, b.input('c', [ws[0]!]), g));
    },
    { x, w, c },
  );
  const want = convolved(x, w, out, g);
  expectClose(outputs['plain'], want, 1e-5);
  expectClose(
    outputs['biased'],
    tensor(out, (index) => at(want, index) + at(c, [index[1]!])),
    1e-5,
  );
});

type TransposedGeometry = Geometry & { outputPadding?: [number, number] };

/** A transposed convolution by its definition: every input element adds its kernel into the output. */
function transposed(x: HostTensor, w: HostTensor, out: number[], g: TransposedGeometry): HostTensor {
  const [[sy, sx], [top, left], [dy, dx]] = [g.strides ?? [1, 1], g.pads ?? [0, 0], g.dilations ?? [1, 1]];
  const [channels, outputs, kh, kw] = w.shape as [number, number, number, number];
  const result = tensor(out, () => 0);
  const [, total, height, width] = out as [number, number, number, number];
  const perGroup = channels / (g.group ?? 1);
  for (const [n, c, y, z] of indices(x.shape) as [number, number, number, number][]) {
    for (const [o, i, j] of indices([outputs, kh, kw]) as [number, number, number][]) {
      const [row, column] = [y * sy - top + i * dy, z * sx - left + j * dx];
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      const channel = Math.floor(c / perGroup) * outputs + o;
      result.data[((n * total + channel) * height + row) * width + column]! +=
        at(x, [n, c, y, z]) * at(w, [c, o, i, j]);
    }
  }
  return result;
}

const TRANSPOSED: [string, number[], number[], number[], TransposedGeometry][] = [
  ['3x3 padded', [2, 3, 4, 5], [3, 8, 3, 3], [2, 8, 4, 5], { pads: [1, 1, 1, 1] }],
  ['1x1', [1, 3, 2, 2], [3, 8, 1, 1], [1, 8, 2, 2], {}],
  ['few channels', [1, 3, 4, 4], [3, 2, 3, 3], [1, 2, 4, 4], { pads: [1, 1, 1, 1] }],
  ['asymmetric pads', [1, 2, 4, 4], [2, 8, 3, 2], [1, 8, 4, 3], { pads: [0, 1, 2, 1] }],
  ['pads past the kernel', [1, 2, 5, 5], [2, 8, 2, 2], [1, 8, 2, 2], { pads: [2, 2, 2, 2] }],
  ['dilated', [1, 2, 3, 4], [2, 8, 2, 3], [1, 8, 5, 10], { dilations: [2, 3] }],
  [
    'dilated with output padding',
    [1, 2, 3, 3],
    [2, 8, 2, 2],
    [1, 8, 8, 5],
    { strides: [2, 1], dilations: [2, 2], outputPadding: [1, 0] },
  ],
  ['grouped', [1, 4, 3, 3], [4, 8, 3, 3], [1, 16, 3, 3], { group: 2, pads: [1, 1, 1, 1] }],
  [
    'stride 2 with output padding',
    [1, 2, 3, 3],
    [2, 8, 3, 3],
    [1, 8, 6, 6],
    { strides: [2, 2], pads: [1, 1, 1, 1], outputPadding: [1, 1] },
  ],
  ['strides differ', [1, 2, 2, 3], [2, 3, 2, 2], [1, 3, 2, 7], { strides: [1, 3], pads: [1, 1, 0, 0] }],
];

test.each(TRANSPOSED)(
  'convTranspose %s: as itself, and with a frozen weight as a convolution',
  async (_, xs, ws, out, g) => {
    const [x, w] = [wave(xs), wave(ws, 0.3)];
    const runtime = await openRuntime(nodeBackend, { threads: 1 });
    try {
      for (const frozen of [false, true]) {
        const b = new GraphBuilder();
        b.output('y', b.convTranspose(b.input('x', xs), frozen ? b.constant(w) : b.input('w', ws), g));
        const program = await runtime.compile(b.finish());
        const { y } = await program.run(frozen ? { x } : { x, w });
        expectClose(await y!.read(), transposed(x, w, out, g), 1e-5);
      }
    } finally {
      await runtime.dispose();
    }
  },
);

test('a frozen half weight is cast, then flipped', async () => {
  const [x, w] = [wave([1, 3, 4, 4]), wave([3, 8, 3, 3], 0.3)];
  const b = new GraphBuilder();
  const weight = b.cast(b.cast(b.constant(w), 'f16'), 'f32');
  b.output('y', b.convTranspose(b.input('x', [1, 3, 4, 4]), weight, { pads: [1, 1, 1, 1] }));
  const { y } = await runFinished(b.finish(), { x });
  expectClose(y, transposed(x, w, [1, 8, 4, 4], { pads: [1, 1, 1, 1] }), 2e-3);
});

test.each([
  ['self', 3, 3, 1, 4],
  ['cross, 2 heads', 5, 3, 2, 3],
  ['one token', 1, 1, 2, 2],
])('multiHeadAttention %s', async (_, s, t, heads, size) => {
  const width = heads * size;
  const [q, k, v] = [wave([2, s, width]), wave([2, t, width], 0.3), wave([2, t, width], 0.9)];
  const scale = 0.37;
  const { y } = await runGraph(
    (b) => {
      const values = [b.input('q', q.shape), b.input('k', k.shape), b.input('v', v.shape)] as const;
      b.output('y', b.multiHeadAttention(...values, heads, scale));
    },
    { q, k, v },
  );
  const want = tensor([2, s, width], ([n, i, c]) => {
    const head = Math.floor(c! / size) * size;
    const weights = Array.from({ length: t }, (_, j) =>
      Math.exp(scale * sum(size, (d) => at(q, [n!, i!, head + d]) * at(k, [n!, j, head + d]))),
    );
    return sum(t, (j) => weights[j]! * at(v, [n!, j, c!])) / weights.reduce((p, r) => p + r);
  });
  expectClose(y, want, 1e-5);
});
