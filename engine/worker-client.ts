/** The engine as a page uses it: the calls of engine.ts, carried out in a worker. */
import * as Comlink from 'comlink';
import type { EngineDescription } from './engine';
import { DeviceError, throwIfCancelled } from './errors';
import type { Image } from './pair/image';
import type { Hooks, ImagineRequest, LearnRequest, LearnResult, PairVerdict, RestyleRequest } from './pair/requests';
import type { MemoryReport } from './runtime/memory';
import { keepErrorClasses, type OpenRequest, type ReportProgress } from './worker-protocol';
import type { EngineService, JobId } from './worker-service';

/**
 * Talks to one worker that runs the bundle of worker.ts. Requests are copied to the worker, results and samples are
 * moved out of it. Jobs run in the order they were asked for. Besides what the engine's calls throw, each throws a
 * DeviceError when the worker dies.
 */
export class EngineClient {
  readonly #service: Comlink.Remote<EngineService>;
  readonly #end: () => void;
  readonly #dead: Promise<never>;
  #die: (error: Error) => void = () => undefined;
  #jobs = 0;

  /** @param end ends the other side, once it has been disposed. */
  constructor(endpoint: Comlink.Endpoint, end: () => void) {
    keepErrorClasses();
    this.#service = Comlink.wrap<EngineService>(endpoint);
    this.#end = end;
    this.#dead = new Promise((_, reject) => (this.#die = reject));
    this.#dead.catch(() => undefined);
  }

  /** Takes over a worker; dispose terminates it. */
  static inWorker(worker: Worker): EngineClient {
    const client = new EngineClient(worker, () => worker.terminate());
    worker.addEventListener('error', (event) => {
      client.fail(`the engine's worker stopped (${event.message || 'its script could not be loaded'}); open it again`);
    });
    return client;
  }

  /** Opens a model; the one open before is given back. Throws an InputError or a DeviceError as Engine.open does. */
  open(request: OpenRequest, signal?: AbortSignal): Promise<EngineDescription> {
    return this.#job(signal, (job) => this.#service.open(job, request));
  }

  /** See pair/learn.ts. */
  learn(request: LearnRequest, hooks: Hooks = {}): Promise<LearnResult> {
    return this.#job(hooks.signal, (job) => this.#service.learn(job, request, ...callback(hooks)));
  }

  /** See pair/restyle.ts. */
  restyle(request: RestyleRequest, hooks: Hooks = {}): Promise<Image> {
    return this.#job(hooks.signal, (job) => this.#service.restyle(job, request, ...callback(hooks)));
  }

  /** See pair/imagine.ts. */
  imagine(request: ImagineRequest, hooks: Hooks = {}): Promise<Image> {
    return this.#job(hooks.signal, (job) => this.#service.imagine(job, request, ...callback(hooks)));
  }

  /** See pair/check.ts. Needs no open model. */
  check(before: Image, after: Image): Promise<PairVerdict> {
    return this.#alive(this.#service.check(before, after));
  }

  memory(): Promise<MemoryReport> {
    return this.#alive(this.#service.memory());
  }

  /** Cancels every job, gives back what the engine holds, and ends the worker. */
  async dispose(): Promise<void> {
    try {
      await this.#alive(this.#service.dispose());
    } finally {
      this.fail('the engine was disposed');
      this.#service[Comlink.releaseProxy]();
      this.#end();
    }
  }

  /** Fails what is under way and all later calls: no answer will come. */
  fail(reason: string): void {
    this.#die(new DeviceError(reason));
  }

  async #job<T>(signal: AbortSignal | undefined, call: (job: JobId) => Promise<T>): Promise<T> {
    throwIfCancelled(signal);
    const job = ++this.#jobs;
    const abort = (): void => void this.#service.abort(job).catch(() => undefined);
    signal?.addEventListener('abort', abort);
    try {
      return await this.#alive(call(job));
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #alive<T>(answer: Promise<T>): Promise<T> {
    return Promise.race([answer, this.#dead]);
  }
}

function callback({ onProgress }: Hooks): [] | [ReportProgress & Comlink.ProxyMarked] {
  return onProgress ? [Comlink.proxy((progress) => onProgress(progress))] : [];
}
