/** The runtime's lifecycle on onnxruntime-node: feeding, chaining, disposing, the memory account, and refusals. */
import { GraphBuilder } from '../../engine/graph/builder';
import { GraphError, type Graph } from '../../engine/graph/graph';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { openRuntime, type Runtime } from '../../engine/runtime/runtime';
import { f32, i64, type HostTensor } from '../../engine/tensor/tensor';

let runtime: Runtime;
beforeEach(async () => {
  runtime = await openRuntime(nodeBackend, { threads: 1 });
});
afterEach(() => runtime.dispose());

/** next = x * 2 + bias, with the bias in a weight file of three floats. */
function doubling(): Graph {
  const b = new GraphBuilder();
  const bias = b.weight({ file: 'w', name: 'bias', offset: 4, length: 8 }, [2], 'f32');
  b.output('x', b.add(b.mul(b.input('x', [2]), 2), bias));
  return b.finish();
}

function weightFile(...floats: number[]) {
  let reads = 0;
  const bytes = new Uint8Array(Float32Array.from(floats).buffer);
  const file = {
    size: bytes.length,
    asBlobOrBytes: async () => {
      reads++;
      return bytes;
    },
  };
  return { file, files: new Map([['w', file]]), reads: () => reads };
}

const values = (tensor: HostTensor): number[] => Array.from(tensor.data, Number);

test('the device says what it is', () => {
  expect(runtime.device).toMatchObject({ kind: 'cpu', threads: 1, f16: false });
  expect(runtime.device.name).not.toBe('');
});

test('a program says what it takes and returns', async () => {
  const program = await runtime.compile(doubling(), weightFile(9, 1, 10).files);
  expect([...program.inputs.keys()]).toEqual(['x']);
  expect(program.outputs.get('x')).toMatchObject({ dtype: 'f32', shape: [2] });
});

test('outputs are fed back as inputs, step after step', async () => {
  const program = await runtime.compile(doubling(), weightFile(9, 1, 10).files);
  let x = await runtime.upload(f32([1, 2], [2]));
  for (let step = 0; step < 3; step++) {
    const { x: next } = await program.run({ x });
    x.dispose();
    x = next!;
  }
  expect(values(await x.read())).toEqual([8 + 7, 16 + 70]);
});

test('one tensor may be fed to two inputs, and host tensors are fed directly', async () => {
  const b = new GraphBuilder();
  b.output('y', b.gather(b.add(b.input('p', [3]), b.input('q', [3])), b.input('ids', [2], 'i64')));
  const program = await runtime.compile(b.finish());
  const p = await runtime.upload(f32([1, 2, 3], [3]));
  const { y } = await program.run({ p, q: p, ids: i64([2, 0], [2]) });
  expect(values(await y!.read())).toEqual([6, 2]);
});

test('an upload is a copy, and so is every read', async () => {
  const data = Float32Array.of(1, 2);
  const tensor = await runtime.upload(f32(data, [2]));
  data[0] = 9;
  const first = await tensor.read();
  first.data[1] = 9;
  expect(values(await tensor.read())).toEqual([1, 2]);
});

test('an output that is the input itself outlives the input', async () => {
  const b = new GraphBuilder();
  b.output('y', b.input('x', [2]));
  const program = await runtime.compile(b.finish());
  const x = await runtime.upload(f32([1, 2], [2]));
  const { y } = await program.run({ x });
  x.dispose();
  expect(values(await y!.read())).toEqual([1, 2]);
});

test('outputs outlive their program', async () => {
  const program = await runtime.compile(doubling(), weightFile(9, 1, 10).files);
  const { x } = await program.run({ x: f32([1, 2], [2]) });
  program.dispose();
  expect(values(await x!.read())).toEqual([3, 14]);
});

test('runs asked for at once wait for each other', async () => {
  const program = await runtime.compile(doubling(), weightFile(9, 1, 10).files);
  const runs = Array.from({ length: 8 }, (_, i) => program.run({ x: f32([i, 0], [2]) }));
  const results = await Promise.all((await Promise.all(runs)).map(({ x }) => x!.read()));
  expect(results.map((x) => values(x)[0])).toEqual([1, 3, 5, 7, 9, 11, 13, 15]);
});

test('a tensor disposed after a run was asked for is still there for it', async () => {
  const program = await runtime.compile(doubling(), weightFile(9, 1, 10).files);
  const x = await runtime.upload(f32([1, 2], [2]));
  const run = program.run({ x });
  x.dispose();
  program.dispose();
  const { x: next } = await run;
  expect(values(await next!.read())).toEqual([3, 14]);
});

