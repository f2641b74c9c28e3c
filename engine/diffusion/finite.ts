/**
 * What comes back from the device is checked before anything is made of it: a number that is not finite would become a
 * black pixel without a word.
 */
import { InputError } from '../errors';
import type { DeviceTensor } from '../runtime/device-tensor';
import type { HostTensor } from '../tensor/tensor';
import { readAndDispose } from './autoencoder';
import type { Denoiser } from './denoiser';
import type { DiffusionModel } from './model';

/** Latents of pictures lie within some tens; a style that takes them past this has no picture left. */
const LARGEST_LATENT = 1e4;

/** Reads a tensor; throws what `fault` makes when a number in it is not finite. */
export async function readFinite(tensor: DeviceTensor, fault: () => InputError): Promise<HostTensor<'f32'>> {
  return requireFinite(await readAndDispose(tensor), fault);
}

export function requireFinite(tensor: HostTensor<'f32'>, fault: () => InputError): HostTensor<'f32'> {
  if (tensor.data.every(Number.isFinite)) return tensor;
  throw fault();
}

/** The error for a base model's net that gives numbers that are not finite by itself. */
export function baseFault({ name }: Pick<DiffusionModel, 'name'>, part: 'UNet' | 'VAE' | 'text encoder'): InputError {
  return new InputError(
    `${name}: its ${part} gives numbers that are not finite; its weights are damaged, or overflow in half precision: fetch the model again, or take its full-precision (F32) files`,
  );
}

/** The error for styles that do so on a base model that does not. */
export function styleFault(names: readonly string[]): InputError {
  const which = names.length === 1 ? names[0]! : `one of the styles (${names.join(', ')})`;
  return new InputError(
    `${which} makes numbers that are not finite or far too large: its weights or its alpha are damaged, or it is far too strong; choose another LoRA, fetch it again, or learn it with a smaller learning rate`,
  );
}

/**
 * Throws an InputError for latents that no picture can be made of, naming what is at fault: the base model, when one
 * evaluation of it alone gives such numbers too, else the styles.
 *
 * @param latents what the styles made, or how far they moved it, [1, C, h, w].
 * @param before what they began with, of the same shape.
 * @param styles their names; none when the base model worked alone.
 */
export async function requireLatents(
  denoiser: Denoiser,
  model: DiffusionModel,
  latents: DeviceTensor,
  before: HostTensor<'f32'>,
  styles: readonly string[],
): Promise<void> {
  const { data } = (await latents.read()) as HostTensor<'f32'>;
  if (data.every((value) => Math.abs(value) <= LARGEST_LATENT)) return;
  const timestep = Math.floor(model.schedule.trainTimesteps / 2);
  const { output, next } = await denoiser.invert(before, before, timestep, { from: 1, point: 0, output: 0 }, '');
  next.dispose();
  await readFinite(output, () => baseFault(model, 'UNet'));
  throw styles.length > 0 ? styleFault(styles) : baseFault(model, 'UNet');
}
