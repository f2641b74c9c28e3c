/** The jobs of a model that reads a style from its pairs. */
import { InputError } from '../errors';
import type { Image } from '../image/image';
import { openPairModel, type PairModel } from '../pair/model';
import { PairPrograms } from '../pair/programs';
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
import { PairRestyler, type StrengthenedPairs } from '../restyle/pair-restyle';
import { ProgramCache } from '../runtime/program-cache';
import type { Runtime } from '../runtime/runtime';
import type { ModelFolder } from '../weights/folder';
import type { Jobs, ModelDescription } from './jobs';

/** Programs kept: two for each shape of picture or pair, one for each size of part. */
const KEPT_PROGRAMS = 24;

/** Opens a model folder; throws an InputError when it is not a supported model. */
export async function openPair(folder: ModelFolder, signal?: AbortSignal): Promise<(runtime: Runtime) => PairJobs> {
  const model = await openPairModel(folder, signal);
  return (runtime) => new PairJobs(model, runtime);
}

export class PairJobs implements Jobs {
  readonly description: ModelDescription;
  readonly #programs: ProgramCache;
  readonly #restyler: PairRestyler;

  constructor(model: PairModel, runtime: Runtime) {
    this.#programs = new ProgramCache(runtime, model.files, KEPT_PROGRAMS);
    this.#restyler = new PairRestyler(model, new PairPrograms(model, this.#programs));
    const { name, fingerprint, config } = model;
    this.description = { model: name, fingerprint, nativeSize: config.size };
  }

  async learn(_request: LearnRequest, _hooks: Hooks): Promise<LearnResult> {
    throw this.#refusal('cannot be trained on a pair yet; restyle with the pair itself, or learn with another model');
  }

  /** See restyle/pair-restyle.ts. */
  async restyle(request: RestyleRequest, hooks: Hooks): Promise<Image> {
    for (const key of ['guide', 'steps', 'start', 'size', 'seed'] as const) {
      if (request[key] !== undefined) {
        throw this.#refusal(`makes a picture in one evaluation and takes no ${key}; leave it out`);
      }
    }
    const styles = request.styles.map((style, i) => this.#pairs(style, i));
    return this.#restyler.restyle(request.image, styles, hooks);
  }

  async imagine(_request: ImagineRequest, _hooks: Hooks): Promise<Image> {
    throw this.#refusal('knows no prompts; imagine with a Stable Diffusion model');
  }

  async describeStyle(_name: string, _file: Uint8Array, _force?: boolean): Promise<StyleDescription> {
    throw this.#refusal('reads pairs, not style files; use the model the style was learned on');
  }

  dispose(): void {
    this.#restyler.forget();
    this.#programs.dispose();
  }

  #pairs(style: AppliedStyle | PairStyle, index: number): StrengthenedPairs {
    if ('file' in style) throw this.#refusal('reads pairs, not style files; use the model the style was learned on');
    const { pairs, strength, name = `style ${index + 1}` } = style;
    return { name, pairs, strength };
  }

  #refusal(what: string): InputError {
    return new InputError(`${this.description.model} ${what}`);
  }
}
