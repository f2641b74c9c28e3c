/** Restyling a picture with learned styles in three steps: prepare the picture, find the deviation, compose the result. */
import { throwIfCancelled, InputError } from '../errors';
import { baseFault, requireFinite, requireLatents } from '../diffusion/finite';
import { requireStrength } from '../diffusion/guidance';
import type { InvertedPath } from '../diffusion/inversion';
import { LCM_STEPS, RESTYLE_DEFAULTS } from '../defaults';
import { requireImageSize } from '../image/canvas';
import type { Image } from '../image/image';
import type { Pipeline } from '../pipeline';
import type { AppliedStyle, Hooks, RestyleRequest } from '../requests';
import type { DeviceTensor } from '../runtime/device-tensor';
import { zeros, type HostTensor } from '../tensor/tensor';
import { composeRestyled } from './compose';
import { GUIDES } from './guides';
import { prepare, type EncodedPicture, type PreparedPicture } from './prepare';
import { Recent } from './recent';
import { loadStyles, readStyles, type LoadedStyles, type StrengthenedStyle } from './styles';

/** Pictures, and paths up to noise, kept for the next strength. */
const REMEMBERED = 4;

/** What a restyle needs besides its styles. */
export type RestyleSettings = Omit<RestyleRequest, 'styles'>;

/** A request whose styles are all files. */
export type FileRequest = RestyleSettings & { readonly styles: readonly AppliedStyle[] };

export class Restyler {
  readonly #pipeline: Pipeline;
  readonly #pictures = new Recent<EncodedPicture>(REMEMBERED);
  readonly #inversions = new Recent<InvertedPath>(REMEMBERED, (path) => path.dispose());

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
  }

  /**
   * The restyled picture, of the picture's own size and alpha.
   *
   * Strength 0 gives the picture exactly in every guide, for what is added to it is the decoded difference of two
   * latents that are then the same.
   *
   * @throws InputError for pictures, settings or styles that do not serve; CancelledError when the signal fires.
   */
  async restyle({ styles, ...settings }: FileRequest, hooks: Hooks = {}): Promise<Image> {
    requireImageSize(settings.image.width, settings.image.height, 'the image');
    for (const { strength } of styles) requireStrength(strength);
    if (styles.length === 0) throw new InputError('no style is given; name at least one style file');
    return this.apply(await readStyles(this.#pipeline, styles, settings.force), settings, hooks);
  }

  /** The same with styles that have been read, or were never in a file. */
  async apply(given: readonly StrengthenedStyle[], request: RestyleSettings, hooks: Hooks = {}): Promise<Image> {
    const pipeline = this.#pipeline;
    const styles = await loadStyles(pipeline, given, request.prompt ?? '');
    const { image, guide, steps, start, seed } = {
      ...RESTYLE_DEFAULTS,
      ...(pipeline.model.schedule.preferredSampler === 'lcm' && { steps: LCM_STEPS }),
      start: styles.start,
      ...request,
    };
    const inversions = this.#inversions;
    if (styles.warning) hooks.onProgress?.({ phase: 'load', step: 1, steps: 1, warning: styles.warning });
    try {
      const prepared = await prepare(
        { pipeline, picture: image, filters: styles.filters, size: request.size, pictures: this.#pictures },
        hooks,
      );
      const inputs = { pipeline, picture: prepared.encoded, styles, steps, start, seed, inversions };
      const deviation = await GUIDES[guide](inputs, hooks);
      try {
        await requireLatents(pipeline.denoiser, pipeline.model, deviation, prepared.encoded.latents, styles.names);
        return await this.#compose(prepared, deviation, styles, hooks);
      } finally {
        deviation.dispose();
      }
    } finally {
      pipeline.denoiser.unload(styles.adapters);
    }
  }

  /** Forgets the pictures kept for the next strength. */
  forget(): void {
    this.#inversions.clear();
    this.#pictures.clear();
  }

  async #compose(
    { start, base, encoded }: PreparedPicture,
    deviation: DeviceTensor,
    { backgroundExtent }: LoadedStyles,
    hooks: Hooks,
  ): Promise<Image> {
    const { autoencoder, model } = this.#pipeline;
    const { canvas, matte, latents } = encoded;
    const sound = (picture: HostTensor<'f32'>): HostTensor<'f32'> =>
      requireFinite(picture, () => baseFault(model, 'VAE'));
    throwIfCancelled(hooks.signal);
    hooks.onProgress?.({ phase: 'decode', step: 0, steps: 1 });
    encoded.reconstruction ??= sound(await autoencoder.decodeMoved(latents, zeros(latents.shape)));
    const styled = sound(await autoencoder.decodeMoved(latents, deviation));
    hooks.onProgress?.({ phase: 'decode', step: 1, steps: 1 });
    return composeRestyled({
      ...{ picture: start, canvas, matte, styled, backgroundExtent, base },
      original: encoded.reconstruction,
    });
  }
}
