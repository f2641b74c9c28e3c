/** The engine as a worker offers it: one job at a time, each of which can be cancelled, also while it waits. */
import * as Comlink from 'comlink';
import type { Engine, EngineDescription } from '../engine';
import { CancelledError, throwIfCancelled } from '../errors';
import { checkPair } from '../learn/pair-check';
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
import { Queue } from '../runtime/queue';
import {
  moveImage,
  moveProgress,
  moveResult,
  NOTHING_HELD,
  type ModelLocation,
  type OpenRequest,
  type ReportProgress,
} from './protocol';

/** The part of an Engine that jobs use. */
export type JobEngine = Pick<
  Engine,
  'description' | 'learn' | 'restyle' | 'imagine' | 'describeStyle' | 'memory' | 'dispose'
>;

export type OpenEngine = (request: OpenRequest, signal: AbortSignal) => Promise<JobEngine>;

/** Tells what a diffusion model takes, without opening it on a device. */
export type EstimateNeeds = (model: ModelLocation) => Promise<MemoryNeeds>;

/** A number of the caller's choosing, by which it can cancel the job. */
export type JobId = number;

type JobHooks = Required<Hooks>;

export class EngineService {
  readonly #openEngine: OpenEngine;
  readonly #estimate: EstimateNeeds;
  readonly #queue = new Queue();
  /** Jobs that wait or run. */
  readonly #jobs = new Map<JobId, AbortController>();
  #engine: JobEngine | undefined;
  #closed = false;

  constructor(openEngine: OpenEngine, estimate: EstimateNeeds) {
    this.#openEngine = openEngine;
    this.#estimate = estimate;
  }

  /** Opens a model; the one open before is given back first. */
  open(job: JobId, request: OpenRequest): Promise<EngineDescription> {
    return this.#run(job, undefined, async ({ signal }) => {
      await this.#release();
      this.#engine = await this.#openEngine(request, signal);
      return this.#engine.description;
    });
  }

  async learn(job: JobId, request: LearnRequest, report?: ReportProgress): Promise<LearnResult> {
    return moveResult(await this.#run(job, report, (hooks) => this.#opened().learn(request, hooks)));
  }

  async restyle(job: JobId, request: RestyleRequest, report?: ReportProgress): Promise<Image> {
    return moveImage(await this.#run(job, report, (hooks) => this.#opened().restyle(request, hooks)));
  }

  async imagine(job: JobId, request: ImagineRequest, report?: ReportProgress): Promise<Image> {
    return moveImage(await this.#run(job, report, (hooks) => this.#opened().imagine(request, hooks)));
  }

  /** Reads a style file, and does not wait for jobs. */
  describeStyle(name: string, file: Uint8Array): Promise<StyleDescription> {
    return this.#opened().describeStyle(name, file);
  }

  /** What a diffusion model would take (preflight.ts). Needs none to be open and does not wait for jobs. */
  needs(model: ModelLocation): Promise<MemoryNeeds> {
    return this.#estimate(model);
  }

  /** Needs no model and does not wait for jobs. */
  check(before: Image, after: Image): PairVerdict {
    return checkPair(before, after);
  }

  /** Cancels a job; one that waits ends at once, one that runs at its next step. A job that is over is left alone. */
  abort(job: JobId): void {
    this.#jobs.get(job)?.abort();
  }

  /** What the engine holds on the device. */
  memory(): MemoryReport {
    return this.#engine?.memory() ?? NOTHING_HELD;
  }

  /** Cancels every job, waits for the one that runs, and gives everything back; returns what is held in spite of that. */
  async dispose(): Promise<MemoryReport> {
    this.#closed = true;
    for (const abort of this.#jobs.values()) abort.abort();
    await this.#queue.run(() => this.#engine?.dispose());
    return this.memory();
  }

  async #release(): Promise<void> {
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.dispose();
  }

  #opened(): JobEngine {
    if (!this.#engine) throw new Error('no model is open');
    return this.#engine;
  }

  async #run<T>(job: JobId, report: ReportProgress | undefined, work: (hooks: JobHooks) => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('the engine is used after it was disposed');
    if (this.#jobs.has(job)) throw new Error(`job ${job} is under way already`);
    const abort = new AbortController();
    const { signal } = abort;
    this.#jobs.set(job, abort);
    const progress = new ProgressReports(report, abort);
    let started = false;
    const cancelledWaiting = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        if (!started) reject(new CancelledError());
      });
    });
    try {
      const turn = this.#queue.run(() => {
        throwIfCancelled(signal);
        started = true;
        return work({ signal, onProgress: progress.send });
      });
      return await Promise.race([turn, cancelledWaiting]);
    } finally {
      this.#jobs.delete(job);
      await progress.end();
    }
  }
}

/** Progress on its way to the page. */
class ProgressReports {
  readonly #report: ReportProgress | undefined;
  readonly #abort: AbortController;
  readonly #sent = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(report: ReportProgress | undefined, abort: AbortController) {
    this.#report = report;
    this.#abort = abort;
  }

  readonly send: JobHooks['onProgress'] = (progress) => {
    const sent = Promise.resolve(this.#report?.(moveProgress(progress)))
      .catch((error: unknown) => {
        this.#failure ??= { error };
        this.#abort.abort();
      })
      .finally(() => this.#sent.delete(sent));
    this.#sent.add(sent);
  };

  /**
   * Waits until the page has had every report: they take another way than the result, and a checkpoint must not come
   * after the news that the job was cancelled. Throws what a callback threw, as it would without a worker.
   */
  async end(): Promise<void> {
    await Promise.all(this.#sent);
    // A callback that came through Comlink holds a message port.
    const port = this.#report as Partial<Comlink.ProxyMethods> | undefined;
    port?.[Comlink.releaseProxy]?.();
    if (this.#failure) throw this.#failure.error;
  }
}
