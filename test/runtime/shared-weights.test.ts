/** Weights in buffers that programs share: the same numbers to the last bit, each buffer made once and given back. */
import { gradients } from '../../engine/autodiff/gradients';
import { GraphBuilder } from '../../engine/graph/builder';
import type { Graph } from '../../engine/graph/graph';
import { nodeBackend } from '../../engine/runtime/backend-node';
import type { Backend, WeightMemory } from '../../engine/runtime/backend';
import { toOrt } from '../../engine/runtime/convert';
import { ProgramCache } from '../../engine/runtime/program-cache';
import { openRuntime, type Runtime } from '../../engine/runtime/runtime';
import { heldBytes, type WeightFile } from '../../engine/runtime/weight-files';
import type { DType, TypedArrayOf } from '../../engine/tensor/dtype';
import { Random } from '../../engine/tensor/random';
import { f32 } from '../../engine/tensor/tensor';

/** Buffers of the process's memory in the place of a GPU's, for ONNX Runtime on the CPU. */
class HostMemory implements WeightMemory {
  readonly alive = new Set<object>();
  made = 0;
  written = 0;
  /** Writing fails beyond this many bytes. */
  limit = Infinity;
  readonly #half: DType;

  constructor(half: DType) {
    this.#half = half;
  }

  heldAs(dtype: DType): DType | undefined {
    const held: { readonly [K in DType]?: DType } = { f32: 'f32', f16: this.#half, bf16: 'f32', i8: 'u8' };
    return held[dtype];
  }

  allocate(bytes: number): ReturnType<WeightMemory['allocate']> {
    const memory = new Uint8Array(bytes);
    this.alive.add(memory);
    this.made++;
    return {
      write: async (offset, part) => {
        if ((this.written += part.length) > this.limit) throw new Error('out of memory');
        memory.set(part, offset);
      },
      tensor: (type) => {
        const { buffer } = memory;
        const views = { f32: () => new Float32Array(buffer), f16: () => new Uint16Array(buffer), u8: () => memory };
        const data = views[type.dtype as 'u8']() as TypedArrayOf<DType>;
        return toOrt(ort.Tensor, { ...type, data });
      },
      release: () => this.alive.delete(memory),
    };
  }

  settled = async (): Promise<void> => undefined;
}

let ort: Awaited<ReturnType<Backend['open']>>['ort'];
const sharing = (weights: WeightMemory): Backend => ({
  async open(options) {
    const { locate: _, ...device } = await nodeBackend.open({ ...options, threads: 1 });
    ort = device.ort;
    return { ...device, weights };
  },
});

/** A file of every kind of weight, as a Blob: 2 x 8 numbers in f16, bf16 and f32, and 8-bit blocks with scales. */
const FILE = ((): Blob => {
  const random = new Random(7);
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random.integer(256));
  // Halves and bfloats with exponents that keep numbers finite.
  const words = (mask: number, set: number): Uint16Array =>
    Uint16Array.from({ length: 16 }, () => (random.integer(65536) & mask) | set);
  const parts = [words(0x8fff, 0x3000), words(0x80ff, 0x3f00), Float32Array.from(random.normals(16)), bytes(16)];
  return new Blob([...parts, Float32Array.of(0.5, 0.01)] as BlobPart[]);
})();
const SPANS = { f16: [0, 32], bf16: [32, 32], f32: [64, 64], i8: [128, 16], scales: [144, 8] } as const;

const file: WeightFile = { size: FILE.size, asBlobOrBytes: async () => FILE };
const files: ReadonlyMap<string, WeightFile> = new Map([['net', file]]);

function weightOf(b: GraphBuilder, name: keyof typeof SPANS, shape: readonly number[], dtype: DType) {
  const [offset, length] = SPANS[name];
  return b.weight({ file: 'net', name, offset, length }, shape, dtype);
}

/** Layers with each kind of weight on top of each other, and the gradient of what comes out at the input. */
function net(factor = 1): Graph {
  const b = new GraphBuilder();
  const x = b.input('x', [3, 8]);
  const matrices = [
    b.cast(weightOf(b, 'f16', [2, 8], 'f16'), 'f32'),
    b.cast(weightOf(b, 'bf16', [2, 8], 'bf16'), 'f32'),
    weightOf(b, 'f32', [2, 8], 'f32'),
    b.dequantize(weightOf(b, 'i8', [2, 8], 'i8'), weightOf(b, 'scales', [2], 'f32')),
  ];
  const y = matrices.map((matrix) => b.linear(x, matrix)).reduce((sum, one) => b.add(b.sin(sum), one));
  b.output('y', b.mul(y, factor));
  b.output('dx', gradients(b, b.reduceSum(b.mul(y, y)), [x])[0]!);
  b.output('f32', weightOf(b, 'f32', [4, 4], 'f32'));
  return b.finish();
}

/** The same file as ONNX Runtime for Node mounts it. */
async function inBytes(): Promise<typeof files> {
  const bytes = new Uint8Array(await FILE.arrayBuffer());
  return new Map([['net', { size: FILE.size, asBlobOrBytes: async () => bytes }]]);
}

