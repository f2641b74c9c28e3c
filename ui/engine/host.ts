/** Keeps an engine running: starts its worker, opens the model asked for, and starts afresh after a breakdown. */
import { signal, type ReadonlySignal } from '@preact/signals-core';
import type { EngineDescription } from '../../engine/engine';
import { CancelledError, DeviceError, throwIfCancelled } from '../../engine/errors';
import type { MemoryNeeds } from '../../engine/preflight';
import type { DeviceOptions } from '../../engine/runtime/backend';
import { Queue } from '../../engine/runtime/queue';
import { WorkerEndedError, type EngineClient } from '../../engine/worker/client';
import type { ModelLocation, OpenRequest } from '../../engine/worker/protocol';
import type { EngineStatus } from '../ports';
import { abortable } from '../abortable';

export interface HostOptions {
  /** Starts a worker. */
  readonly start: () => Promise<EngineClient>;
  /** Finds a model's files by the name the panel knows it by. Throws an InputError when they are not here. */
  readonly locate: (model: string) => Promise<Pick<OpenRequest, 'model' | 'wasm'>>;
  /** The same of a model that is only looked at, which may be on the hub still. */
  readonly find: (model: string) => Promise<ModelLocation>;
  /** Milliseconds in which a model must be open; a worker that takes longer is given up. */
  readonly openLimit?: number;
}

/** The model must be read and ONNX Runtime compiled, which a busy machine does in seconds. */
const OPEN_LIMIT = 180_000;

/** What worked on every machine so far, for one where the best did not start. */
const PLAIN_DEVICE: DeviceOptions = { device: 'wasm', threads: 1 };

/** How a job is taken up after a breakdown. */
export interface Resumption {
  /** Whether the job may be tried again after it broke down `times` times, from 1. */
  readonly again: (times: number) => boolean;
  /** What the user is told then. */
  readonly notice: () => string;
}

/** @param works to be called as soon as the device has done a part of the job. */
export type EngineJob<T> = (engine: OpenEngine, works: () => void) => Promise<T>;

export interface OpenEngine {
  readonly client: EngineClient;
  readonly description: EngineDescription;
}

/** A model that is open or being opened. */
interface Opening {
  readonly model: string;
  readonly done: Promise<OpenEngine>;
  /** Once it is open. */
  client?: EngineClient;
}

export class EngineHost {
  readonly #options: HostOptions;
  readonly #status = signal<EngineStatus>({ state: 'closed' });
  readonly #notice = signal<string | null>(null);
  /** The last warning of the job under way. */
  #said: string | null = null;
  #wanted: string;
  /** The worker, with or without a model. */
  #client: EngineClient | undefined;
  #opening: Opening | undefined;
  readonly #openings = new Queue();
  /** Whether the device has done a part of a job since the panel was opened. */
  #proven = false;
  #device: DeviceOptions = {};

  readonly status: ReadonlySignal<EngineStatus> = this.#status;
  /** What the user should know; taken back when the next job is done. */
  readonly notice: ReadonlySignal<string | null> = this.#notice;

  /** @param model what jobs run on while no other was opened. */
  constructor(options: HostOptions, model: string) {
    this.#options = options;
    this.#wanted = model;
  }

