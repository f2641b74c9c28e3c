/** The jobs of a model that reads a style from its pairs. */
import { InputError, throwIfCancelled } from '../errors';
import { requireImageSize } from '../image/canvas';
import type { Image } from '../image/image';
import { applyShift, checkPair } from '../learn/pair-check';
import { openPairModel, type PairModel } from '../pair/model';
import { PairPrograms } from '../pair/programs';
import type {
  AppliedStyle,
  Hooks,
  ImagePair,
  ImagineRequest,
  LearnRequest,
  LearnResult,
  PairStyle,
  RestyleRequest,
  StyleDescription,
} from '../requests';
import { PairRestyler, type StrengthenedPairs } from '../restyle/pair-restyle';
import { isPairStyle, MOST_PAIRS, readPairStyle, writePairStyle, type PairStyleFile } from '../restyle/pair-style-file';
import { publicName } from '../restyle/style-file';
import { ProgramCache } from '../runtime/program-cache';
import type { Runtime } from '../runtime/runtime';
import type { ModelFolder } from '../weights/folder';
import { openSafetensors } from '../weights/safetensors';
import { bytesSource } from '../weights/source';
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
  readonly #model: PairModel;
  readonly #programs: ProgramCache;
  readonly #restyler: PairRestyler;

  constructor(model: PairModel, runtime: Runtime) {
    this.#model = model;
    this.#programs = new ProgramCache(runtime, model.files, KEPT_PROGRAMS);
    this.#restyler = new PairRestyler(model, new PairPrograms(model, this.#programs));
    const { name, fingerprint, config } = model;
    this.description = { model: name, fingerprint, nativeSize: config.size };
  }

  /** Keeps the pairs in a style file; the model reads them, and nothing is trained. Checked as every pair is. */
  async learn(request: LearnRequest, { signal }: Hooks): Promise<LearnResult> {
    const started = performance.now();
    if (request.steps !== undefined && request.steps !== 0) {
      throw this.#refusal('reads pairs and cannot be trained on them yet; learn with --steps 0 to keep the pair');
    }
    for (const key of ['contentSteps', 'rank', 'learningRate', 'mode', 'resume'] as const) {
      if (request[key] !== undefined) throw this.#refusal(`is not trained on a pair and takes no ${key}; leave it out`);
    }
    const given: readonly ImagePair[] = [request, ...(request.morePairs ?? [])];
    if (given.length > MOST_PAIRS) throw new InputError(`${given.length} pairs are given; give at most ${MOST_PAIRS}`);
    const pairs = given.map(({ before, after }): ImagePair => {
      throwIfCancelled(signal);
      requireImageSize(before.width, before.height, 'the before image');
      requireImageSize(after.width, after.height, 'the after image');
      const verdict = checkPair(before, after);
      const hopeless = verdict.problems.includes('size');
      if (!verdict.usable && (hopeless || !request.force)) throw new InputError(verdict.verdict);
      return { before, after: applyShift(after, verdict.shift, before.width) };
    });
    const { name, fingerprint } = this.#model;
    const info = { style: request.style.trim(), modelFingerprint: fingerprint, baseModel: publicName(name) };
    const style = writePairStyle(pairs, info);
    return { style, losses: [], steps: 0, seconds: (performance.now() - started) / 1000 };
  }

  /** See restyle/pair-restyle.ts. */
  async restyle(request: RestyleRequest, hooks: Hooks): Promise<Image> {
    for (const key of ['guide', 'steps', 'start', 'size', 'seed'] as const) {
      if (request[key] !== undefined) {
        throw this.#refusal(`makes a picture in one evaluation and takes no ${key}; leave it out`);
      }
    }
    const styles: StrengthenedPairs[] = [];
    for (const [i, style] of request.styles.entries()) styles.push(await this.#pairs(style, i, request.force));
    return this.#restyler.restyle(request.image, styles, hooks);
  }

  async imagine(_request: ImagineRequest, _hooks: Hooks): Promise<Image> {
    throw this.#refusal('knows no prompts; imagine with a Stable Diffusion model');
  }

  /** Of a style that holds its pairs, none of whose modules is trained. */
  async describeStyle(name: string, file: Uint8Array, force?: boolean): Promise<StyleDescription> {
    const { info } = await this.#file(name, file, force);
    return {
      name: info.style,
      prompt: '',
      model: { name: info.baseModel, fingerprint: info.modelFingerprint },
      rank: 0,
      steps: 0,
      coverage: { applied: 0, modules: 0, notApplied: [] },
      kind: 'pair',
    };
  }

  dispose(): void {
    this.#restyler.forget();
    this.#programs.dispose();
  }

  async #pairs(style: AppliedStyle | PairStyle, index: number, force?: boolean): Promise<StrengthenedPairs> {
    const { strength, name = `style ${index + 1}` } = style;
    const { pairs } = 'pairs' in style ? style : await this.#file(name, style.file, force);
    return { name, pairs, strength };
  }

  async #file(name: string, file: Uint8Array, force = false): Promise<PairStyleFile> {
    const source = bytesSource(name, file);
    const { metadata } = await openSafetensors(source);
    if (!isPairStyle(metadata)) {
      throw new InputError(
        `${name}: is a learned style, and ${this.#model.name} reads styles that hold their pairs; use the model it was learned on`,
      );
    }
    const style = await readPairStyle(source);
    const { modelFingerprint, baseModel } = style.info;
    if (modelFingerprint !== this.#model.fingerprint && !force) {
      throw new InputError(
        `${name}: was made for ${baseModel || 'another model'} (${modelFingerprint}), not for ${this.#model.name} (${this.#model.fingerprint}); name that model with --model DIR, make the style again from its pair, or force it (--force): it will look somewhat different`,
      );
    }
    return style;
  }

  #refusal(what: string): InputError {
    return new InputError(`${this.#model.name} ${what}`);
  }
}
