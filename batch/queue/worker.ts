/** A worker of a queue: takes pictures of every batch that it can do right, oldest batch first, and refuses the others. */
import { access, constants, mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Worker } from 'bullmq';
import type { EngineDescription } from '../../engine/engine';
import { messageOf } from '../../engine/weights/source';
import { MachineError, oneLine } from '../errors';
import { sha256, TRIES, type BatchJob, type BatchSpec, type JobResult } from '../job';
import { removeTemporaryFolder } from '../output';
import { orderOf } from '../run-job';
import { PoolClosedError, type SlotPool } from '../slot/pool';
import { isFull } from './connection';
import { fetchStyles, transferJob } from './worker-files';
import { queueName, type BatchEntry, type PictureJob, type Registry } from './registry';

/** What a worker uses of its slots. */
export type WorkerSlots = Pick<SlotPool, 'size' | 'idle' | 'run' | 'close'>;

export interface WorkerHooks {
  /** A line for people. */
  readonly note: (line: string) => void;
  readonly onDone?: (batch: string, job: BatchJob, result: JobResult) => void;
  readonly onFailed?: (batch: string, job: BatchJob, reason: string, again: boolean) => void;
}

export interface QueueWorkerOptions {
  readonly version: string;
  /** Seconds after a worker's death until another one gets its pictures. */
  readonly lockSeconds: number;
  /** The bytes of a style file. */
  readonly readStyle: (path: string) => Promise<Uint8Array>;
}

/** How often a worker looks for new batches, ms. */
const LOOK_MS = 1000;
/** How long a worker with a full disk leaves a batch alone, ms. */
const MACHINE_PAUSE_MS = 15_000;
/** Once the slots are closed, the server has this long to take back what was not done, ms. */
const GIVE_BACK_MS = 1000;

interface Attached {
  readonly entry: BatchEntry;
  readonly worker: Worker;
}

export class QueueWorker {
  readonly #id = `${hostname()}:${process.pid}`;
  readonly #attached = new Map<string, Attached>();
  /** Why a batch is not taken from at present, and until when that holds, ms. */
  readonly #refused = new Map<string, { readonly reason: string; readonly until: number }>();
  /** Workers of BullMQ that take no more but have not ended yet. */
  readonly #detaching = new Set<Promise<void>>();
  #stopping = false;
  #givenBack = 0;
  /** Lines that are not said again while what they say lasts. */
  readonly #said = new Set<string>();

  constructor(
    private readonly registry: Registry,
    private readonly pool: WorkerSlots,
    private readonly engine: EngineDescription,
    private readonly options: QueueWorkerOptions,
    private readonly hooks: WorkerHooks,
  ) {}