test.each<[string, Record<string, HostTensor>]>([
  ['program step: input x is f32[2], got f32[3]', { x: f32([1, 2, 3], [3]) }],
  ['program step: input x is f32[2], got f32[1, 2]', { x: f32([1, 2], [1, 2]) }],
  ['program step: input x is f32[2], got i64[2]', { x: i64([1, 2], [2]) }],
  ['program step: input x is not fed', {}],
  ['program step: has no input y; its inputs are x', { x: f32([1, 2], [2]), y: f32([1], [1]) }],
])('%s', async (message, feeds) => {
  const program = await runtime.compile(doubling(), weightFile(9, 1, 10).files, { name: 'step' });
  await expect(program.run(feeds)).rejects.toThrow(new GraphError(message));
});

test('weights that are missing, cut short or of another size are refused', async () => {
  await expect(runtime.compile(doubling())).rejects.toThrow('weight file w is not mounted; mounted: none');
  const short = weightFile(1, 2);
  await expect(runtime.compile(doubling(), short.files)).rejects.toThrow(
    'weight bias ends at byte 12 of w, which has 8',
  );
  const b = new GraphBuilder();
  b.output('y', b.weight({ file: 'w', name: 'bias', offset: 0, length: 12 }, [2], 'f32'));
  const wrong = runtime.compile(b.finish(), weightFile(1, 2, 3).files);
  await expect(wrong).rejects.toThrow(new GraphError('weight bias needs 8 bytes, its span in w has 12'));
});

test('a file is read once for all programs, and again when its bytes were forgotten', async () => {
  const { files, reads } = weightFile(9, 1, 10);
  await runtime.compile(doubling(), files);
  await runtime.compile(doubling(), files);
  expect(reads()).toBe(1);
  expect(runtime.memory().files).toBe(12);
  runtime.forgetFiles();
  expect(runtime.memory().files).toBe(0);
  await runtime.compile(doubling(), files);
  expect(reads()).toBe(2);
});

test('a file that could not be read is tried again', async () => {
  const { file } = weightFile(9, 1, 10);
  let failures = 1;
  const flaky = {
    size: file.size,
    asBlobOrBytes: async () => {
      if (failures-- > 0) throw new Error('offline');
      return file.asBlobOrBytes();
    },
  };
  const files = new Map([['w', flaky]]);
  await expect(runtime.compile(doubling(), files)).rejects.toThrow('offline');
  await expect(runtime.compile(doubling(), files)).resolves.toBeDefined();
});

test('the memory account returns to its level', async () => {
  const { files } = weightFile(9, 1, 10);
  const program = await runtime.compile(doubling(), files);
  // The bias, and the scalar 2.
  const level = { files: 12, programs: 12, tensors: 0 };
  expect(runtime.memory()).toMatchObject(level);
  const x = await runtime.upload(f32([1, 2], [2]));
  const { x: next } = await program.run({ x });
  expect(runtime.memory()).toMatchObject({ ...level, tensors: 16 });
  x.dispose();
  x.dispose();
  next!.dispose();
  expect(runtime.memory()).toMatchObject({ ...level, peak: 40 });
  program.dispose();
  program.dispose();
  await (await runtime.upload(f32([1], []))).read();
  expect(runtime.memory()).toMatchObject({ files: 12, programs: 0, tensors: 4 });
  await runtime.dispose();
  expect(runtime.memory()).toMatchObject({ files: 0, programs: 0, tensors: 0 });
});

test('what was disposed is not used', async () => {
  const program = await runtime.compile(doubling(), weightFile(9, 1, 10).files, { name: 'step' });
  const x = await runtime.upload(f32([1, 2], [2]));
  x.dispose();
  expect(x.disposed).toBe(true);
  await expect(x.read()).rejects.toThrow('a f32[2] tensor is used after it was disposed');
  await expect(program.run({ x })).rejects.toThrow('a f32[2] tensor is used after it was disposed');
  program.dispose();
  await expect(program.run({ x: f32([1, 2], [2]) })).rejects.toThrow('program step is used after it was disposed');
  await runtime.dispose();
  await runtime.dispose();
  await expect(runtime.compile(doubling())).rejects.toThrow('the runtime is used after it was disposed');
  await expect(runtime.upload(f32([1], []))).rejects.toThrow('the runtime is used after it was disposed');
});

test('a tensor of another runtime is refused', async () => {
  const other = await openRuntime(nodeBackend, { threads: 1 });
  const program = await runtime.compile(doubling(), weightFile(9, 1, 10).files);
  const x = await other.upload(f32([1, 2], [2]));
  await expect(program.run({ x })).rejects.toThrow('a f32[2] tensor of one runtime is used in another');
  await other.dispose();
});

test('computing a value twice on purpose gives the same', async () => {
  const b = new GraphBuilder();
  const x = b.input('x', [2]);
  b.output('y', b.add(b.exp(x), b.exp(x)));
  const program = await runtime.compile(b.finish(), undefined, { recompute: true });
  const { y } = await program.run({ x: f32([0, 0], [2]) });
  expect(values(await y!.read())).toEqual([2, 2]);
});

test('wasm is for browsers', async () => {
  await expect(openRuntime(nodeBackend, { device: 'wasm' })).rejects.toThrow(
    'device wasm is for browsers; use cpu here',
  );
});
