/** Memory is asked for before anything is loaded: what is needed, what there is, and what would fit. */
import { TINY_MODEL } from '../support/tiny-engine';
import { openModel, type DiffusionModel } from '../../engine/diffusion/model';
import { memoryNeeded, requireMemory, type Job } from '../../engine/preflight';
import type { Runtime } from '../../engine/runtime/runtime';
import { nodeFolder } from '../../engine/weights/node-folder';

const JOB: Job = { kind: 'learn', size: 256, rank: 4 };
let model: DiffusionModel;
beforeAll(async () => {
  model = { ...(await openModel(await nodeFolder(TINY_MODEL))), name: 'a model' };
});

const free = (bytes: number) => ({ availableMemory: () => bytes }) as Runtime;
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
    /^to learn with a model at 256 px takes about 0\.\d GiB of memory, and 0\.\d GiB are free; use --size 192, or close/,
  );
  expect(() => requireMemory(large(), free(1), JOB)).toThrow(/; close other programs, or use a smaller model$/);
  // Small models, and devices that do not know, are not asked.
  expect(() => requireMemory(model, free(1), JOB)).not.toThrow();
  expect(() => requireMemory(large(), { availableMemory: () => undefined } as Runtime, JOB)).not.toThrow();
});
