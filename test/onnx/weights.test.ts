/** Weights of every type, mounted from one file at odd offsets, as a safetensors file without alignment holds them. */
import { GraphBuilder } from '../../engine/graph/builder';
import type { WeightReference } from '../../engine/graph/graph';
import { runFinished } from '../support/run-graph';
import type { DType } from '../../engine/tensor/dtype';
import type { HostTensor } from '../../engine/tensor/tensor';

const TENSORS: Record<string, HostTensor> = {
  f32: { dtype: 'f32', shape: [2, 3], data: Float32Array.of(1.5, -2, 3e-9, 4e9, -0, 7) },
  f16: { dtype: 'f16', shape: [3], data: Uint16Array.of(0x3c00, 0xc000, 0x0001) },
  i64: { dtype: 'i64', shape: [2], data: BigInt64Array.of(-1n, 9007199254740993n) },
  i32: { dtype: 'i32', shape: [1, 2], data: Int32Array.of(-7, 2 ** 31 - 1) },
  bool: { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
};

/** One file of all tensors, each starting at an odd byte, and where each lies. */
function pack(key: string): { bytes: Uint8Array; spans: Map<string, WeightReference> } {
  const spans = new Map<string, WeightReference>();
  const bytes = new Uint8Array(200).fill(0xee);
  let next = 3;
  for (const [name, { data }] of Object.entries(TENSORS)) {
    const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    bytes.set(raw, next);
    spans.set(name, { file: key, name, offset: next, length: raw.length });
    next += raw.length + 1;
    next |= 1;
  }
  return { bytes, spans };
}

test.each([
  'model.safetensors',
  'unet/model.safetensors',
  '/abs/model.safetensors',
  'hub:org/name/model',
  'with space',
])('weights of file %s', async (key) => {
  const { bytes, spans } = pack(key);
  const b = new GraphBuilder();
  for (const [name, { dtype, shape }] of Object.entries(TENSORS)) {
    b.output(name, b.weight(spans.get(name)!, shape, dtype as DType));
  }
  // A file inside a larger buffer: its bytes are those of the view.
  const larger = new Uint8Array(bytes.length + 5);
  larger.set(bytes, 5);
  const file = { size: bytes.length, asBlobOrBytes: async () => larger.subarray(5) };
  expect(await runFinished(b.finish(), {}, new Map([[key, file]]))).toEqual(TENSORS);
});

test('weights of two files, and a half weight cast in the graph', async () => {
  const [p, q] = [pack('p'), pack('q')];
  const b = new GraphBuilder();
  const half = b.cast(b.weight(p.spans.get('f16')!, [3], 'f16'), 'f32');
  b.output('y', b.add(b.weight(q.spans.get('f32')!, [2, 3], 'f32'), half));
  const files = new Map([
    ['p', { size: p.bytes.length, asBlobOrBytes: async () => p.bytes }],
    ['q', { size: q.bytes.length, asBlobOrBytes: async () => q.bytes }],
  ]);
  const { y } = await runFinished(b.finish(), {}, files);
  const want = [1.5 + 1, -2 - 2, 3e-9 + 2 ** -24, 4e9 + 1, -2, 7 + 2 ** -24];
  expect(y!.data).toEqual(Float32Array.from(want));
});
