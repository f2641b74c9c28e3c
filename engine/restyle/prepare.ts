/** The first step of a restyle: the picture through the styles' per-pixel filters, on the net's canvas, as latents. */
import { throwIfCancelled } from '../errors';
import { baseFault, readFinite } from '../diffusion/finite';
import { workingSize } from '../diffusion/model';
import { atLearnedStrength, filterColour, filterImage, type WeightedFilter } from '../filter/filter';
import { chooseMatte, drawOnCanvas, fitCanvas, type Canvas, type Rgb } from '../image/canvas';
import type { Image } from '../image/image';
import type { Pipeline } from '../pipeline';
import type { Hooks } from '../requests';
import type { HostTensor } from '../tensor/tensor';
import { digest } from '../weights/fingerprint';
import type { Recent } from './recent';

/** A picture on the net's canvas, as latents. */
export interface EncodedPicture {
  /** Names the picture's exact pixels and what they are drawn on. */
  readonly key: string;
  readonly canvas: Canvas;
  readonly matte: Rgb;
  readonly latents: HostTensor<'f32'>;
  /** The latents decoded again, once they have been. */
  reconstruction?: HostTensor<'f32'>;
}

export interface PreparedPicture {
  /** What the net starts from: the picture after the whole of the filters, as it did when it learned. */
  readonly start: Image;
  readonly encoded: EncodedPicture;
  /** What the net's change is added to: the picture after the filters at the strength that was asked for. */
  readonly base: Image;
}

export interface PrepareInputs {
  readonly pipeline: Pipeline;
  readonly picture: Image;
  readonly filters: readonly WeightedFilter[];
  /** Long side at which the net sees the picture, px; the model's own when undefined. */
  readonly size: number | undefined;
  /** Pictures encoded before. */
  readonly pictures: Recent<EncodedPicture>;
}

export async function prepare(
  { pipeline, picture, filters, size, pictures }: PrepareInputs,
  hooks: Hooks,
): Promise<PreparedPicture> {
  const matte = chooseMatte([picture]);
  const whole = atLearnedStrength(filters);
  const start = filterImage(picture, whole, matte);
  const encoded = await encode(pipeline, start, filterColour(matte, whole), size, pictures, hooks);
  const isWhole = filters.every(({ weight }, i) => weight === whole[i]?.weight);
  return { start, encoded, base: isWhole ? start : filterImage(picture, filters, matte) };
}

async function encode(
  { model, autoencoder }: Pipeline,
  picture: Image,
  matte: Rgb,
  asked: number | undefined,
  pictures: Recent<EncodedPicture>,
  hooks: Hooks,
): Promise<EncodedPicture> {
  hooks.onProgress?.({ phase: 'encode', step: 0, steps: 1 });
  const { width, height, data } = picture;
  const pixels = digest([new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
  const size = workingSize(model, asked);
  const key = `${width}x${height} ${pixels} on ${matte.join()} at ${size}`;
  const encoded = await pictures.get(key, async () => {
    const canvas = fitCanvas(width, height, size, model.sizeMultiple);
    const drawn = drawOnCanvas(picture, canvas, matte);
    const latents = await readFinite(await autoencoder.encode(drawn), () => baseFault(model, 'VAE'));
    return { key, canvas, matte, latents };
  });
  hooks.onProgress?.({ phase: 'encode', step: 1, steps: 1 });
  throwIfCancelled(hooks.signal);
  return encoded;
}
