/** A new picture from a prompt, in one or more learned styles. */
import { throwIfCancelled } from '../errors';
import { requireStrength, styleGuidance } from '../diffusion/guidance';
import { baseFault, requireFinite, requireLatents } from '../diffusion/finite';
import { SAMPLERS } from '../diffusion/samplers/samplers';
import type { DeviceTensor } from '../runtime/device-tensor';
import { Random } from '../tensor/random';
import { sizeOf } from '../tensor/shape';
import { f32, zeros } from '../tensor/tensor';
import { chooseMatte, tensorToImage } from '../image/canvas';
import { IMAGINE_DEFAULTS, LCM_IMAGINE_DEFAULTS, PAPER_IMAGINE_DEFAULTS } from '../defaults';
import { isXl, workingSize } from '../diffusion/model';
import type { Image } from '../image/image';
import { filterImage } from '../filter/filter';
import type { Hooks, ImagineRequest } from '../requests';
import { loadStyles, readStyles } from './styles';
import type { Pipeline } from '../pipeline';

/**
 * Samples a square picture, of the net's native size unless told otherwise. Styles act below the start timestep, so that
 * the layout is the base model's own (Pair Customization, section 3.3).
 *
 * @throws InputError for settings or styles that do not serve; CancelledError when the signal fires.
 */
export async function imagine(pipeline: Pipeline, request: ImagineRequest, hooks: Hooks = {}): Promise<Image> {
  const { model, denoiser, autoencoder, runtime } = pipeline;
  // A guidance-distilled net takes the scale as a condition, and no second evaluation.
  const distilled = model.unet.config.guidanceWidth !== null;
  const defaults = distilled ? LCM_IMAGINE_DEFAULTS : isXl(model) ? PAPER_IMAGINE_DEFAULTS : IMAGINE_DEFAULTS;
  const { guidanceScale, steps, start, seed } = { ...defaults, ...request };
  for (const { strength } of request.styles) requireStrength(strength);
  const plan = SAMPLERS[model.schedule.preferredSampler](model.schedule, steps);
  const styles = await loadStyles(pipeline, await readStyles(pipeline, request.styles, request.force), request.prompt);
  if (styles.warning) hooks.onProgress?.({ phase: 'load', step: 1, steps: 1, warning: styles.warning });
  const size = workingSize(model, request.size);
  const shape = autoencoder.latentShape(size, size);
  const random = new Random(seed);
  const noise = random.normals(sizeOf(shape)).map((value) => value * plan.initialNoiseScale);
  let sample = await runtime.upload(f32(noise, shape));
  let previous: DeviceTensor | undefined;
  try {
    for (const [i, step] of plan.steps.entries()) {
      throwIfCancelled(hooks.signal);
      const active = step.timestep <= start * model.schedule.trainTimesteps;
      const rows = styleGuidance(styles.prompt, styles.guiding, distilled ? 1 : guidanceScale, active);
      const fresh = step.next.noise ? f32(random.normals(sizeOf(shape)), shape) : undefined;
      const options = { guidance: guidanceScale, ...(fresh && { noise: fresh }) };
      const { next, denoised } = await denoiser.step(
        sample,
        previous ?? zeros(shape),
        step,
        rows,
        styles.adapters,
        options,
      );
      sample.dispose();
      previous?.dispose();
      sample = next;
      previous = denoised;
      hooks.onProgress?.({ phase: 'restyle', step: i + 1, steps: plan.steps.length });
    }
    await requireLatents(denoiser, model, sample, f32(noise, shape), styles.names);
    const decoded = requireFinite(await autoencoder.decode(sample), () => baseFault(model, 'VAE'));
    const picture = tensorToImage(decoded);
    return filterImage(picture, styles.filters, chooseMatte([picture]));
  } finally {
    sample.dispose();
    previous?.dispose();
    denoiser.unload(styles.adapters);
  }
}