  /**
   * Works until the signal fires. Then it takes no more pictures; those in work end within two seconds or are given back.
   *
   * @returns how many were given back.
   */
  async run(signal: AbortSignal): Promise<{ readonly givenBack: number }> {
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    while (!signal.aborted) {
      try {
        // A server that is away answers nothing until it is back.
        await Promise.race([this.#look(), stopped]);
      } catch (error) {
        // The server's connection says that it is lost; what else fails is tried again as well.
        this.#noteOnce(isFull(error) ? this.#fullLine : `the queue cannot be read: ${oneLine(messageOf(error))}`);
      }
      await sleep(LOOK_MS, signal);
    }
    await this.#stop();
    return { givenBack: this.#givenBack };
  }

  /** Attaches to batches while slots are idle, and detaches from those that are over. */
  async #look(): Promise<void> {
    const open = await this.registry.list(true);
    const names = new Set(open.map(({ spec }) => spec.name));
    for (const [name, { entry }] of this.#attached) {
      const now = open.find(({ spec }) => spec.name === name);
      if (!names.has(name) || now!.spec.created !== entry.spec.created || (await this.#isOver(now!)))
        this.#detach(name);
      if (this.#stopping) return;
    }
    for (const entry of open) {
      const { name } = entry.spec;
      if (this.pool.idle === 0 && this.#attached.size > 0) return;
      if (this.#attached.has(name) || (await this.#isOver(entry))) continue;
      await this.#attach(entry);
    }
  }

  /** Whether nothing is left to do; then the batch is marked as closed, for all workers. */
  async #isOver({ spec, unsent }: BatchEntry): Promise<boolean> {
    const isEmpty = async (): Promise<boolean> => {
      const { waiting, delayed, running } = await this.registry.counts(spec.name);
      return waiting + delayed + running === 0;
    };
    if (!(await isEmpty())) return false;
    if (unsent === 0) {
      await this.registry.setOpen(spec.name, false);
      // Who added jobs in between marked it open before this worker marked it closed.
      if (!(await isEmpty())) {
        await this.registry.setOpen(spec.name, true);
        return false;
      }
      if (!spec.transfer) await removeTemporaryFolder(spec.output);
    }
    return true;
  }

  async #attach(entry: BatchEntry): Promise<void> {
    const { spec } = entry;
    const known = this.#refused.get(spec.name);
    if (known && known.until > Date.now()) return;
    const styles = new Map<string, Uint8Array>();
    const reason =
      this.#mismatch(spec) ??
      (spec.transfer
        ? await fetchStyles(spec, this.registry.server.files, styles)
        : ((await readStyles(spec, this.options.readStyle, styles)) ?? (await cannotWrite(spec.output))));
    if (reason !== undefined) return this.#refuse(spec.name, reason);
    this.#refused.delete(spec.name);
    if (this.#stopping) return;
    const worker = this.registry.server.worker<BatchJob, object>(
      queueName(spec.name),
      (job, token) => this.#process(entry, styles, job as PictureJob, token!),
      {
        concurrency: this.pool.size,
        lockDuration: 1000 * this.options.lockSeconds,
        stalledInterval: 1000 * this.options.lockSeconds,
        maxStalledCount: TRIES - 1,
        name: this.#id,
      },
    );
    // Its pictures are there; the server takes notice of them when their lock is over and it has room.
    worker.on('error', (error) => isFull(error) && this.#noteOnce(this.#fullLine));
    worker.on('completed', () => this.#said.delete(this.#fullLine));
    worker.on('failed', (job, error) => {
      if (job) this.hooks.onFailed?.(spec.name, job.data, error.message, job.attemptsMade < TRIES);
    });
    this.#attached.set(spec.name, { entry, worker });
    this.hooks.note(`batch ${spec.name}: taking pictures`);
  }

  /** Takes no more of a batch; what is in work ends. */
  #detach(name: string): void {
    const attached = this.#attached.get(name);
    if (!attached) return;
    this.#attached.delete(name);
    const detaching = attached.worker.close().finally(() => this.#detaching.delete(detaching));
    this.#detaching.add(detaching);
  }

  async #process(
    { spec }: BatchEntry,
    styles: ReadonlyMap<string, Uint8Array>,
    job: PictureJob,
    token: string,
  ): Promise<JobResult & { worker: string }> {
    try {
      const result = spec.transfer
        ? await transferJob(spec, job.data, this.registry.server, (order) => this.pool.run(order, styles))
        : (await this.pool.run(orderOf(spec, job.data), styles)).result;
      this.hooks.onDone?.(spec.name, job.data, result);
      return { ...result, worker: this.#id };
    } catch (error) {
      if (error instanceof PoolClosedError) {
        await job.moveToWait(token);
        this.#givenBack++;
        throw this.registry.server.putBack.waiting();
      }
      if (error instanceof MachineError) {
        this.#refuse(spec.name, error.message, Date.now() + MACHINE_PAUSE_MS);
        this.#detach(spec.name);
        // A full server cannot do even this; then the picture goes to a worker when its lock is over.
        await job.moveToDelayed(Date.now() + 1000, token);
        throw this.registry.server.putBack.delayed();
      }
      throw new Error(oneLine(messageOf(error)));
    }
  }

  #mismatch({ name, version, model }: BatchSpec): string | undefined {
    if (version !== this.options.version) {
      return `batch ${name} is of Diptych ${version}, this worker is ${this.options.version}; start a worker of that version`;
    }
    if (model.fingerprint !== this.engine.fingerprint) {
      return `batch ${name} is for the model ${model.name} (${model.fingerprint}), this worker has ${this.engine.model} (${this.engine.fingerprint}); start a worker with --model`;
    }
    return undefined;
  }

  /** Says the reason once, here and in the queue. */
  #refuse(name: string, reason: string, until = Date.now() + MACHINE_PAUSE_MS): void {
    const known = this.#refused.get(name);
    this.#refused.set(name, { reason, until });
    if (known?.reason === reason) return;
    this.hooks.note(`refused: ${reason}; its pictures stay queued`);
    void this.registry.refuse(name, { worker: this.#id, reason, time: Date.now() }).catch(() => undefined);
  }

  get #fullLine(): string {
    return `${this.registry.server.label}: the server's memory or disk is full; free some, then the work goes on`;
  }

  #noteOnce(line: string): void {
    if (this.#said.has(line)) return;
    this.#said.add(line);
    this.hooks.note(line);
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    const inWork = this.pool.size - this.pool.idle;
    if (inWork > 0) {
      this.hooks.note(`taking no more pictures; those in work (${inWork}) end within two seconds or are given back`);
    }
    for (const name of this.#attached.keys()) this.#detach(name);
    await this.pool.close();
    const late = new AbortController();
    const ended = Promise.all(this.#detaching).then(() => true);
    const inTime = await Promise.race([ended, sleep(GIVE_BACK_MS, late.signal).then(() => false)]);
    // A timer would keep the process alive.
    late.abort();
    if (!inTime) {
      this.hooks.note(
        `the queue does not answer; pictures that were in work go to other workers ${this.options.lockSeconds} seconds from now`,
      );
    }
  }
}

/** Reads the style files; a reason when one is gone or another one now. */
async function readStyles(
  { name, styles }: BatchSpec,
  read: QueueWorkerOptions['readStyle'],
  into: Map<string, Uint8Array>,
): Promise<string | undefined> {
  for (const { path, sha } of styles) {
    const file = await read(path).catch(() => undefined);
    if (!file) return `batch ${name}: its style ${path} cannot be read on this machine; put it there`;
    if (sha256(file) !== sha) {
      return `batch ${name}: its style ${path} was replaced after the batch was queued; put the earlier file back, or cancel the batch and queue it again`;
    }
    into.set(sha, file);
  }
  return undefined;
}

async function cannotWrite(folder: string): Promise<string | undefined> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    return `${folder}: cannot be written to on this machine (${oneLine(messageOf(error))})`;
  }
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done);
  });
}
