/** The public API: a model on a device, and the jobs of the method on it. */
import { throwIfCancelled } from './errors';
import { netChecks } from './diffusion/check-nets';
import { isXl, openModel, workingSize, type DiffusionModel } from './diffusion/model';
import { imagine } from './restyle/imagine';
import type { Image } from './image/image';
import { learn } from './learn/learn';
import { makeRecipe } from './learn/recipe';
import type { Hooks, ImagineRequest, LearnRequest, LearnResult, RestyleRequest, StyleDescription } from './requests';
import { Restyler } from './restyle/restyle';
import { describeStyle, type Style } from './restyle/styles';
import { learningSize, openPipeline, type Pipeline } from './pipeline';
import { requireMemory } from './preflight';
import type { Backend, DeviceInfo, DeviceOptions } from './runtime/backend';
import type { MemoryReport } from './runtime/memory';
import { openRuntime, type Runtime } from './runtime/runtime';
import type { ModelFolder } from './weights/folder';

export { checkPair } from './learn/pair-check';

/** What is open: for people and for bug reports. */
export interface EngineDescription {
  readonly model: string;
  readonly fingerprint: string;
  /** Side of the square images the model was trained on, px. */
  readonly nativeSize: number;
  readonly device: DeviceInfo;
}

/** The rank a style is taken to have when its memory is estimated. */
const USUAL_RANK = 64;

export class Engine {
  readonly description: EngineDescription;
  readonly #runtime: Runtime;
  readonly #pipeline: Pipeline;
  readonly #restyler: Restyler;

  private constructor(model: DiffusionModel, runtime: Runtime) {
    this.#runtime = runtime;
    this.#pipeline = openPipeline(model, runtime);
    this.#restyler = new Restyler(this.#pipeline);
    this.description = {
      model: model.name,
      fingerprint: model.fingerprint,
      nativeSize: model.nativeSize,
      device: runtime.device,
    };
  }

  /**
   * Opens a model folder on a device.
   *
   * @param backend nodeBackend in Node, the web backend in a browser.
   * @throws InputError when the folder is not a supported model; DeviceError when the device is not there.
   */
  static async open(
    folder: ModelFolder,
    backend: Backend,
    options: DeviceOptions = {},
    signal?: AbortSignal,
  ): Promise<Engine> {
    const model = await openModel(folder, signal);
    for (const check of netChecks(model)) check();
    throwIfCancelled(signal);
    return new Engine(model, await openRuntime(backend, options));
  }

  /** See learn/learn.ts. Throws an InputError when the memory there is will not do (preflight.ts). */
  async learn(request: LearnRequest, hooks: Hooks = {}): Promise<LearnResult> {
    const { model, runtime } = this.#pipeline;
    const size = learningSize(model, request.size);
    const { rank } = makeRecipe(request, { paper: isXl(model) });
    requireMemory(model, runtime, { kind: 'learn', size, rank });
    const apply = (style: Style, image: Image): Promise<Image> =>
      this.#restyler.apply(
        [{ name: 'the learned style', style, strength: 1 }],
        { image, prompt: request.prompt, size },
        hooks.signal ? { signal: hooks.signal } : {},
      );
    return learn(this.#pipeline, request, hooks, apply);
  }

  /** See restyle/restyle.ts; memory as in learn. */
  async restyle(request: RestyleRequest, hooks: Hooks = {}): Promise<Image> {
    const { model, runtime } = this.#pipeline;
    const rows = request.styles.length + 1;
    const rank = USUAL_RANK * request.styles.length;
    requireMemory(model, runtime, { kind: 'restyle', size: workingSize(model, request.size), rank, rows });
    return this.#restyler.restyle(request, hooks);
  }

  /** See restyle/imagine.ts; memory as in learn. */
  async imagine(request: ImagineRequest, hooks: Hooks = {}): Promise<Image> {
    const { model, runtime } = this.#pipeline;
    const rows = request.styles.length + 2;
    const rank = USUAL_RANK * request.styles.length;
    requireMemory(model, runtime, { kind: 'imagine', size: workingSize(model, request.size), rank, rows });
    return imagine(this.#pipeline, request, hooks);
  }

  /** See describeStyle in restyle/styles.ts. */
  describeStyle(name: string, file: Uint8Array, force?: boolean): Promise<StyleDescription> {
    return describeStyle(this.#pipeline, name, file, force);
  }

  memory(): MemoryReport {
    return this.#runtime.memory();
  }

  /** Gives back everything the engine holds on the device; waits for what is under way. */
  async dispose(): Promise<void> {
    this.#restyler.forget();
    this.#pipeline.programs.dispose();
    await this.#runtime.dispose();
  }
}
