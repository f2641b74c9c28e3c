/** Normalization, reduction and layout operations on onnxruntime-node against plain loops. */
import { runGraph } from '../support/run-graph';
import { at, atOrZero, expectClose, indices, tensor, wave } from '../support/reference';
import { i64, type HostTensor } from '../../engine/tensor/tensor';

test.each([
  [[2, 3], -1],
  [[2, 3], 0],
  [[2, 3, 4], 1],
  [[2, 1, 3], 1],
  [[5], 0],
])('softmax %j over axis %i', async (shape, axis) => {
  const x = wave(shape);
  const { y } = await runGraph((b) => b.output('y', b.softmax(b.input('x', shape), axis)), { x });
  const along = axis < 0 ? axis + shape.length : axis;
  const want = tensor(shape, (index) => {
    const line = Array.from({ length: shape[along]! }, (_, i) => Math.exp(at(x, index.with(along, i))));
    return line[index[along]!]! / line.reduce((p, q) => p + q);
  });
  expectClose(y, want);
});

function moments(row: number[]): { mean: number; variance: number } {
  const mean = row.reduce((p, q) => p + q) / row.length;
  return { mean, variance: row.reduce((p, q) => p + (q - mean) ** 2, 0) / row.length };
}

test.each([[[4]], [[3, 5]], [[2, 1, 6]]])('layerNorm %j with its statistics', async (shape) => {
  const width = shape.at(-1)!;
  const [x, scale, bias] = [wave(shape), wave([width], 0.2), wave([width], 0.6)];
  const outputs = await runGraph(
    (b) => {
      const [xv, sv, bv] = [b.input('x', shape), b.input('scale', [width]), b.input('bias', [width])];
      b.output('biased', b.layerNorm(xv, sv, bv, 1e-3));
      const [y, mean, invStd] = b.apply({ kind: 'LayerNormalization', epsilon: 1e-3 }, [xv, sv]);
      b.output('y', y!);
      b.output('mean', mean!);
      b.output('invStd', invStd!);
      const [, , alone] = b.apply({ kind: 'LayerNormalization', epsilon: 2e-3 }, [xv, sv]);
      b.output('alone', alone!);
    },
    { x, scale, bias },
  );
  const row = (index: number[]) => moments(Array.from({ length: width }, (_, i) => at(x, index.with(-1, i))));
  const invStd = (index: number[], epsilon: number): number => 1 / Math.sqrt(row(index).variance + epsilon);
  const y = (i: number[]): number => (at(x, i) - row(i).mean) * invStd(i, 1e-3) * at(scale, [i.at(-1)!]);
  expectClose(outputs['y'], tensor(shape, y), 1e-5);
  expectClose(
    outputs['biased'],
    tensor(shape, (i) => y(i) + at(bias, [i.at(-1)!])),
    1e-5,
  );
  const statistics = shape.with(-1, 1);
  expectClose(
    outputs['mean'],
    tensor(statistics, (i) => row(i).mean),
  );
  expectClose(
    outputs['invStd'],
    tensor(statistics, (i) => invStd(i, 1e-3)),
    1e-5,
  );
  expectClose(
    outputs['alone'],
    tensor(statistics, (i) => invStd(i, 2e-3)),
    1e-5,
  );
});

test('layerNorm of half floats keeps f32 statistics', async () => {
  const x = wave([2, 8]);
  const outputs = await runGraph(
    (b) => {
      const half = b.cast(b.input('x', [2, 8]), 'f16');
      const [y, mean] = b.apply({ kind: 'LayerNormalization', epsilon: 1e-3 }, [half, b.cast(b.ones(8), 'f16')]);
      b.output('y', b.cast(y!, 'f32'));
      b.output('mean', mean!);
    },
    { x },
  );
  const row = (n: number) => moments(Array.from({ length: 8 }, (_, i) => at(x, [n, i])));
  expect(outputs['mean']!.dtype).toBe('f32');
  expectClose(
    outputs['mean'],
    tensor([2, 1], ([n]) => row(n!).mean),
    1e-3,
  );
  expectClose(
    outputs['y'],
    tensor([2, 8], ([n, i]) => (at(x, [n!, i!]) - row(n!).mean) / Math.sqrt(row(n!).variance + 1e-3)),
    3e-3,
  );
});

