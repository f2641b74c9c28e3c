/** How a large model trains: in parts, down-projections shared, AdamW group by group. The numbers are a small one's. */
import { TINY_MODEL } from '../support/tiny-engine';
import { openModel, type DiffusionModel } from '../../engine/diffusion/model';
import { makeRecipe } from '../../engine/learn/recipe';
import { Trainer, type TrainerState } from '../../engine/learn/trainer';
import { attentionTargets } from '../../engine/lora/target-modules';
import { openPipeline } from '../../engine/pipeline';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { openRuntime, type Runtime } from '../../engine/runtime/runtime';
import { Random } from '../../engine/tensor/random';
import { sizeOf, type Shape } from '../../engine/tensor/shape';
import { f32, type HostTensor } from '../../engine/tensor/tensor';
import { nodeFolder } from '../../engine/weights/node-folder';
import type { ByteSource } from '../../engine/weights/source';

const EMPTY = { width: 0, height: 0, data: new Uint8ClampedArray(0) };
/** A file that nothing refers to, as large as a large model's. */
const BALLAST: ByteSource = {
  name: 'ballast',
  size: 2 ** 30,
  read: () => Promise.reject(new Error('read')),
  asBlobOrBytes: () => Promise.reject(new Error('read')),
};

let model: DiffusionModel;
let runtime: Runtime;
beforeAll(async () => {
  model = await openModel(await nodeFolder(TINY_MODEL));
  runtime = await openRuntime(nodeBackend, { threads: 1 });
});
afterAll(() => runtime.dispose());

const normal = (shape: Shape, seed: number): HostTensor<'f32'> => f32(new Random(seed).normals(sizeOf(shape)), shape);

interface Run {
  readonly state: TrainerState;
  readonly losses: readonly number[];
  /** Bytes on the device that a step leaves behind, besides the state. */
  readonly left: number;
}

/** A content step and two joint ones, the last after the state has been read and restored. */
async function train(trained: DiffusionModel, keep: 'products' | 'nothing', groupSize?: number): Promise<Run> {
  const before = runtime.memory().tensors;
  const pipeline = openPipeline(trained, runtime);
  pipeline.programs.keep = keep;
  const latents: Shape = [1, 4, 8, 8];
  const context = (seed: number): { context: HostTensor<'f32'>; pooled: null } => ({
    context: normal([1, 5, trained.unet.config.crossAttentionDim], seed),
    pooled: null,
  });
  const recipe = makeRecipe({ before: EMPTY, after: EMPTY, prompt: '', style: '', rank: 2, mode: 'paper' });
  const make = (): Trainer =>
    new Trainer(
      trained,
      runtime,
      pipeline.programs,
      attentionTargets(pipeline.denoiser.targets),
      recipe,
      {
        pairs: [{ before: normal(latents, 1), after: normal(latents, 2) }],
        contexts: { base: context(3), style: context(4) },
      },
      groupSize,
    );
  const losses: number[] = [];
  const step = async (trainer: Trainer, n: number): Promise<void> => {
    const phase = recipe.phases[n === 0 ? 0 : 1]!;
    const draw = { timestep: 300 + n, noise: normal(latents, 5 + n), share: 1, pair: 0 };
    const result = await trainer.step(phase, n, draw, 0.01);
    expect(result.sound).toBe(true);
    losses.push(...result.losses);
  };
  const first = make();
  await step(first, 0);
  await step(first, 1);
  const middle = await first.read();
  first.dispose();
  const second = make();
  await second.restore(middle);
  await step(second, 2);
  const state = await second.read();
  second.dispose();
  pipeline.programs.dispose();
  return { state, losses, left: runtime.memory().tensors - before };
}

test.each(['products', 'nothing'] as const)('keeping %s, in groups of any size', async (keep) => {
  const large: DiffusionModel = { ...model, files: new Map([...model.files, ['ballast', BALLAST]]) };
  expect(openPipeline(large, runtime).programs.lean).toBe(true);
  const [expected, got] = [await train(model, 'products'), await train(large, keep, 40)];
  expect(got.left).toBe(0);
  expect(expected.left).toBe(0);
  got.losses.forEach((loss, i) => expect(loss).toBeCloseTo(expected.losses[i]!, 5));
  for (const name of ['content', 'style'] as const) {
    const [wanted, made] = [expected.state[name]!, got.state[name]!];
    expect(made.updates).toBe(name === 'content' ? 3 : 2);
    expect(made.updates).toBe(wanted.updates);
    wanted.tensors.forEach(({ data, shape }, i) => {
      expect(made.tensors[i]!.shape).toEqual(shape);
      const norm = (x: Float32Array): number => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
      const error = norm(data.map((x, k) => x - made.tensors[i]!.data[k]!)) / norm(data);
      // AdamW divides by the root of the second moment, so that the smallest gradients' rounding shows in full.
      expect([name, i, error < (i === 0 ? 1e-2 : 1e-4), error]).toEqual([name, i, true, error]);
    });
  }
});
