/** Restyling a picture with learned styles: inversion, the guided way back, and the change laid on the picture itself. */
import { throwIfCancelled, InputError } from '../errors';
import { readAndDispose } from '../diffusion/autoencoder';
import { baseFault, readFinite, requireFinite, requireLatents } from '../diffusion/finite';
import type { LinearMove, LoadedAdapters } from '../diffusion/denoiser';
import {
  requireStrength,
  scaleGuidance,
  styleGuidance,
  type GuidanceRow,
  type GuidingStyle,
} from '../diffusion/guidance';
import { invert, type InvertedPath } from '../diffusion/inversion';
import { ddimPath, type DdimPath } from '../diffusion/inversion-plan';
import { digest, workingSize } from '../diffusion/model';
import { noisedLatents } from '../diffusion/schedule';
import type { DeviceTensor } from '../runtime/device-tensor';
import { Random } from '../tensor/random';
import { sizeOf } from '../tensor/shape';
import { f32, zeros, type HostTensor } from '../tensor/tensor';
import { chooseBackground, drawOnCanvas, fitCanvas, requireImageSize, type Canvas, type Rgb } from '../image/canvas';
import { composeRestyled } from './compose';
import { RESTYLE_DEFAULTS } from '../defaults';
import type { Image } from '../image/image';
import { repaintImage, repaintRgb, wholly } from '../filter/filter';
import type { GuideMode, Hooks, RestyleRequest } from '../requests';
import { loadStyles, type LoadedStyles } from './styles';
import type { Workshop } from '../pipeline';

/** A picture on the net's canvas, as latents. */
interface Encoded {
  /** Names the picture's exact pixels and what they are drawn on. */
  readonly key: string;
  readonly canvas: Canvas;
  readonly background: Rgb;
  readonly latents: HostTensor<'f32'>;
  /** The latents decoded again, once they have been. */
  reconstruction?: HostTensor<'f32'>;
}

/** Pictures, and paths up to noise, kept for the next strength. */
const REMEMBERED = 4;

export class Restyler {
  readonly #workshop: Workshop;
  readonly #pictures = new Map<string, Encoded>();
  readonly #inversions = new Map<string, InvertedPath>();

  constructor(workshop: Workshop) {
    this.#workshop = workshop;
  }

