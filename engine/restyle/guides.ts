/** The second step of a restyle: how each guide finds the deviation of the styled from the original latents. */
import { readAndDispose } from '../diffusion/autoencoder';
import { scaleGuidance, styleGuidance, type GuidanceRow, type GuidingStyle } from '../diffusion/guidance';
import { invert, noisedPath, type InvertedPath } from '../diffusion/inversion';
import { consistencyPath, ddimPath } from '../diffusion/inversion-plan';
import { noisedLatents } from '../diffusion/schedule';
import { RESTYLE_DEFAULTS } from '../defaults';
import type { Pipeline } from '../pipeline';
import type { GuideMode, Hooks } from '../requests';
import type { DeviceTensor } from '../runtime/device-tensor';
import { Random, streamSeed } from '../tensor/random';
import { sizeOf } from '../tensor/shape';
import { f32, zeros } from '../tensor/tensor';
import type { EncodedPicture } from './prepare';
import type { Recent } from './recent';
import type { LoadedStyles } from './styles';
import { walkBack } from './way-back';

export interface GuideInputs {
  readonly pipeline: Pipeline;
  readonly picture: EncodedPicture;
  readonly styles: LoadedStyles;
  /** Steps each way. */
  readonly steps: number;
  /** Share of the noise schedule gone up, in (0, 1]. */
  readonly start: number;
  /** Of the noise that SDEdit and latent consistency models add. */
  readonly seed: number;
  /** Ways up walked before, so that another strength or style needs only the way back. */
  readonly inversions: Recent<InvertedPath>;
}

/** @returns the deviation, [1, C, h, w]; the caller disposes of it. */
export type Guide = (inputs: GuideInputs, hooks: Hooks) => Promise<DeviceTensor>;

export const GUIDES: Readonly<Record<GuideMode, Guide>> = {
  style: (inputs, hooks) =>
    alongInversion(inputs, styleGuidance(inputs.styles.prompt, inputs.styles.guiding, 1), hooks),
  scale: (inputs, hooks) => alongInversion(inputs, scaledRows(inputs.styles.prompt, inputs.styles.guiding), hooks),
  sdedit,
};

/** Up by inversion under the base model, and the guided way back beside that path. */
async function alongInversion(inputs: GuideInputs, rows: readonly GuidanceRow[], hooks: Hooks): Promise<DeviceTensor> {
  const { denoiser, runtime } = inputs.pipeline;
  const { path, points } = await inverted(inputs, hooks);
  const unguided = (level: number) => ({ latents: points[level]!.latents, output: points[level]!.output! });
  const nothing = await runtime.upload(zeros(points[0]!.latents.shape));
  return walkBack({ denoiser, path, unguided, rows, adapters: inputs.styles.adapters }, nothing, hooks);
}

function inverted(inputs: GuideInputs, hooks: Hooks): Promise<InvertedPath> {
  const { picture, steps, start, styles, seed } = inputs;
  const { denoiser, model, runtime } = inputs.pipeline;
  const options = {
    prompt: styles.prompt,
    signal: hooks.signal,
    onLevel: (step: number, levels: number) => hooks.onProgress?.({ phase: 'invert', step, steps: levels }),
  };
  const key = `${picture.key} ${steps} ${start} ${styles.prompt}`;
  if (model.schedule.preferredSampler === 'lcm') {
    const path = consistencyPath(model.schedule, steps, start);
    const noise = (level: number): Float32Array =>
      new Random(streamSeed(seed, level)).normals(picture.latents.data.length);
    return inputs.inversions.get(`${key} noise ${seed}`, () =>
      noisedPath(denoiser, runtime, path, picture.latents, noise, options),
    );
  }
  return inputs.inversions.get(key, async () =>
    invert(denoiser, ddimPath(model.schedule, steps, start, 'even'), await runtime.upload(picture.latents), {
      ...options,
      iterations: RESTYLE_DEFAULTS.iterations,
    }),
  );
}

/**
 * LoRA scaling. Its prompt goes from the base to the style prompt as the strength goes from 0 to 1, or strength 0 would
 * still ask for the style in words.
 */
function scaledRows(prompt: string, guiding: readonly GuidingStyle[]): GuidanceRow[] {
  const named = guiding.reduce((a, b) => (Math.abs(b.strength) > Math.abs(a.strength) ? b : a));
  const share = Math.min(1, Math.abs(named.strength));
  const rows = [
    ...scaleGuidance(prompt, guiding).map((row) => ({ ...row, weight: 1 - share })),
    ...scaleGuidance(named.prompt, guiding).map((row) => ({ ...row, weight: share })),
  ];
  return rows.filter(({ weight }) => weight !== 0);
}

/** SDEdit (Meng et al., arXiv 2108.01073): noise up to a level that the strength sets, then denoise with the style. */
async function sdedit(inputs: GuideInputs, hooks: Hooks): Promise<DeviceTensor> {
  const { pipeline, picture, styles, steps, start, seed } = inputs;
  const { denoiser, model, runtime } = pipeline;
  const strengths = styles.guiding.map(({ strength }) => Math.abs(strength));
  const path = ddimPath(model.schedule, steps, Math.min(1, start * Math.max(...strengths)), 'even');
  const { shape, data } = picture.latents;
  const top = path.levels.length - 1;
  const nothing = zeros(shape);
  if (top === 0) return runtime.upload(nothing);
  const random = new Random(seed);
  const { latents, noise } = noisedLatents(model.schedule, path.levels[top]!.timestep);
  const noised = Float32Array.from({ length: sizeOf(shape) }, (_, i) => latents * data[i]! + noise * random.normal());
  const rows = scaleGuidance(
    styles.guiding[0]!.prompt,
    styles.guiding.map((style) => ({ ...style, strength: Math.sign(style.strength) })),
  );
  // Beside a path of zeros the deviation is the sample itself.
  const unguided = () => ({ latents: nothing, output: nothing });
  const way = { denoiser, path, unguided, rows, adapters: styles.adapters };
  const result = await readAndDispose(await walkBack(way, await runtime.upload(f32(noised, shape)), hooks));
  return runtime.upload(
    f32(
      result.data.map((value, i) => value - data[i]!),
      shape,
    ),
  );
}