  /** Opens a model for all later jobs; the one open before is given back when the jobs asked for until now are done. */
  async open(model: string, signal?: AbortSignal): Promise<EngineDescription> {
    throwIfCancelled(signal);
    this.#wanted = model;
    return (await abortable(this.#ensure(model), signal)).description;
  }

  /** Shows what a job did not do as asked, until the next job. */
  say(text: string): void {
    this.#said = text;
    this.#notice.value = text;
  }

  /**
   * Runs a job on the chosen model. When the engine breaks down a new one is started, and the job tried again if it
   * may be; else the DeviceError is thrown, while the new engine starts.
   */
  async run<T>(job: EngineJob<T>, { again, notice }: Resumption, signal?: AbortSignal): Promise<T> {
    const model = this.#wanted;
    const works = (): void => void (this.#proven = true);
    this.#said = null;
    for (let breakdowns = 0; ;) {
      const engine = await abortable(this.#ensure(model), signal);
      try {
        const result = await job(engine, works);
        works();
        this.#notice.value = this.#said;
        return result;
      } catch (error) {
        if (error instanceof DeviceError) breakdowns++;
        else if (!(error instanceof WorkerEndedError)) {
          // A job that could not be cancelled in time took its worker along.
          if (engine.client.failed) this.#abandon(engine.client);
          throw error;
        }
        // A device that never did anything may fail the same way again.
        if (error instanceof DeviceError && !this.#proven) this.#device = PLAIN_DEVICE;
        this.#abandon(engine.client);
        if (signal?.aborted) throw new CancelledError();
        if (error instanceof DeviceError && !again(breakdowns)) {
          // Whatever is asked next finds an engine; if it does not start, the status says so.
          this.#ensure(model).catch(() => undefined);
          throw error;
        }
        this.#notice.value = notice();
      }
    }
  }

  /** The engine with a model open, if there is one. */
  get current(): EngineClient | undefined {
    return this.#opening?.client;
  }

  /** What a model would take; whichever is open stays so. */
  async needs(name: string): Promise<MemoryNeeds> {
    const model = await this.#options.find(name);
    const client = await this.#openings.run(() => this.#worker());
    return client.needs(model);
  }

  async dispose(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    this.#opening = undefined;
    this.#status.value = { state: 'closed' };
    await client?.dispose();
  }

  async #ensure(model: string): Promise<OpenEngine> {
    if (this.#opening?.model === model && !this.#opening.client?.failed) return this.#opening.done;
    const opening: Opening = { model, done: this.#openings.run(() => this.#openTwice(model)) };
    this.#opening = opening;
    this.#status.value = { state: 'opening', model };
    opening.done.then(
      ({ client, description }) => {
        opening.client = client;
        if (this.#opening === opening) this.#status.value = { state: 'ready', description };
      },
      (error: unknown) => {
        if (this.#opening !== opening) return;
        this.#opening = undefined;
        this.#status.value = {
          state: 'failed',
          model,
          message: error instanceof Error ? error.message : String(error),
        };
      },
    );
    return opening.done;
  }

  /** Opens a model; if the device fails at it, once more, and on the plainest one if it never did anything yet. */
  async #openTwice(model: string): Promise<OpenEngine> {
    try {
      return await this.#openOnce(model);
    } catch (error) {
      if (error instanceof WorkerEndedError) return this.#openTwice(model);
      if (!(error instanceof DeviceError)) throw error;
      const plainer = !this.#proven && this.#device !== PLAIN_DEVICE;
      if (plainer) this.#device = PLAIN_DEVICE;
      const opened = await this.#openOnce(model);
      if (plainer) this.#notice.value = 'The faster way to compute did not start here. The slower one is used.';
      return opened;
    }
  }

  async #openOnce(model: string): Promise<OpenEngine> {
    const request = await this.#options.locate(model);
    const client = await this.#worker();
    const limit = this.#options.openLimit ?? OPEN_LIMIT;
    const timer = setTimeout(
      () => client.fail(new DeviceError(`the engine did not start within ${limit / 1000} seconds; reload the plugin`)),
      limit,
    );
    try {
      return { client, description: await client.open({ ...request, device: this.#device }) };
    } catch (error) {
      if (error instanceof DeviceError) this.#end(client, error);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #worker(): Promise<EngineClient> {
    if (this.#client?.failed) this.#client = undefined;
    return (this.#client ??= await this.#options.start());
  }

  /** Ends an engine that broke down, and what else was asked of it. */
  #abandon(client: EngineClient): void {
    if (this.#opening?.client === client) this.#opening = undefined;
    this.#end(client, new WorkerEndedError('the engine broke down over another job'));
  }

  #end(client: EngineClient, reason: Error): void {
    if (this.#client === client) this.#client = undefined;
    client.fail(reason);
    void client.dispose();
  }
}
