/** A worker of a queue: takes pictures of the oldest batch that has some and that it can do right, and refuses the others. */
import { hostname } from 'node:os';
import type { Worker } from 'bullmq';
import type { EngineDescription } from '../../engine/engine';
import { messageOf } from '../../engine/weights/source';
import { MachineError, oneLine, SLOT_ERRORS } from '../errors';
import { orderOf, TRIES, type BatchJob, type BatchSpec, type JobOrder, type JobReply, type JobResult } from '../job';
import { removeTemporaryFolder, whyNotWritable } from '../output';
import { PoolClosedError, type SlotPool } from '../slot/pool';
import { isFull } from './connection';
import { SlotHealth } from './health';
import { Notes } from './notes';
import { isTriedAgain, queueName, reasonOf, type BatchEntry, type PictureJob, type Registry } from './registry';
import { sleep, unlessAborted } from '../wait';
import { Watchers } from './watchers';
import { fetchStyles, mismatchOf, readStyles, transferJob } from './worker-files';

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
  /** How long a worker leaves a batch alone that it cannot do at present, ms. */
  readonly pauseMs?: number;
}

/** How often a worker looks for new batches, ms. */
const LOOK_MS = 1000;
/** How long a worker leaves a batch alone that it cannot do at present, as with a full disk, ms. */
const PAUSE_MS = 15_000;
/** After a connection was lost, what failed is asked again this much later, ms; BullMQ's own 15 s leave a worker idle. */
const RETRY_MS = 1000;
/** Once the slots are closed, the server has this long to take back what was not done, ms. */
const GIVE_BACK_MS = 1000;
/**
 * Batches at once that are left with pictures in work, and that are watched. Each holds a connection of its own, and on
 * PostgreSQL these come from one pool.
 */
const MOST_LEAVING = 4;
const MOST_WATCHED = 2;
/** Batches whose styles are kept in memory. */
const STYLES_KEPT = 4;
/**
 * Of pictures that take less than this in the engine, s, one more for each slot is taken: it is read while the one before
 * is computed, and begins at once. No other worker waits longer for it than this.
 */
const QUICK_SECONDS = 1;

type Styles = ReadonlyMap<string, Uint8Array>;

/** A batch that pictures are taken from, or were until those in work end. */
interface Attached {
  readonly entry: BatchEntry;
  readonly worker: Worker;
  /** Pictures in work. */
  working: number;
  /** Those of them that are computed, whose slots can take others; their files are being written. */
  writing: number;
}

interface Refused {
  readonly created: number;
  readonly reason: string;
  /** Until when the batch is left alone, ms since 1970. */
  readonly until: number;
}

export class QueueWorker {
  readonly #id = `${hostname()}:${process.pid}`;
  /** The one batch that pictures are taken from. */
  #current: Attached | undefined;
  /** Batches that no more is taken from, with pictures in work. */
  readonly #leaving = new Set<Attached>();
  /** Until those have ended. */
  readonly #detaching = new Set<Promise<void>>();
  readonly #watchers: Watchers;
  /** The styles of a batch by their SHA-256, of the latest few batches. */
  readonly #styles = new Map<string, Styles>();
  readonly #refused = new Map<string, Refused>();
  readonly #health: SlotHealth;
  /** Whether the latest picture was quick. */
  #isQuick = false;
  #stopping = false;
  #givenBack = 0;
  readonly #notes: Notes;
  /** Ends the wait for the next look. */
  #wake: () => void = () => undefined;

