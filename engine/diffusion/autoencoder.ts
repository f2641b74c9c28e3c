/** Images to scaled latents and back. */
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import { Scope } from '../nets/scope';
import { decodeTiny, encodeTiny } from '../nets/tiny-vae';
import { decodeKl, encodeKl } from '../nets/vae';
import type { DeviceTensor } from '../runtime/device-tensor';
import type { ProgramCache } from '../runtime/program-cache';
import type { HostTensor } from '../tensor/tensor';
import type { Shape } from '../tensor/shape';
import type { DiffusionModel } from './model';

export class Autoencoder {
  readonly #model: DiffusionModel;
  readonly #programs: ProgramCache;

  constructor(model: DiffusionModel, programs: ProgramCache) {
    this.#model = model;
    this.#programs = programs;
  }

  /** @param image [N, 3, H, W] in [-1, 1]. @returns scaled latents [N, C, H / f, W / f], the posterior's mean. */
  async encode(image: HostTensor): Promise<DeviceTensor> {
    const program = await this.#programs.get(`encode ${image.shape.join('x')}`, (b) => {
      b.output('latents', encodeImage(b, this.#model, b.input('image', image.shape)));
    });
    return (await program.run({ image }))['latents']!;
  }

  /** @param latents scaled, [N, C, h, w]. @returns the image [N, 3, h f, w f], about [-1, 1]. */
  async decode(latents: DeviceTensor): Promise<HostTensor<'f32'>> {
    const program = await this.#programs.get(`decode ${latents.shape.join('x')}`, (b) => {
      b.output('image', decodeLatents(b, this.#model, b.input('latents', latents.shape)));
    });
    return readAndDispose((await program.run({ latents }))['image']!);
  }

  /**
   * Decodes latents + deviation. The same program decodes the latents alone, as a deviation of zeros, so that what the
   * decoder loses cancels in the difference of the two, and no deviation is no difference to the last bit.
   *
   * @returns the image [N, 3, h f, w f].
   */
  async decodeMoved(latents: HostTensor, deviation: DeviceTensor | HostTensor): Promise<HostTensor<'f32'>> {
    const program = await this.#programs.get(`decode moved ${latents.shape.join('x')}`, (b) => {
      const moved = b.add(b.input('latents', latents.shape), b.input('deviation', latents.shape));
      b.output('image', decodeLatents(b, this.#model, moved));
    });
    return readAndDispose((await program.run({ latents, deviation }))['image']!);
  }

  /** Shape of the latents of one image. */
  latentShape(width: number, height: number): Shape {
    const { latentChannels, downsampling } = this.#model.vae.config;
    return [1, latentChannels, height / downsampling, width / downsampling];
  }
}

export async function readAndDispose(tensor: DeviceTensor): Promise<HostTensor<'f32'>> {
  try {
    return (await tensor.read()) as HostTensor<'f32'>;
  } finally {
    tensor.dispose();
  }
}

/** @returns scaled latents of an image [N, 3, H, W]. */
export function encodeImage(
  b: GraphBuilder,
  { vae: { config, weights } }: Pick<DiffusionModel, 'vae'>,
  image: Value,
): Value {
  const scope = new Scope(b, weights);
  const latents = config.kind === 'tiny' ? encodeTiny(scope, config, image) : encodeKl(scope, config, image).mean;
  return b.mul(config.shiftFactor === 0 ? latents : b.sub(latents, config.shiftFactor), config.scalingFactor);
}

/** @returns the image of scaled latents [N, C, h, w]. */
export function decodeLatents(
  b: GraphBuilder,
  { vae: { config, weights } }: Pick<DiffusionModel, 'vae'>,
  latents: Value,
): Value {
  const scope = new Scope(b, weights);
  const scaled = b.div(latents, config.scalingFactor);
  const unscaled = config.shiftFactor === 0 ? scaled : b.add(scaled, config.shiftFactor);
  return config.kind === 'tiny' ? decodeTiny(scope, config, unscaled) : decodeKl(scope, config, unscaled);
}
