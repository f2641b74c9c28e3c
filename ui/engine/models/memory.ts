/** What learning on a base model needs. */
import type { SizedFile } from '../../../engine/weights/needed-files';

export const GIB = 2 ** 30;
/** ONNX Runtime, its WebAssembly, pictures, and what the browser itself takes. */
const BASE = 0.5 * GIB;
/** Learning compiles the UNet twice, alone for the content and for both adapters, each with weights of its own. */
const TRAINING_PROGRAMS = 2;
/** Activations and gradients of a batch of two, in weights of the UNet. An estimate: it depends on the picture size. */
const ACTIVATIONS = 4;

/**
 * A rough estimate of the bytes that learning needs. Weights are computed in f32, so half precision files count twice:
 * text encoder + VAE + UNet x (2 programs + 4 for activations) + 0.5 GiB.
 */
export function memoryToLearn(files: readonly SizedFile[]): number {
  const weights = (net: string): number =>
    files
      .filter(({ path }) => path.startsWith(`${net}/`) && path.endsWith('.safetensors'))
      .reduce((sum, { path, size }) => sum + (path.includes('fp16') ? 2 * size : size), 0);
  return BASE + weights('text_encoder') + weights('vae') + weights('unet') * (TRAINING_PROGRAMS + ACTIVATIONS);
}