  constructor(
    private readonly registry: Registry,
    private readonly pool: WorkerSlots,
    private readonly engine: EngineDescription,
    private readonly options: QueueWorkerOptions,
    private readonly hooks: WorkerHooks,
  ) {
    this.#health = new SlotHealth(this.#pauseMs);
    // A full server refuses something at least as often as it is asked for pictures of dead workers.
    this.#notes = new Notes(hooks.note, registry.server.label, 2000 * options.lockSeconds);
    const open = (name: string): Worker => registry.server.worker(queueName(name), undefined, this.#workerOptions);
    this.#watchers = new Watchers(open, (watcher) => this.#closing(watcher));
  }

  /**
   * Works until the signal fires. Then it takes no more pictures; those in work end within two seconds or are given back.
   *
   * @returns how many were given back.
   * @throws MachineError when its slots cannot be started, several times in a row.
   */
  async run(signal: AbortSignal): Promise<{ readonly givenBack: number }> {
    while (!signal.aborted && !this.#health.gaveUp) {
      const nap = new AbortController();
      const wake = (): void => nap.abort();
      this.#wake = wake;
      signal.addEventListener('abort', wake);
      try {
        // A server that is away answers nothing until it is back.
        await unlessAborted(this.#look(), signal);
      } catch (error) {
        // The server's connection says that it is lost; what else fails is tried again as well.
        if (isFull(error)) this.#notes.full();
        else this.#notes.once(`the queue cannot be read: ${oneLine(messageOf(error))}`);
      }
      await sleep(LOOK_MS, nap.signal);
      signal.removeEventListener('abort', wake);
    }
    await this.#stop();
    const { gaveUp } = this.#health;
    if (!gaveUp) return { givenBack: this.#givenBack };
    throw new MachineError(
      `${gaveUp.message}; so it was ${SLOT_ERRORS} times in a row, and this worker ends; put it right and start it again: the pictures stay queued`,
    );
  }

  /** Attaches to the oldest batch of which pictures wait; the one before is left. */
  async #look(): Promise<void> {
    const names = await this.registry.openNames();
    for (const name of this.#refused.keys()) if (!names.includes(name)) this.#refused.delete(name);
    const watched = new Set<string>();
    let next: { readonly entry: BatchEntry; readonly styles: Styles } | undefined;
    let isOpen = false;
    for (const name of names) {
      const entry = await this.registry.find(name);
      if (!entry) continue;
      const { waiting, delayed, running } = await this.registry.counts(name);
      if (waiting + delayed + running === 0 && (await this.#close(entry))) continue;
      if (this.#stopping) return;
      // A picture that waits for its next try does so for a second or two.
      const styles = waiting + delayed > 0 ? await this.#stylesFor(entry) : undefined;
      if (styles) {
        next = { entry, styles };
        break;
      }
      if (this.#isCurrent(entry)) isOpen = true;
      else if (running > 0 && watched.size < MOST_WATCHED) watched.add(name);
    }
    if (this.#stopping) return;
    this.#watchers.watch(watched);
    if (next) this.#serve(next.entry, next.styles);
    else if (!isOpen) this.#leave();
    const used = [...this.#leaving, ...(this.#current ? [this.#current] : [])].map(({ entry }) => entry.spec.name);
    this.registry.closeQueuesBut(new Set([...names, ...used]));
  }

  /** Marks a batch of which nothing is left as closed, for all workers; false when there is something after all. */
  async #close({ spec, unsent, cancelled }: BatchEntry): Promise<boolean> {
    if (unsent > 0 && !cancelled) return false;
    await this.registry.setOpen(spec.name, false);
    // Who added jobs in between marked it open before this worker marked it closed.
    const { waiting, delayed, running } = await this.registry.counts(spec.name);
    if (waiting + delayed + running > 0) {
      await this.registry.setOpen(spec.name, true);
      return false;
    }
    await this.registry.forgetRefusals(spec.name);
    if (!spec.transfer) await removeTemporaryFolder(spec.output);
    return true;
  }

  #isCurrent({ spec }: BatchEntry): boolean {
    const current = this.#current?.entry.spec;
    return current?.name === spec.name && current.created === spec.created;
  }

  /** The styles of a batch that this worker can do; undefined, with the reason in the queue, when it cannot. */
  async #stylesFor(entry: BatchEntry): Promise<Styles | undefined> {
    const { spec } = entry;
    if (this.#health.isResting) return undefined;
    const known = this.#refused.get(spec.name);
    if (known?.created === spec.created && known.until > Date.now()) return undefined;
    const id = `${spec.created} ${spec.name}`;
    const read = this.#styles.get(id);
    if (read && this.#isCurrent(entry)) return read;
    const styles = new Map(read);
    const reason =
      mismatchOf(spec, this.options.version, this.engine) ??
      (read ? undefined : await this.#readStyles(spec, styles)) ??
      (spec.transfer ? undefined : await whyNotWritable(spec.output));
    if (reason !== undefined) {
      this.#refuse(spec, reason);
      return undefined;
    }
    this.#styles.delete(id);
    this.#styles.set(id, styles);
    if (this.#styles.size > STYLES_KEPT) this.#styles.delete(this.#styles.keys().next().value!);
    return styles;
  }

  #readStyles(spec: BatchSpec, into: Map<string, Uint8Array>): Promise<string | undefined> {
    return spec.transfer
      ? fetchStyles(spec, this.registry.server.files, into)
      : readStyles(spec, this.options.readStyle, into);
  }

  #serve(entry: BatchEntry, styles: Styles): void {
    if (this.#isCurrent(entry)) return;
    this.#leave();
    // Pictures of the batch that was left still hold the slots; when one of them ends, this is looked at again.
    const room = this.pool.size - this.#workingElsewhere();
    if (room <= 0 || this.#leaving.size > MOST_LEAVING) return;
    const { spec } = entry;
    const worker = this.registry.server.worker<BatchJob, object>(
      queueName(spec.name),
      (job, token) => this.#process(attached, styles, job as PictureJob, token!),
      { ...this.#workerOptions, concurrency: room },
    );
    const attached: Attached = { entry, worker, working: 0, writing: 0 };
    // Its pictures are there; the server takes notice of them when their lock is over and it has room.
    worker.on('error', (error) => isFull(error) && this.#notes.full());
    worker.on('completed', () => this.#notes.stored());
    worker.on('drained', () => this.#wake());
    worker.on('failed', (job, { message }) => {
      if (!job) return;
      const picture = job as PictureJob;
      this.hooks.onFailed?.(spec.name, job.data, reasonOf(picture, message), isTriedAgain(picture, message));
    });
    this.#current = attached;
    this.hooks.note(`batch ${spec.name}: taking pictures`);
  }

  get #workerOptions() {
    return {
      lockDuration: 1000 * this.options.lockSeconds,
      stalledInterval: 1000 * this.options.lockSeconds,
      maxStalledCount: TRIES - 1,
      runRetryDelay: RETRY_MS,
      name: this.#id,
      // Completed pictures are counted beside those that are remembered.
      metrics: { maxDataPoints: 1 },
    };
  }

  /** Takes no more of the current batch; what is in work ends. */
  #leave(): void {
    const left = this.#current;
    if (!left) return;
    this.#current = undefined;
    this.#leaving.add(left);
    this.#closing(left.worker, () => {
      this.#leaving.delete(left);
      this.#wake();
    });
  }

  #closing(worker: Worker, onClosed: () => void = () => undefined): void {
    const closing = worker.close().finally(() => {
      this.#detaching.delete(closing);
      onClosed();
    });
    this.#detaching.add(closing);
  }

  /** Slots that pictures of batches that were left hold. */
  #workingElsewhere(): number {
    return [...this.#leaving].reduce((sum, { working, writing }) => sum + working - writing, 0);
  }

  /**
   * Gives the current batch the slots that pictures of earlier ones have left, and more pictures than those: one for each
   * slot when they are quick, else in place of those whose files are being written.
   */
  #share(): void {
    if (!this.#current) return this.#wake();
    const { worker, writing } = this.#current;
    const slots = Math.max(1, this.pool.size - this.#workingElsewhere());
    const room = slots + (this.#isQuick ? slots : writing);
    const isMore = room > worker.concurrency;
    worker.concurrency = room;
    // It looks at that number when a picture of its own ends, or when it goes on after a pause.
    if (isMore) void worker.pause(true).then(() => worker.resume());
  }

  async #process(
    attached: Attached,
    styles: Styles,
    job: PictureJob,
    token: string,
  ): Promise<JobResult & { worker: string }> {
    const { spec } = attached.entry;
    attached.working++;
    let isComputed = false;
    const onComputed = (): void => {
      isComputed = true;
      attached.writing++;
      this.#share();
    };
    const run = (order: JobOrder): Promise<JobReply> => this.pool.run(order, styles, { onComputed });
    try {
      const result = spec.transfer
        ? await transferJob(spec, job.data, this.registry.server, run)
        : (await run(orderOf(spec, job.data))).result;
      this.#health.succeeded();
      this.#isQuick = result.engineSeconds < QUICK_SECONDS;
      this.#admit(spec.name);
      this.hooks.onDone?.(spec.name, job.data, result);
      return { ...result, worker: this.#id };
    } catch (error) {
      if (error instanceof PoolClosedError) {
        await job.moveToWait(token);
        this.#givenBack++;
        throw this.registry.server.putBack.waiting();
      }
      const fault = this.#health.faultOf(error, job.data.key);
      if (!fault) throw new Error(oneLine(messageOf(error)));
      this.#refuse(spec, fault.message);
      if (this.#current === attached || this.#health.isResting) this.#leave();
      // A full server cannot do even this; then the picture goes to a worker when its lock is over.
      await job.moveToDelayed(Date.now() + 1000, token);
      throw this.registry.server.putBack.delayed();
    } finally {
      attached.working--;
      if (isComputed) attached.writing--;
      this.#share();
    }
  }

  get #pauseMs(): number {
    return this.options.pauseMs ?? PAUSE_MS;
  }

  /** Leaves a batch alone for a while, and says the reason once, here and in the queue. */
  #refuse({ name, created }: BatchSpec, reason: string): void {
    const known = this.#refused.get(name);
    this.#refused.set(name, { created, reason, until: Date.now() + this.#pauseMs });
    if (known?.created === created && known.reason === reason) return;
    this.hooks.note(`refused: ${reason}; its pictures stay queued`);
    this.#report(name, reason);
  }

  /** A picture of a batch was done: what was said against it holds no longer. */
  #admit(name: string): void {
    if (this.#refused.delete(name)) this.#report(name, '');
  }

  /** @param reason empty when the batch is no longer refused. */
  #report(name: string, reason: string): void {
    void this.registry.refuse(name, { worker: this.#id, reason, time: Date.now() }).catch(() => undefined);
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    const inWork = this.pool.size - this.pool.idle;
    if (inWork > 0) {
      this.hooks.note(`taking no more pictures; those in work (${inWork}) end within two seconds or are given back`);
    }
    this.#leave();
    this.#watchers.watch(new Set());
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
