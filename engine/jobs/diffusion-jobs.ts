/** The jobs of the method on a diffusion model. */
import { InputError } from '../errors';
import { netChecks } from '../diffusion/check-nets';
import { openInEightBit } from '../diffusion/eight-bit';
import { isXl, openModel, workingSize, type DiffusionModel } from '../diffusion/model';
import type { Image } from '../image/image';
import { learn } from '../learn/learn';
import { makeRecipe } from '../learn/recipe';
import { learningSize, openPipeline, type Pipeline } from '../pipeline';
import { requireMemory, trainingKeep, USUAL_RANK } from '../preflight';
import type {
  AppliedStyle,
  Hooks,
  ImagineRequest,
  LearnRequest,
  LearnResult,
  PairStyle,
  RestyleRequest,
  StyleDescription,
} from '../requests';
import { imagine } from '../restyle/imagine';
import { Restyler } from '../restyle/restyle';
import { isPairStyle } from '../restyle/pair-style-file';
import { describeStyle, type Style } from '../restyle/styles';
import type { Runtime } from '../runtime/runtime';
import type { EightBitStore } from '../weights/eight-bit/store';
import type { ModelFolder } from '../weights/folder';
import { ownValue } from '../weights/json';
import { openSafetensors } from '../weights/safetensors';
import { bytesSource } from '../weights/source';
import type { Jobs, ModelDescription } from './jobs';

/**
 * Opens a diffusers folder; throws an InputError when it is not a supported model.
 *
 * @param eightBit where to keep the UNet's matrices in 8 bits; left out, they stay as they are.
 */
export async function openDiffusion(
  folder: ModelFolder,
  signal?: AbortSignal,
  eightBit?: EightBitStore,
): Promise<(runtime: Runtime) => DiffusionJobs> {
  const stored = await openModel(folder, signal);
  for (const check of netChecks(stored)) check();
  const model = eightBit ? await openInEightBit(stored, eightBit, signal) : stored;
  return (runtime) => new DiffusionJobs(model, runtime);
}

export class DiffusionJobs implements Jobs {
  readonly description: ModelDescription;
  readonly #pipeline: Pipeline;
  readonly #restyler: Restyler;

  constructor(model: DiffusionModel, runtime: Runtime) {
    this.#pipeline = openPipeline(model, runtime);
    this.#restyler = new Restyler(this.#pipeline);
    const { name, fingerprint, nativeSize } = model;
    this.description = { model: name, fingerprint, nativeSize };
  }

  /** See learn/learn.ts. Throws an InputError when the memory there is will not do (preflight.ts). */
  async learn(request: LearnRequest, hooks: Hooks): Promise<LearnResult> {
    const { model, runtime } = this.#pipeline;
    if (request.morePairs?.length) {
      throw new InputError(`${model.name} learns from one pair; give one, or a model that reads pairs (--model)`);
    }
    const size = learningSize(model, request.size);
    const { rank } = makeRecipe(request, { paper: isXl(model) });
    const keep = trainingKeep(model, runtime, { size, rank });
    requireMemory(model, runtime, { kind: 'learn', size, rank, keep });
    this.#pipeline.programs.keep = keep;
    const apply = (style: Style, image: Image): Promise<Image> =>
      this.#restyler.apply(
        [{ name: 'the learned style', style, strength: 1 }],
        { image, prompt: request.prompt, size },
        hooks.signal ? { signal: hooks.signal } : {},
      );
    return learn(this.#pipeline, request, hooks, apply);
  }

  /** See restyle/restyle.ts; memory as in learn. */
  async restyle({ styles, ...settings }: RestyleRequest, hooks: Hooks): Promise<Image> {
    const { model, runtime } = this.#pipeline;
    const files = await Promise.all(styles.map((style) => this.#file(style)));
    const rows = files.length + 1;
    const rank = USUAL_RANK * files.length;
    requireMemory(model, runtime, { kind: 'restyle', size: workingSize(model, settings.size), rank, rows });
    return this.#restyler.restyle({ styles: files, ...settings }, hooks);
  }

  /** See restyle/imagine.ts; memory as in learn. */
  async imagine(request: ImagineRequest, hooks: Hooks): Promise<Image> {
    const { model, runtime } = this.#pipeline;
    const rows = request.styles.length + 2;
    const rank = USUAL_RANK * request.styles.length;
    requireMemory(model, runtime, { kind: 'imagine', size: workingSize(model, request.size), rank, rows });
    return imagine(this.#pipeline, request, hooks);
  }

  /** See describeStyle in restyle/styles.ts. */
  async describeStyle(name: string, file: Uint8Array, force?: boolean): Promise<StyleDescription> {
    await this.#refusePairs(name, file);
    return describeStyle(this.#pipeline, name, file, force);
  }

  dispose(): void {
    this.#restyler.forget();
    this.#pipeline.programs.dispose();
  }

  async #file(style: AppliedStyle | PairStyle): Promise<AppliedStyle> {
    if ('file' in style) {
      await this.#refusePairs(style.name ?? 'the style', style.file);
      return style;
    }
    throw new InputError(
      `${this.description.model} cannot read a style from a pair alone; learn it first, or open the model that can`,
    );
  }

  async #refusePairs(name: string, file: Uint8Array): Promise<void> {
    // What is no safetensors file is refused where it is read.
    const metadata = await openSafetensors(bytesSource(name, file)).then(
      (opened) => opened.metadata,
      () => ({}),
    );
    if (!isPairStyle(metadata)) return;
    throw new InputError(
      `${name}: holds its pair, which ${this.description.model} cannot read; apply it with the model it was made for (${ownValue(metadata, 'ss_sd_model_name') || 'not named'})`,
    );
  }
}
