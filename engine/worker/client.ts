/** The engine as a page uses it: the calls of engine.ts, carried out in a worker. */
import * as Comlink from 'comlink';
import type { EngineDescription } from '../engine';
import { CancelledError, DeviceError, throwIfCancelled } from '../errors';
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
import type { MemoryNeeds } from '../preflight';
import type { MemoryReport } from '../runtime/memory';
import { watchLife } from './life';
import { keepErrorClasses, NOTHING_HELD, type ModelLocation, type OpenRequest, type ReportProgress } from './protocol';
import type { EngineService, JobId } from './service';
import { Watchdog } from './watchdog';

/** How long a worker is waited for, ms. */
export interface Patience {
  /** Without any progress or answer while something was asked of it; more on a machine that showed to be slow. */
  readonly silence: number;
  /** After a job was cancelled that it works on, and after dispose. */
  readonly cancel: number;
}

/** A step of a large net may take minutes on the CPU. */
export const PATIENCE: Patience = { silence: 600_000, cancel: 2_000 };

/** The worker was ended because of another job; this one can be asked of a new worker. */
export class WorkerEndedError extends Error {
  override readonly name = 'WorkerEndedError';
}

/**
 * Talks to one worker that runs the bundle of hosted.ts. Requests are copied to the worker, results and samples are
 * moved out of it. Jobs run in the order they were asked for. Besides what the engine's calls throw, each throws a
 * DeviceError when the worker dies or goes silent. A cancelled job rejects after `patience.cancel` at the latest. If the
 * worker is at that job, deep in a call of the device, it is ended, and the other jobs throw a WorkerEndedError.
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
  /** Jobs that are not over, in the order asked for: the worker is at the first. */
  readonly #order = new Set<JobId>();
  /** Calls without an answer. */
  #open = 0;
  readonly #patience: Patience;
  readonly #watchdog: Watchdog;

  /** @param end ends the other side, once it has been disposed. */
  constructor(endpoint: Comlink.Endpoint, end: () => void, patience: Patience = PATIENCE) {
    keepErrorClasses();
    this.#service = Comlink.wrap<EngineService>(endpoint);
    this.#end = end;
    this.#patience = patience;
    this.#watchdog = new Watchdog(patience.silence, (ms) => {
      const text = `the engine did not answer for ${Math.round(ms / 1000)} seconds and was ended; try again`;
      this.#give(new DeviceError(text));
    });
    this.#over = new Promise((_, reject) => (this.#reject = reject));
    this.#over.catch(() => undefined);
  }

  /** Takes over a worker; dispose terminates it. */
  static inWorker(worker: Worker): EngineClient {
    const gone = (): void =>
      client.fail(
        new DeviceError("the engine's worker ended without an error, as when memory is short; open it again"),
      );
    const forget = watchLife(worker, gone);
    const client = new EngineClient(worker, () => {
      forget();
      worker.terminate();
    });
    worker.addEventListener('error', (event) => {
      const why = event.message || 'its script could not be loaded';
      client.fail(new DeviceError(`the engine's worker stopped (${why}); open it again`));
    });
    worker.addEventListener('messageerror', () => {
      client.fail(new DeviceError("an answer of the engine's worker could not be read; open it again"));
    });
    return client;
  }

  /** Opens a model; the one open before is given back. Throws an InputError or a DeviceError as Engine.open does. */
  open(request: OpenRequest, signal?: AbortSignal): Promise<EngineDescription> {
    return this.#job(signal, (job) => this.#service.open(job, request));
  }

  /** See learn/learn.ts. */
  learn(request: LearnRequest, hooks: Hooks = {}): Promise<LearnResult> {
    return this.#job(hooks.signal, (job) => this.#service.learn(job, request, this.#callback(hooks)));
  }

  /** See restyle/restyle.ts. */
  restyle(request: RestyleRequest, hooks: Hooks = {}): Promise<Image> {
    return this.#job(hooks.signal, (job) => this.#service.restyle(job, request, this.#callback(hooks)));
  }

  /** See restyle/imagine.ts. */
  imagine(request: ImagineRequest, hooks: Hooks = {}): Promise<Image> {
    return this.#job(hooks.signal, (job) => this.#service.imagine(job, request, this.#callback(hooks)));
  }

  /** See restyle/styles.ts. Does not wait for jobs. */
  describeStyle(name: string, file: Uint8Array): Promise<StyleDescription> {
    return this.#ask(() => this.#service.describeStyle(name, file));
  }

  /** What a diffusion model would take (preflight.ts); throws an InputError when it is not supported. Needs no open model. */
  needs(model: ModelLocation): Promise<MemoryNeeds> {
    return this.#ask(() => this.#service.needs(model));
  }

  /** See learn/pair-check.ts. Needs no open model. */
  check(before: Image, after: Image): Promise<PairVerdict> {
    return this.#ask(() => this.#service.check(before, after));
  }

  memory(): Promise<MemoryReport> {
    return this.#ask(() => this.#service.memory());
  }

  /**
   * Cancels every job, gives back what the engine holds, and ends the worker, which may take `patience.cancel` to do so
   * by itself. A second call waits for the first.
   *
   * @returns the memory account after that: all zero, but for the peak.
   */
  dispose(): Promise<MemoryReport> {
    this.#disposal ??= this.#close();
    return this.#disposal;
  }

  async #close(): Promise<MemoryReport> {
    try {
      if (this.#failure) return NOTHING_HELD;
      return await inTime(
        this.#ask(() => this.#service.dispose()),
        this.#patience.cancel,
        NOTHING_HELD,
      );
    } finally {
      this.fail(new Error('the engine is used after it was disposed'));
      this.#service[Comlink.releaseProxy]();
      this.#end();
    }
  }

  /** Whether no answer will come any more. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Fails what is under way and all later calls: no answer will come. */
  fail(error: Error): void {
    this.#watchdog.stop();
    this.#failure ??= error;
    this.#reject(this.#failure);
  }

  /** The same, and ends the worker. */
  #give(error: Error): void {
    this.fail(error);
    void this.dispose();
  }

  async #job<T>(signal: AbortSignal | undefined, call: (job: JobId) => Promise<T>): Promise<T> {
    throwIfCancelled(signal);
    const job = ++this.#jobs;
    this.#order.add(job);
    let timer: ReturnType<typeof setTimeout> | undefined;
    let leave: (error: CancelledError) => void = () => undefined;
    const left = new Promise<never>((_, reject) => (leave = reject));
    left.catch(() => undefined);
    const abort = (): void => {
      void this.#service.abort(job).catch(() => undefined);
      timer = setTimeout(() => {
        const [first] = this.#order;
        leave(new CancelledError());
        if (first === job) this.#give(new WorkerEndedError('the worker was ended because another job was cancelled'));
      }, this.#patience.cancel);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([this.#ask(() => call(job)), left]);
    } finally {
      clearTimeout(timer);
      this.#order.delete(job);
      signal?.removeEventListener('abort', abort);
    }
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    if (this.#failure) throw this.#failure;
    this.#open++;
    this.#watchdog.start();
    const answer = call();
    const over = (): void => {
      this.#watchdog.heard();
      if (--this.#open === 0) this.#watchdog.stop();
    };
    answer.then(over, over);
    return Promise.race([answer, this.#over]);
  }

  #callback({ onProgress }: Hooks): ReportProgress & Comlink.ProxyMarked {
    return Comlink.proxy((progress) => {
      this.#watchdog.heard();
      return onProgress?.(progress);
    });
  }
}

/** What the promise gives, or `late` when it takes longer than `ms`. */
async function inTime<T>(promise: Promise<T>, ms: number, late: T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<T>((resolve) => (timer = setTimeout(() => resolve(late), ms)));
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
