/** Memory is asked for before anything is loaded: what is needed, what there is, and what would fit. */
import { TINY_MODEL } from '../support/tiny-engine';
import { describeInEightBit } from '../../engine/diffusion/eight-bit';
import { describeModel, openModel, type DiffusionModel } from '../../engine/diffusion/model';
import { memoryNeeded, requireMemory, trainingKeep, usualNeeds, type Job } from '../../engine/preflight';
import type { Runtime } from '../../engine/runtime/runtime';
import type { ModelFolder } from '../../engine/weights/folder';
import { nodeFolder } from '../../engine/weights/node-folder';

const JOB: Job = { kind: 'learn', size: 256, rank: 4 };
let model: DiffusionModel;
beforeAll(async () => {
  model = { ...(await openModel(await nodeFolder(TINY_MODEL))), name: 'a model' };
});

const free = (bytes: number, kind = 'cpu') => ({ availableMemory: () => bytes, device: { kind } }) as Runtime;
/** The same nets with a file as large as a large model's. */
const large = (): DiffusionModel => ({ ...model, files: new Map([['weights', { size: 2 ** 30 } as never]]) });

test('more pixels and more styles take more', () => {
  const needed = (job: Partial<Job>): number => memoryNeeded(model, { ...JOB, ...job } as Job);
  expect(needed({ size: 512 })).toBeGreaterThan(needed({}) * 1.2);
  const restyle = (rows: number) => needed({ kind: 'restyle', size: 512, rows } as Job);
  expect(restyle(5)).toBeGreaterThan(restyle(2));
});

test('a large model that does not fit is refused, with the size that fits', () => {
  const needed = memoryNeeded(model, JOB);
  expect(() => requireMemory(large(), free(needed), JOB)).not.toThrow();
  expect(() => requireMemory(large(), free(needed - 1), JOB)).toThrow(
    /^to learn with a model at 256 px takes about 0\.\d GiB of memory, and 0\.\d GiB are free; use --weights 8-bit, use --size 192, or close other programs$/,
  );
  const inEightBit = describeInEightBit(large());
  expect(memoryNeeded(inEightBit, JOB)).toBeLessThan(needed);
  expect(() => requireMemory(inEightBit, free(memoryNeeded(inEightBit, JOB) - 1), JOB)).toThrow(
    /are free; use --size 192, or close other programs$/,
  );
  expect(() => requireMemory(large(), free(1), JOB)).toThrow(/; close other programs, or use a smaller model$/);
  // Small models, and devices that do not know, are not asked.
  expect(() => requireMemory(model, free(1), JOB)).not.toThrow();
  expect(() => requireMemory(large(), { availableMemory: () => undefined } as Runtime, JOB)).not.toThrow();
});

test('steps keep products where the memory does, and nothing where it is short or not known', () => {
  const { size, rank } = JOB;
  const needed = memoryNeeded(model, JOB);
  expect(trainingKeep(large(), free(needed), { size, rank })).toBe('products');
  expect(trainingKeep(large(), free(needed - 1), { size, rank })).toBe('nothing');
  const gpu = { availableMemory: () => undefined, device: { kind: 'webgpu' } } as Runtime;
  expect(trainingKeep(large(), gpu, { size, rank })).toBe('nothing');
  expect(trainingKeep(model, gpu, { size, rank })).toBe('products');
  const known = (sharesWeights: boolean) => ({ ...free(needed, 'webgpu'), sharesWeights }) as Runtime;
  expect(trainingKeep(large(), known(true), { size, rank })).toBe('products');
  expect(trainingKeep(large(), known(false), { size, rank })).toBe('nothing');
});

test('where programs do not share their files, a training step holds most weights twice', () => {
  const job = { ...JOB, size: 64 } as const;
  const [mapped, copied] = [memoryNeeded(model, job), memoryNeeded(model, job, 'copied')];
  const { weights } = model.unet;
  const once = weights.names().reduce((sum, name) => sum + weights.get(name)!.entry.length, 0);
  expect(copied - mapped).toBeGreaterThan(0.5 * once);
  expect(copied - mapped).toBeLessThanOrEqual(once);
  expect(() => requireMemory(large(), free(mapped), job)).not.toThrow();
  expect(() => requireMemory(large(), free(mapped, 'wasm'), job)).toThrow(/WebAssembly has/);
});

test('in buffers of the GPU weights are there once, bf16 as f32', () => {
  const job = { ...JOB, size: 64 } as const;
  expect(memoryNeeded(model, job, 'shared')).toBe(memoryNeeded(model, job));
  const { weights } = model.unet;
  let stored = 0;
  const brief = (name: string): ReturnType<typeof weights.get> => {
    const { file, entry } = weights.get(name)!;
    return { file, entry: { ...entry, dtype: 'BF16', length: entry.length / 2 } };
  };
  for (const name of weights.names()) stored += brief(name)!.entry.length;
  const inBf16 = { ...model, unet: { ...model.unet, weights: { ...weights, get: brief } } };
  expect(memoryNeeded(inBf16, job, 'shared') - memoryNeeded(inBf16, job)).toBe(stored);
});

test('where WebAssembly is the limit, the message says what has more', () => {
  expect(() => requireMemory(large(), free(1, 'wasm'), JOB)).toThrow(
    /takes about 0\.\d GiB of memory, and WebAssembly has 0\.0 GiB at most; use the graphics card, or a smaller model$/,
  );
});

test('a model that is not here yet is judged by the same account, without its weights', async () => {
  const read: number[] = [];
  const folder = await nodeFolder(TINY_MODEL);
  const watched: ModelFolder = {
    ...folder,
    open: async (path, signal) => {
      const source = await folder.open(path, signal);
      if (!path.endsWith('.safetensors')) return source;
      return { ...source, read: (offset, length) => (read.push(length), source.read(offset, length)) };
    },
  };
  const needs = usualNeeds(await describeModel(watched));
  expect(needs.learn).toBe(
    memoryNeeded(model, { kind: 'learn', size: model.nativeSize, rank: 16, keep: 'nothing' }, 'shared'),
  );
  expect(needs.restyle).toBe(memoryNeeded(model, { kind: 'restyle', size: model.nativeSize, rank: 64, rows: 2 }));
  const weights = [...model.files.values()].reduce((sum, { size }) => sum + size, 0);
  expect(read.length).toBeGreaterThan(0);
  expect(read.reduce((sum, length) => sum + length, 0)).toBeLessThan(weights / 4);
});
