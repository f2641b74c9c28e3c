/** What every job of the method works with: a model and its nets on one device. */
import { Autoencoder } from './diffusion/autoencoder';
import { Denoiser } from './diffusion/denoiser';
import type { DiffusionModel } from './diffusion/model';
import { TextEncoder } from './diffusion/text-encoder';
import { ProgramCache } from './runtime/program-cache';
import type { Runtime } from './runtime/runtime';

export interface Workshop {
  readonly model: DiffusionModel;
  readonly runtime: Runtime;
  readonly programs: ProgramCache;
  readonly autoencoder: Autoencoder;
  readonly text: TextEncoder;
  readonly denoiser: Denoiser;
}

export function openWorkshop(model: DiffusionModel, runtime: Runtime): Workshop {
  const programs = new ProgramCache(runtime, model.files);
  const autoencoder = new Autoencoder(model, programs);
  const text = new TextEncoder(model, programs);
  return { model, runtime, programs, autoencoder, text, denoiser: new Denoiser(model, runtime, programs, text) };
}
