/** The public API: a model on a device, and the jobs of the method on it. */
import { InputError, throwIfCancelled } from './errors';
import type { Image } from './image/image';
import { openDiffusion } from './jobs/diffusion-jobs';
import type { Jobs, ModelDescription } from './jobs/jobs';
import { openPair } from './jobs/pair-jobs';
import { isPairModel } from './pair/model';
import type { Hooks, ImagineRequest, LearnRequest, LearnResult, RestyleRequest, StyleDescription } from './requests';
import type { Backend, DeviceInfo, DeviceOptions } from './runtime/backend';
import type { MemoryReport } from './runtime/memory';
import { openRuntime, type Runtime } from './runtime/runtime';
import type { EightBitStore } from './weights/eight-bit/store';
import type { ModelFolder } from './weights/folder';

export { checkPair } from './learn/pair-check';

/** What is open: for people and for bug reports. */
export interface EngineDescription extends ModelDescription {
  readonly device: DeviceInfo;
}

/** How a model is opened. */
export interface OpenOptions extends DeviceOptions {
  /** Holds the largest weights of a diffusion model in 8 bits, and keeps them there. */
  readonly eightBit?: EightBitStore;
}

export class Engine {
  readonly description: EngineDescription;
  readonly #runtime: Runtime;
  readonly #jobs: Jobs;

  private constructor(jobs: Jobs, runtime: Runtime) {
    this.#runtime = runtime;
    this.#jobs = jobs;
    this.description = { ...jobs.description, device: runtime.device };
  }

  /**
   * Opens a model folder on a device: a diffusion model, or one that reads a style from its pairs.
   *
   * @param backend nodeBackend in Node, the web backend in a browser.
   * @throws InputError when the folder is not a supported model; DeviceError when the device is not there.
   */
  static async open(
    folder: ModelFolder,
    backend: Backend,
    { eightBit, ...options }: OpenOptions = {},
    signal?: AbortSignal,
  ): Promise<Engine> {
    const readsPairs = await isPairModel(folder, signal);
    if (readsPairs && eightBit) {
      throw new InputError(`${folder.name} is small and has no 8-bit weights; leave --weights out`);
    }
    const jobs = await (readsPairs ? openPair(folder, signal) : openDiffusion(folder, signal, eightBit));
    throwIfCancelled(signal);
    const runtime = await openRuntime(backend, options);
    return new Engine(jobs(runtime), runtime);
  }

  learn(request: LearnRequest, hooks: Hooks = {}): Promise<LearnResult> {
    return this.#jobs.learn(request, hooks);
  }

  restyle(request: RestyleRequest, hooks: Hooks = {}): Promise<Image> {
    return this.#jobs.restyle(request, hooks);
  }

  imagine(request: ImagineRequest, hooks: Hooks = {}): Promise<Image> {
    return this.#jobs.imagine(request, hooks);
  }

  /** What a style file is. */
  describeStyle(name: string, file: Uint8Array, force?: boolean): Promise<StyleDescription> {
    return this.#jobs.describeStyle(name, file, force);
  }

  memory(): MemoryReport {
    return this.#runtime.memory();
  }

  /** Gives back everything the engine holds on the device; waits for what is under way. */
  async dispose(): Promise<void> {
    this.#jobs.dispose();
    await this.#runtime.dispose();
  }
}
