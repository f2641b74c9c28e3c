/** The emitted ModelProto itself: what is shared, what is left out, how weights are referred to. */
import { fromBinary } from '@bufbuild/protobuf';
import { GraphBuilder } from '../../engine/graph/builder';
import type { Graph } from '../../engine/graph/graph';
import { emitModel, type EmitOptions } from '../../engine/onnx/emit';
import { ModelProtoSchema, TensorProto_DataLocation as DataLocation } from '../../engine/onnx/generated/onnx_pb';
import { f32 } from '../../engine/tensor/tensor';
import { wave } from '../support/reference';

function build(make: (b: GraphBuilder) => void): Graph {
  const b = new GraphBuilder();
  make(b);
  return b.finish();
}

/** The nodes as text, and the initializers. */
function emitted(graph: Graph, options?: EmitOptions) {
  const { graph: model } = fromBinary(ModelProtoSchema, emitModel(graph, options).bytes);
  return {
    nodes: model!.node.map((n) => `${n.output.join(',')} = ${n.opType}(${n.input.join(',')})`),
    kinds: model!.node.map((n) => n.opType).filter((kind) => kind !== 'Identity'),
    initializers: model!.initializer,
    inputs: model!.input.map((v) => v.name),
    outputs: model!.output.map((v) => v.name),
  };
}

test('inputs and outputs may share names, and an unused input stays', () => {
  const model = emitted(
    build((b) => {
      b.input('unused', [1]);
      const x = b.input('x', [2]);
      b.output('x', b.neg(x));
      b.output('same', x);
    }),
  );
  expect(model.inputs).toEqual(['in/unused', 'in/x']);
  expect(model.outputs).toEqual(['out/x', 'out/same']);
  expect(model.nodes).toMatchInlineSnapshot(`
    [
      "out/x = Neg(in/x)",
      "out/same = Identity(in/x)",
    ]
  `);
});

test('equal shapes, scalars and weights are written once', () => {
  const span = { file: 'a.safetensors', name: 'w', offset: 8, length: 24 };
  const model = emitted(
    build((b) => {
      const x = b.input('x', [6]);
      const [p, q] = [b.weight(span, [2, 3], 'f32'), b.weight({ ...span }, [2, 3], 'f32')];
      b.output('y', b.add(b.add(b.reshape(x, [2, 3]), p), b.add(b.reshape(b.neg(x), [2, 3]), q)));
      b.output('z', b.clip(b.clip(x, 0, 1), 0, 2));
    }),
  );
  // One shape, one weight, and the bounds 0, 1 and 2.
  expect(model.initializers).toHaveLength(5);
});

test('one span read as two shapes is two initializers', () => {
  const span = { file: 'a.safetensors', name: 'w', offset: 0, length: 24 };
  const model = emitted(
    build((b) => b.output('y', b.matmul(b.weight(span, [2, 3], 'f32'), b.weight(span, [3, 2], 'f32')))),
  );
  expect(model.initializers).toHaveLength(2);
});

test('a weight is external data; its file is listed once', () => {
  const graph = build((b) => {
    const a = b.weight({ file: 'unet/x.safetensors', name: 'a', offset: 11, length: 8 }, [2], 'f32');
    const c = b.weight({ file: 'unet/x.safetensors', name: 'c', offset: 19, length: 4 }, [2], 'f16');
    b.output('y', b.add(a, b.cast(c, 'f32')));
  });
  expect(emitModel(graph).weightFiles).toEqual(['unet/x.safetensors']);
  const [, a] = emitted(graph).initializers;
  expect(a!.dataLocation).toBe(DataLocation.EXTERNAL);
  expect(Object.fromEntries(a!.externalData.map((e) => [e.key, e.value]))).toEqual({
    location: 'unet/x.safetensors',
    offset: '11',
    length: '8',
  });
});

test('a linear layer never transposes its weight', () => {
  const linear = (shape: number[]): string[] =>
    emitted(build((b) => b.output('y', b.linear(b.input('x', shape), b.input('w', [5, 3]))))).kinds;
  expect(linear([2, 3])).toEqual(['Gemm']);
  expect(linear([2, 4, 3])).toEqual(['Reshape', 'Gemm', 'Reshape']);
});

test('outputs that nobody uses are left out', () => {
  const model = emitted(build((b) => b.output('y', b.layerNorm(b.input('x', [2, 3]), b.ones(3), undefined, 1e-5))));
  expect(model.nodes[0]).toBe('out/y = LayerNormalization(in/x,t0)');
});

test('stopGradient leaves no node', () => {
  const model = emitted(build((b) => b.output('y', b.neg(b.stopGradient(b.input('x', [2]))))));
  expect(model.kinds).toEqual(['Neg']);
});

test('nearest resize: Resize for powers of two, Gather otherwise', () => {
  const resize = (from: number, to: number): string[] =>
    emitted(build((b) => b.output('y', b.resizeNearest(b.input('x', [1, 1, from, from]), [to, to])))).kinds;
  expect(resize(4, 8)).toEqual(['Resize']);
  expect(resize(8, 15)).toEqual(['Gather', 'Gather']);
  expect(resize(8, 4)).toEqual(['Gather', 'Gather']);
});

test('a transposed convolution is flipped only when asked, at stride 1, with a frozen weight and channels enough', () => {
  const kinds = (channels: number, frozen: boolean, stride: 1 | 2, options?: EmitOptions): string[] => {
    const weight = [2, channels, 3, 3];
    const graph = build((b) => {
      const w = frozen ? b.constant(wave(weight)) : b.input('w', weight);
      b.output('y', b.convTranspose(b.input('x', [1, 2, 4, 4]), w, { strides: [stride, stride] }));
    });
    return emitted(graph, options).kinds;
  };
  const flip = { flipConvTranspose: true };
  expect(kinds(8, true, 1, flip)).toEqual(['Slice', 'Transpose', 'Conv']);
  expect(kinds(8, true, 1)).toEqual(['ConvTranspose']);
  expect(kinds(8, false, 1, flip)).toEqual(['ConvTranspose']);
  expect(kinds(8, true, 2, flip)).toEqual(['ConvTranspose']);
  expect(kinds(7, true, 1, flip)).toEqual(['ConvTranspose']);
});

test('a constant that is a view into a larger buffer is written alone', () => {
  const buffer = Float32Array.of(9, 1, 2, 9);
  const model = emitted(build((b) => b.output('y', b.constant(f32(buffer.subarray(1, 3), [2])))));
  expect(model.initializers[0]!.rawData).toEqual(new Uint8Array(Float32Array.of(1, 2).buffer));
});
