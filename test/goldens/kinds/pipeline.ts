/** Golden cases of a whole model folder: from the prompt to the picture. */
import { join } from 'node:path';
import { styleGuidance } from '../../../engine/diffusion/guidance';
import { NO_ADAPTERS } from '../../../engine/diffusion/denoiser';
import { openModel } from '../../../engine/diffusion/model';
import { SAMPLERS } from '../../../engine/diffusion/samplers/samplers';
import { openPipeline } from '../../../engine/pipeline';
import type { DeviceTensor } from '../../../engine/runtime/device-tensor';
import { f32, zeros, type HostTensor } from '../../../engine/tensor/tensor';
import { nodeFolder } from '../../../engine/weights/node-folder';
import { input, withRuntime, type GoldenCase } from '../case';

interface Parameters {
  readonly prompt: string;
  readonly guidance_scale: number;
  readonly steps: number;
}

export async function runPipeline(golden: GoldenCase): Promise<Map<string, HostTensor>> {
  const file = golden.json['model'];
  const model = await openModel(file === undefined ? golden.folder : await nodeFolder(join(golden.dir, String(file))));
  const { prompt, guidance_scale: scale, steps } = golden.parameters as unknown as Parameters;
  return withRuntime(async (runtime) => {
    const { text, denoiser, autoencoder } = openPipeline(model, runtime);
    const results = new Map<string, HostTensor>();
    for (const [suffix, asked] of [
      ['', prompt],
      ['_null', null],
    ] as const) {
      const { context, pooled } = await text.embed([asked]);
      results.set(`context${suffix}`, context);
      if (pooled) results.set(`pooled${suffix}`, pooled);
    }
    const plan = SAMPLERS[model.schedule.preferredSampler](model.schedule, steps);
    const { shape, data } = input(golden, 'latents');
    let sample = await runtime.upload(
      f32(
        data.map((x) => x * plan.initialNoiseScale),
        shape,
      ),
    );
    let previous: DeviceTensor | HostTensor = zeros(shape);
    const distilled = model.unet.config.guidanceWidth !== null;
    for (const [i, step] of plan.steps.entries()) {
      const rows = styleGuidance(prompt, [], distilled ? 1 : scale);
      const options = { guidance: scale, ...(step.next.noise && { noise: input(golden, `noise.${i}`) }) };
      const { next, denoised } = await denoiser.step(sample, previous, step, rows, NO_ADAPTERS, options);
      [sample, previous] = [next, denoised];
    }
    results.set('latents', await sample.read());
    results.set('image', await autoencoder.decode(sample));
    return results;
  });
}
