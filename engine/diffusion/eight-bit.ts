/**
 * A model whose largest weights, the matrices of the UNet's transformers and the convolutions of its blocks, are held in
 * 8 bits and widened where they are used, in both directions of a training step. Everything else of it, adapters
 * included, is as it was.
 */
import { isTarget } from '../lora/target-modules';
import { describeEightBit, eightBitFile, openEightBit } from '../weights/eight-bit/file';
import type { EightBitStore } from '../weights/eight-bit/store';
import { filesOf, type DescribedModel, type DiffusionModel } from './model';

const WEIGHT = '.weight';
/** Of residual blocks and between resolutions; not the first and the last of the net, which are small. */
const CONVOLUTION = /\.(conv[12]?|conv_shortcut)$/;

/** Whether a tensor of a UNet is the weight of a linear layer of its transformers, or of a convolution of its blocks. */
function isHeldInEightBit(name: string): boolean {
  const layer = name.slice(0, -WEIGHT.length);
  return name.endsWith(WEIGHT) && (isTarget(layer) || CONVOLUTION.test(layer));
}

/**
 * Converts a model's UNet, or opens what the store has of an earlier time. The model keeps its fingerprint: styles are
 * learned on, and applied to, the same base.
 *
 * @throws InputError when a weight is not finite or the store cannot keep the file.
 */
export async function openInEightBit<M extends DiffusionModel>(
  model: M,
  store: EightBitStore,
  signal?: AbortSignal,
): Promise<M> {
  const { config, weights } = model.unet;
  const file = eightBitFile(weights, isHeldInEightBit);
  const source = await store.open(`${weights.name} (8-bit)`, model.fingerprint, file, signal);
  const unet = { config, weights: await openEightBit(weights, source, signal) };
  return { ...model, unet, files: filesOf({ ...model, unet }), eightBit: true };
}

/** The same as far as sizes go: weights can be asked for, and not read. */
export function describeInEightBit<M extends DescribedModel>(model: M): M {
  const { config, weights } = model.unet;
  return { ...model, unet: { config, weights: describeEightBit(weights, isHeldInEightBit) }, eightBit: true };
}
