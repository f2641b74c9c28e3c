/** One learning step and one guided step of a model on any backend, for browser.mjs. */
import { styleGuidance } from '../../engine/diffusion/guidance';
import { openModel } from '../../engine/diffusion/model';
import { downShape, packedSize, upShape } from '../../engine/lora/packing';
import { attentionTargets } from '../../engine/lora/target-modules';
import { makeRecipe } from '../../engine/learn/recipe';
import { Trainer } from '../../engine/learn/trainer';
import { openPipeline } from '../../engine/pipeline';
import type { Backend, DeviceOptions } from '../../engine/runtime/backend';
import { openRuntime } from '../../engine/runtime/runtime';
import { Random } from '../../engine/tensor/random';
import { sizeOf, type Shape } from '../../engine/tensor/shape';
import { f32, zeros, type HostTensor } from '../../engine/tensor/tensor';
import type { ModelFolder } from '../../engine/weights/folder';

export type Job = 'train' | 'guided';
const PROMPT = 'a red apple';
const TIMESTEP = 500;

/** Opens a model and returns a function that runs a job some times and resolves with the wall time of each, ms. */
export async function openSteps(folder: ModelFolder, backend: Backend, options: DeviceOptions, rank: number) {
  const model = await openModel(folder);
  const pipeline = openPipeline(model, await openRuntime(backend, options));
  const { runtime, denoiser, programs, text } = pipeline;
  const targets = attentionTargets(denoiser.targets);
  const { inChannels, sampleSize } = model.unet.config;
  const shape: Shape = [1, inChannels, sampleSize, sampleSize];
  const random = new Random(1);
  const normals = (of: Shape): HostTensor<'f32'> => f32(random.normals(sizeOf(of)), of);

  const recipe = makeRecipe({ before: NONE, after: NONE, prompt: PROMPT, style: 'test', rank, contentSteps: 0 });
  const contexts = { base: await text.embed([PROMPT]), style: await text.embed([recipe.stylePrompt]) };
  const pairs = [{ before: normals(shape), after: normals(shape) }];
  const trainer = new Trainer(model, runtime, programs, targets, recipe, { pairs, contexts });
  const phase = recipe.phases.at(-1)!;
  let n = 0;
  const train = async (): Promise<void> => {
    await trainer.step(phase, n, trainer.draw(n++, phase));
  };

  const adapters = await denoiser.load({
    targets,
    ranks: [rank],
    down: normals([packedSize(targets, downShape(rank))]).data,
    up: zeros([packedSize(targets, upShape(rank))]).data,
  });
  const rows = styleGuidance(PROMPT, [{ prompt: recipe.stylePrompt, strength: 1 }], 1);
  const [path, output] = [await runtime.upload(normals(shape)), await runtime.upload(normals(shape))];
  const guided = async (): Promise<void> => {
    const move = { sample: 0.5, output: -0.1 };
    const next = await denoiser.deviate(path, output, zeros(shape), TIMESTEP, move, rows, adapters);
    await next.read();
    next.dispose();
  };

  const jobs: Record<Job, () => Promise<void>> = { train, guided };
  const run = async (job: Job, count: number): Promise<number[]> => {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      await jobs[job]();
      times.push(performance.now() - start);
    }
    return times;
  };
  return { run, device: runtime.device };
}

const NONE = { width: 0, height: 0, data: new Uint8ClampedArray(0) };
