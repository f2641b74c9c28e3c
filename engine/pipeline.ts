/** What every job of the method works with: a model and its nets on one device. */
import { Autoencoder } from './diffusion/autoencoder';
import { Denoiser } from './diffusion/denoiser';
import { PAPER_DEFAULTS } from './defaults';
import { isXl, workingSize, type DescribedModel, type DiffusionModel } from './diffusion/model';
import { TextEncoder } from './diffusion/text-encoder';
import { ProgramCache } from './runtime/program-cache';
import type { Runtime } from './runtime/runtime';

export interface Pipeline {
  readonly model: DiffusionModel;
  readonly runtime: Runtime;
  readonly programs: ProgramCache;
  readonly autoencoder: Autoencoder;
  readonly text: TextEncoder;
  readonly denoiser: Denoiser;
}

export function openPipeline(model: DiffusionModel, runtime: Runtime): Pipeline {
  const programs = new ProgramCache(runtime, model.files);
  const autoencoder = new Autoencoder(model, programs);
  const text = new TextEncoder(model, programs);
  return { model, runtime, programs, autoencoder, text, denoiser: new Denoiser(model, runtime, programs, text) };
}

/** The size a style is learned at: the one asked for, else the paper's with SDXL, else the model's own. */
export function learningSize(model: DescribedModel, asked: number | undefined): number {
  return workingSize(model, asked ?? (isXl(model) ? PAPER_DEFAULTS.size : undefined));
}