const X = f32(new Random(3).normals(24), [3, 8]);
async function results(runtime: Runtime, mounted = files): Promise<Record<string, number[]>> {
  const program = await runtime.compile(net(), mounted, { lean: true });
  const made = await program.run({ x: X });
  const read = async (name: string): Promise<number[]> => Array.from((await made[name]!.read()).data, Number);
  return { y: await read('y'), dx: await read('dx'), f32: await read('f32') };
}

let runtime: Runtime;
let memory: HostMemory;
async function open(half: DType = 'f16'): Promise<void> {
  memory = new HostMemory(half);
  runtime = await openRuntime(sharing(memory));
}
afterEach(() => runtime.dispose());

test.each(['f16', 'f32'] as const)(
  'the same numbers as from weights in the program, halves held as %s',
  async (half) => {
    const own = await openRuntime(nodeBackend, { threads: 1 });
    const expected = await results(own, await inBytes()).finally(() => own.dispose());
    expect(Math.max(...expected['dx']!.map(Math.abs))).toBeGreaterThan(1);
    await open(half);
    expect(await results(runtime)).toEqual(expected);
    // f16 as it is or widened, bf16 widened, f32, integers, scales, which integer is 0.
    const constants = heldBytes(net()) - FILE.size;
    expect(runtime.memory().programs - constants).toBe((half === 'f16' ? 32 : 64) + 64 + 64 + 16 + 8 + 2);
  },
);

test('programs take the same buffers, which the last one gives back', async () => {
  await open();
  const [first, second] = [
    await runtime.compile(net(2), files, { lean: true }),
    await runtime.compile(net(3), files, { lean: true }),
  ];
  expect([memory.made, memory.alive.size]).toEqual([6, 6]);
  const written = memory.written;
  first.dispose();
  const made = await second.run({ x: X });
  expect(memory.alive.size).toBe(6);
  for (const tensor of Object.values(made)) tensor.dispose();
  second.dispose();
  await runtime.upload(f32([0], [])).then((tensor) => tensor.dispose());
  expect(memory.alive.size).toBe(0);
  expect(memory.written).toBe(written);
  expect(runtime.memory()).toMatchObject({ programs: 0, tensors: 0 });
});

test('small models keep weights in their programs', async () => {
  await open();
  await runtime.compile(net(), await inBytes());
  expect(memory.made).toBe(0);
});

test('what was uploaded is given back when the rest does not fit, and when the runtime is disposed', async () => {
  await open();
  memory.limit = 100;
  await expect(runtime.compile(net(), files, { lean: true, name: 'step' })).rejects.toThrow(
    /^could not upload the weights of step on cpu .*: memory ran out; /,
  );
  expect([memory.made > 1, memory.alive.size, runtime.memory().programs]).toEqual([true, 0, 0]);
  memory.limit = Infinity;
  await runtime.compile(net(), files, { lean: true });
  expect(memory.alive.size).toBe(6);
  await runtime.dispose();
  expect(memory.alive.size).toBe(0);
});

test('a file that can no longer be read is named', async () => {
  await open();
  const gone = Object.assign(new Blob([new Uint8Array(FILE.size)]), {
    slice: () => ({ arrayBuffer: () => Promise.reject(new Error('changed on disk')) }),
  });
  const missing = new Map([['net', { size: FILE.size, asBlobOrBytes: async () => gone as unknown as Blob }]]);
  await expect(runtime.compile(net(), missing, { lean: true })).rejects.toThrow(
    'net: cannot be read (changed on disk); choose the file again',
  );
  expect(memory.alive.size).toBe(0);
});

test('programs of one net stay together, and one net gives way to another that takes most', async () => {
  await open();
  const SIZE = 2 ** 29;
  const large = (name: string, bytes: number): [string, WeightFile] => {
    const data = new Uint8Array(bytes);
    return [name, { size: SIZE, asBlobOrBytes: async () => data }];
  };
  const programs = new ProgramCache(runtime, new Map([large('text', 4000), large('unet', 40_000)]));
  const layer = (file: string, length: number, factor: number) => (b: GraphBuilder) => {
    const weight = b.weight({ file, name: 'w', offset: 0, length }, [length / 4], 'f32');
    b.output('y', b.reduceSum(b.mul(b.mul(weight, b.input('x', [length / 4])), factor)));
  };
  const text = await programs.get('text', layer('text', 4000, 1));
  const first = await programs.get('unet 1', layer('unet', 40_000, 2));
  const second = await programs.get('unet 2', layer('unet', 40_000, 3));
  const x = f32(new Float32Array(10_000), [10_000]);
  await first.run({ x });
  await second.run({ x });
  await expect(text.run({ x: f32(new Float32Array(1000), [1000]) })).rejects.toThrow(/used after it was disposed/);
  expect(memory.made).toBe(2);
  // The small one fits beside the weights of the large one, but not beside its work.
  const again = await programs.get('text', layer('text', 4000, 1));
  await again.run({ x: f32(new Float32Array(1000), [1000]) });
  expect(memory.made).toBe(3);
  await (await programs.get('unet 1', layer('unet', 40_000, 2))).run({ x });
  expect([memory.made, memory.alive.size]).toEqual([3, 1]);
});