test('groupNorm', async () => {
  const shape = [2, 6, 2, 3];
  const [x, scale, bias] = [wave(shape), wave([6], 0.2), wave([6], 0.6)];
  const { y } = await runGraph(
    (b) => b.output('y', b.groupNorm(b.input('x', shape), 3, b.input('scale', [6]), b.input('bias', [6]), 1e-5)),
    { x, scale, bias },
  );
  const want = tensor(shape, (index) => {
    const [n, c] = index as [number, number];
    const first = Math.floor(c / 2) * 2;
    const { mean, variance } = moments(indices([2, 2, 3]).map(([k, i, j]) => at(x, [n, first + k!, i!, j!])));
    return ((at(x, index) - mean) / Math.sqrt(variance + 1e-5)) * at(scale, [c]) + at(bias, [c]);
  });
  expectClose(y, want, 1e-5);
});

test.each<[number[], number[], boolean, number[]]>([
  [[2, 3, 4], [1], false, [2, 4]],
  [[2, 3, 4], [1], true, [2, 1, 4]],
  [[2, 3, 4], [0, -1], false, [3]],
  [[2, 3, 4], [-1, 0], true, [1, 3, 1]],
  [[2, 3], [0, 1], false, []],
  [[1], [0], false, []],
])('reduceSum and reduceMean of %j over %j, keepDims %s', async (shape, axes, keepDims, out) => {
  const x = wave(shape);
  const outputs = await runGraph(
    (b) => {
      b.output('sum', b.reduceSum(b.input('x', shape), axes, keepDims));
      b.output('mean', b.reduceMean(b.input('y', shape), axes, keepDims));
    },
    { x, y: x },
  );
  const reduced = new Set(axes.map((axis) => (axis < 0 ? axis + shape.length : axis)));
  const totals = tensor(out, () => 0);
  for (const index of indices(shape)) {
    const kept = keepDims ? index.map((i, k) => (reduced.has(k) ? 0 : i)) : index.filter((_, k) => !reduced.has(k));
    totals.data[kept.reduce((flat, i, k) => flat * out[k]! + i, 0)]! += at(x, index);
  }
  expectClose(outputs['sum'], totals, 1e-5);
  const terms = [...reduced].reduce((n, axis) => n * shape[axis]!, 1);
  expectClose(
    outputs['mean'],
    tensor(out, (i) => at(totals, i) / terms),
    1e-5,
  );
});

test('a scalar reduces over no axes to itself', async () => {
  const { y } = await runGraph((b) => b.output('y', b.reduceSum(b.input('x', []))), { x: wave([]) });
  expectClose(y, wave([]), 0);
});

test.each([
  [
    [2, 6],
    [3, 4],
  ],
  [[4], [1, 4, 1]],
  [[1, 1], []],
  [[], [1]],
  [[2, 1, 3], [6]],
])('reshape %j to %j', async (from, to) => {
  const x = wave(from);
  const { y } = await runGraph((b) => b.output('y', b.reshape(b.input('x', from), to)), { x });
  expect(y).toEqual({ ...x, shape: to });
});

test('transpose', async () => {
  const x = wave([2, 3, 4, 1]);
  const { y } = await runGraph((b) => b.output('y', b.transpose(b.input('x', [2, 3, 4, 1]), [2, 0, 3, 1])), { x });
  expectClose(
    y,
    tensor([4, 2, 1, 3], ([i, j, k, l]) => at(x, [j!, l!, i!, k!])),
    0,
  );
});

test.each([
  [[3], [2, 3]],
  [
    [2, 1, 3],
    [2, 4, 3],
  ],
  [[], [2, 2]],
  [
    [1, 1],
    [3, 1],
  ],
])('expand %j to %j', async (from, to) => {
  const x = wave(from);
  const { y } = await runGraph((b) => b.output('y', b.expand(b.input('x', from), to)), { x });
  expectClose(
    y,
    tensor(to, (index) => at(x, index)),
    0,
  );
});

