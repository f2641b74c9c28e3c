/** The engine as a page uses it: the calls of engine.ts, carried out in a worker. */
import * as Comlink from 'comlink';
import type { EngineDescription } from '../engine';
import { DeviceError, throwIfCancelled } from '../errors';
import type { Image } from '../image/image';
import type {
  Hooks,
  ImagineRequest,
  LearnRequest,
  LearnResult,
  PairVerdict,
  RestyleRequest,
  StyleDescription,
} from '../requests';
import type { MemoryReport } from '../runtime/memory';
import { keepErrorClasses, NOTHING_HELD, type OpenRequest, type ReportProgress } from './protocol';
import type { EngineService, JobId } from './service';

/**
 * Talks to one worker that runs the bundle of hosted.ts. Requests are copied to the worker, results and samples are
 * moved out of it. Jobs run in the order they were asked for. Besides what the engine's calls throw, each throws a
 * DeviceError when the worker dies.
 */
export class EngineClient {
  readonly #service: Comlink.Remote<EngineService>;
  readonly #end: () => void;
  /** Rejects once no answer will come any more. */
  readonly #over: Promise<never>;
  #reject: (error: Error) => void = () => undefined;
  #failure: Error | undefined;
  #disposal: Promise<MemoryReport> | undefined;
  #jobs = 0;

  /** @param end ends the other side, once it has been disposed. */
  constructor(endpoint: Comlink.Endpoint, end: () => void) {
    keepErrorClasses();
    this.#service = Comlink.wrap<EngineService>(endpoint);
    this.#end = end;
    this.#over = new Promise((_, reject) => (this.#reject = reject));
    this.#over.catch(() => undefined);
  }

  /** Takes over a worker; dispose terminates it. */
  static inWorker(worker: Worker): EngineClient {
    const client = new EngineClient(worker, () => worker.terminate());
    worker.addEventListener('error', (event) => {
      const why = event.message || 'its script could not be loaded';
      client.fail(new DeviceError(`the engine's worker stopped (${why}); open it again`));
    });
    return client;
  }

  /** Opens a model; the one open before is given back. Throws an InputError or a DeviceError as Engine.open does. */
  open(request: OpenRequest, signal?: AbortSignal): Promise<EngineDescription> {
    return this.#job(signal, (job) => this.#service.open(job, request));
  }

  /** See learn/learn.ts. */
  learn(request: LearnRequest, hooks: Hooks = {}): Promise<LearnResult> {
    return this.#job(hooks.signal, (job) => this.#service.learn(job, request, ...callback(hooks)));
  }

  /** See restyle/restyle.ts. */
  restyle(request: RestyleRequest, hooks: Hooks = {}): Promise<Image> {
    return this.#job(hooks.signal, (job) => this.#service.restyle(job, request, ...callback(hooks)));
  }

  /** See restyle/imagine.ts. */
  imagine(request: ImagineRequest, hooks: Hooks = {}): Promise<Image> {
    return this.#job(hooks.signal, (job) => this.#service.imagine(job, request, ...callback(hooks)));
  }

  /** See restyle/styles.ts. Does not wait for jobs. */
  describeStyle(name: string, file: Uint8Array): Promise<StyleDescription> {
    return this.#ask(() => this.#service.describeStyle(name, file));
  }

  /** See learn/pair-check.ts. Needs no open model. */
  check(before: Image, after: Image): Promise<PairVerdict> {
    return this.#ask(() => this.#service.check(before, after));
  }

  memory(): Promise<MemoryReport> {
    return this.#ask(() => this.#service.memory());
  }

  /**
   * Cancels every job, gives back what the engine holds, and ends the worker. A second call waits for the first.
   *
   * @returns the memory account after that: all zero, but for the peak.
   */
  dispose(): Promise<MemoryReport> {
    this.#disposal ??= this.#close();
    return this.#disposal;
  }

  async #close(): Promise<MemoryReport> {
    try {
      return this.#failure ? NOTHING_HELD : await this.#ask(() => this.#service.dispose());
    } finally {
      this.fail(new Error('the engine is used after it was disposed'));
      this.#service[Comlink.releaseProxy]();
      this.#end();
    }
  }

  /** Fails what is under way and all later calls: no answer will come. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#reject(this.#failure);
  }

  async #job<T>(signal: AbortSignal | undefined, call: (job: JobId) => Promise<T>): Promise<T> {
    throwIfCancelled(signal);
    const job = ++this.#jobs;
    const abort = (): void => void this.#service.abort(job).catch(() => undefined);
    signal?.addEventListener('abort', abort);
    try {
      return await this.#ask(() => call(job));
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    if (this.#failure) throw this.#failure;
    return Promise.race([call(), this.#over]);
  }
}

function callback({ onProgress }: Hooks): [] | [ReportProgress & Comlink.ProxyMarked] {
  return onProgress ? [Comlink.proxy((progress) => onProgress(progress))] : [];
}