  /**
   * The restyled picture, of the picture's own size and alpha.
   *
   * Strength 0 gives the picture exactly in every guide, for what is added to it is the decoded difference of two
   * latents that are then the same.
   *
   * @throws InputError for pictures, settings or styles that do not serve; CancelledError when the signal fires.
   */
  async restyle(request: RestyleRequest, hooks: Hooks = {}): Promise<Image> {
    const { image: picture } = request;
    requireImageSize(picture.width, picture.height, 'the image');
    for (const { strength } of request.styles) requireStrength(strength);
    if (request.styles.length === 0) throw new InputError('no style is given; name at least one style file');
    const styles = await loadStyles(this.#workshop, request.styles, request.prompt ?? '', request.force);
    const settings = { ...RESTYLE_DEFAULTS, start: styles.start, ...request };
    if (styles.warning) hooks.onProgress?.({ phase: 'load', step: 1, steps: 1, warning: styles.warning });
    try {
      const ground = chooseBackground([picture]);
      // The net starts from the whole repainting at any strength, as it did when it learned.
      const whole = wholly(styles.repaintings);
      const start = repaintImage(picture, whole, ground);
      const encoded = await this.#encode(start, repaintRgb(ground, whole), request.size, hooks);
      const deviation = await GUIDES[settings.guide](this, encoded, styles, settings, hooks);
      try {
        const { denoiser, model } = this.#workshop;
        await requireLatents(denoiser, model, deviation, encoded.latents, styles.names);
        const asked = styles.repaintings.every(({ weight }, i) => weight === whole[i]?.weight);
        const onto = asked ? start : repaintImage(picture, styles.repaintings, ground);
        return await this.#compose(start, encoded, deviation, styles.groundReach, onto, hooks);
      } finally {
        deviation.dispose();
      }
    } finally {
      this.#workshop.denoiser.unload(styles.adapters);
    }
  }

  /** Forgets the pictures kept for the next strength. */
  forget(): void {
    for (const inversion of this.#inversions.values()) inversion.dispose();
    this.#inversions.clear();
    this.#pictures.clear();
  }

  /** The way up for a picture, kept so that another strength or style needs only the way back. */
  async inversion(encoded: Encoded, prompt: string, steps: number, start: number, hooks: Hooks): Promise<InvertedPath> {
    const { denoiser, model, runtime } = this.#workshop;
    const key = `${encoded.key} ${steps} ${start} ${prompt}`;
    const known = this.#inversions.get(key);
    if (known) return known;
    const inverted = await invert(
      denoiser,
      ddimPath(model.schedule, steps, start, 'even'),
      await runtime.upload(encoded.latents),
      {
        prompt,
        iterations: RESTYLE_DEFAULTS.iterations,
        signal: hooks.signal,
        onLevel: (step, levels) => hooks.onProgress?.({ phase: 'invert', step, steps: levels }),
      },
    );
    if (this.#inversions.size >= REMEMBERED) {
      const [oldest, path] = this.#inversions.entries().next().value!;
      path.dispose();
      this.#inversions.delete(oldest);
    }
    this.#inversions.set(key, inverted);
    return inverted;
  }

  /** Guided way back along an inverted path: the deviation from its clean latents. */
  async follow(
    inverted: InvertedPath,
    rows: readonly GuidanceRow[],
    adapters: LoadedAdapters,
    hooks: Hooks,
  ): Promise<DeviceTensor> {
    const { denoiser, runtime } = this.#workshop;
    const { path, points } = inverted;
    let deviation = await runtime.upload(zeros(points[0]!.latents.shape));
    const top = points.length - 1;
    try {
      for (let level = top; level >= 1; level--) {
        throwIfCancelled(hooks.signal);
        const { latents, output } = points[level]!;
        const { timestep } = path.levels[level]!;
        const next = await denoiser.deviate(
          latents,
          output!,
          deviation,
          timestep,
          moveDown(path, level),
          rows,
          adapters,
        );
        deviation.dispose();
        deviation = next;
        hooks.onProgress?.({ phase: 'restyle', step: top - level + 1, steps: top });
      }
      return deviation;
    } catch (error) {
      deviation.dispose();
      throw error;
    }
  }

  get workshop(): Workshop {
    return this.#workshop;
  }

  async #encode(picture: Image, background: Rgb, asked: number | undefined, hooks: Hooks): Promise<Encoded> {
    const { model, autoencoder } = this.#workshop;
    hooks.onProgress?.({ phase: 'encode', step: 0, steps: 1 });
    const { width, height, data } = picture;
    const pixels = digest([new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
    const size = workingSize(model, asked);
    const key = `${width}x${height} ${pixels} on ${background.join()} at ${size}`;
    let encoded = this.#pictures.get(key);
    if (!encoded) {
      const canvas = fitCanvas(width, height, size, model.sizeMultiple);
      const drawn = drawOnCanvas(picture, canvas, background);
      const latents = await readFinite(await autoencoder.encode(drawn), () => baseFault(model, 'VAE'));
      encoded = { key, canvas, background, latents };
      if (this.#pictures.size >= REMEMBERED) this.#pictures.delete(this.#pictures.keys().next().value!);
      this.#pictures.set(key, encoded);
    }
    hooks.onProgress?.({ phase: 'encode', step: 1, steps: 1 });
    throwIfCancelled(hooks.signal);
    return encoded;
  }

  async #compose(
    picture: Image,
    encoded: Encoded,
    deviation: DeviceTensor,
    groundReach: number | null,
    onto: Image,
    hooks: Hooks,
  ): Promise<Image> {
    const { autoencoder, model } = this.#workshop;
    const { canvas, background, latents } = encoded;
    const sound = (picture: HostTensor<'f32'>): HostTensor<'f32'> =>
      requireFinite(picture, () => baseFault(model, 'VAE'));
    throwIfCancelled(hooks.signal);
    hooks.onProgress?.({ phase: 'decode', step: 0, steps: 1 });
    encoded.reconstruction ??= sound(await autoencoder.decodeMoved(latents, zeros(latents.shape)));
    const styled = sound(await autoencoder.decodeMoved(latents, deviation));
    hooks.onProgress?.({ phase: 'decode', step: 1, steps: 1 });
    return composeRestyled(picture, canvas, background, styled, encoded.reconstruction, groundReach, onto);
  }
}

type Settings = RestyleRequest & { readonly steps: number; readonly start: number; readonly seed: number };

/** How each guide finds the deviation of the styled from the original latents. */
const GUIDES: Readonly<
  Record<
    GuideMode,
    (r: Restyler, encoded: Encoded, styles: LoadedStyles, settings: Settings, hooks: Hooks) => Promise<DeviceTensor>
  >
> = {
  style: async (restyler, encoded, { prompt, guiding, adapters }, { steps, start }, hooks) => {
    const inverted = await restyler.inversion(encoded, prompt, steps, start, hooks);
    return restyler.follow(inverted, styleGuidance(prompt, guiding, 1), adapters, hooks);
  },
  // The prompts' outputs are blended with the strength too, or strength 0 would still ask for the style in words.
  scale: async (restyler, encoded, { prompt, guiding, adapters }, { steps, start }, hooks) => {
    const inverted = await restyler.inversion(encoded, prompt, steps, start, hooks);
    return restyler.follow(inverted, scaledRows(prompt, guiding), adapters, hooks);
  },
  sdedit,
};

/** LoRA scaling, its prompt going from the base to the style prompt as the strength goes from 0 to 1. */
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
async function sdedit(
  restyler: Restyler,
  encoded: Encoded,
  styles: LoadedStyles,
  settings: Settings,
  hooks: Hooks,
): Promise<DeviceTensor> {
  const { denoiser, model, runtime } = restyler.workshop;
  const strengths = styles.guiding.map(({ strength }) => Math.abs(strength));
  const path = ddimPath(model.schedule, settings.steps, Math.min(1, settings.start * Math.max(...strengths)), 'even');
  const { shape, data } = encoded.latents;
  const top = path.levels.length - 1;
  const nothing = zeros(shape);
  if (top === 0) return runtime.upload(nothing);
  const random = new Random(settings.seed);
  const { latents, noise } = noisedLatents(model.schedule, path.levels[top]!.timestep);
  const noised = Float32Array.from({ length: sizeOf(shape) }, (_, i) => latents * data[i]! + noise * random.normal());
  const rows = scaleGuidance(
    styles.guiding[0]!.prompt,
    styles.guiding.map((style) => ({ ...style, strength: Math.sign(style.strength) })),
  );
  let sample = await runtime.upload(f32(noised, shape));
  for (let level = top; level >= 1; level--) {
    throwIfCancelled(hooks.signal);
    // With a path of zeros the deviation is the sample itself.
    const next = await denoiser.deviate(
      nothing,
      nothing,
      sample,
      path.levels[level]!.timestep,
      moveDown(path, level),
      rows,
      styles.adapters,
    );
    sample.dispose();
    sample = next;
    hooks.onProgress?.({ phase: 'restyle', step: top - level + 1, steps: top });
  }
  const result = await readAndDispose(sample);
  return runtime.upload(
    f32(
      result.data.map((value, i) => value - data[i]!),
      shape,
    ),
  );
}

/** DDIM's move from a level to the one below, in the sample and the network's output. */
export function moveDown(path: DdimPath, level: number): LinearMove {
  const { sample, epsilon } = path.toCleaner(level);
  const estimate = path.epsilonFrom(level);
  return { sample: sample + epsilon * estimate.sample, output: epsilon * estimate.output };
}