test('concat along a negative axis, of three, and of whole numbers', async () => {
  const parts = [wave([2, 1, 2]), wave([2, 3, 2], 0.5), wave([2, 2, 2], 0.9)];
  const ids = i64([1, 2], [2]);
  const outputs = await runGraph(
    (b) => {
      b.output(
        'y',
        b.concat(
          parts.map((p, i) => b.input(`p${i}`, p.shape)),
          -2,
        ),
      );
      const v = b.input('ids', [2], 'i64');
      b.output('ids', b.concat([v, v], 0));
    },
    { p0: parts[0]!, p1: parts[1]!, p2: parts[2]!, ids },
  );
  const want = tensor([2, 6, 2], ([i, j, k]) =>
    j! < 1 ? at(parts[0]!, [i!, j!, k!]) : j! < 4 ? at(parts[1]!, [i!, j! - 1, k!]) : at(parts[2]!, [i!, j! - 4, k!]),
  );
  expectClose(outputs['y'], want, 0);
  expect(outputs['ids']).toEqual(i64([1, 2, 1, 2], [4]));
});

test('slice and chunk, on positive and negative axes', async () => {
  const x = wave([3, 6]);
  const outputs = await runGraph(
    (b) => {
      const v = b.input('x', [3, 6]);
      b.output('rows', b.slice(v, 0, 1, 3));
      b.output('columns', b.slice(v, -1, 2, 3));
      b.output('third', b.chunk(v, 3, 1)[2]!);
    },
    { x },
  );
  expectClose(
    outputs['rows'],
    tensor([2, 6], ([i, j]) => at(x, [i! + 1, j!])),
    0,
  );
  expectClose(
    outputs['columns'],
    tensor([3, 1], ([i]) => at(x, [i!, 2])),
    0,
  );
  expectClose(
    outputs['third'],
    tensor([3, 2], ([i, j]) => at(x, [i!, j! + 4])),
    0,
  );
});

test('pad, different on every side', async () => {
  const x = wave([2, 3]);
  const { y } = await runGraph((b) => b.output('y', b.pad(b.input('x', [2, 3]), [1, 0], [0, 2])), { x });
  expectClose(
    y,
    tensor([3, 5], ([i, j]) => atOrZero(x, [i! - 1, j!])),
    0,
  );
});

test.each([
  [
    [4, 3],
    [8, 6],
  ],
  [
    [2, 3],
    [8, 3],
  ],
  [
    [8, 8],
    [15, 15],
  ],
  [
    [6, 7],
    [10, 11],
  ],
  [
    [3, 5],
    [9, 15],
  ],
  [
    [8, 6],
    [4, 3],
  ],
  [
    [10, 9],
    [6, 3],
  ],
  [
    [1, 1],
    [5, 7],
  ],
])('resizeNearest %j to %j takes floor(index * in / out) exactly', async ([h, w], [toH, toW]) => {
  const x = tensor([1, 2, h!, w!], ([, c, i, j]) => 10000 * c! + 100 * i! + j!);
  const { y } = await runGraph((b) => b.output('y', b.resizeNearest(b.input('x', x.shape), [toH!, toW!])), { x });
  const want = tensor([1, 2, toH!, toW!], ([, c, i, j]) => {
    return 10000 * c! + 100 * Math.floor((i! * h!) / toH!) + Math.floor((j! * w!) / toW!);
  });
  expectClose(y, want, 0);
});

test.each<[string, number[], number[], number[]]>([
  ['a vector of rows', [4, 3], [2], [2, 3]],
  ['a matrix of rows', [4, 3], [2, 2], [2, 2, 3]],
  ['scalars', [4], [3], [3]],
  ['one index', [4, 3], [], [3]],
])('gather %s', async (_, tableShape, idShape, out) => {
  const table = wave(tableShape);
  const ids = i64(
    Array.from({ length: idShape.reduce((n, d) => n * d, 1) }, (_, i) => (3 * i + 1) % 4),
    idShape,
  );
  const { y } = await runGraph(
    (b) => b.output('y', b.gather(b.input('table', tableShape), b.input('ids', idShape, 'i64'))),
    { table, ids },
  );
  const want: HostTensor = tensor(out, (index) => {
    const row = at(ids, index.slice(0, idShape.length));
    return at(table, [row, ...index.slice(idShape.length)]);
  });
  expectClose(y, want, 0);
});
