/**
 * The batches of a queue. Each is a job of a BullMQ queue that nobody works on, so that both servers keep it alike; its
 * pictures are the jobs of a BullMQ queue of its own. A batch can then be counted, cancelled and retried by what BullMQ
 * offers for a queue, and a worker that must not do it simply does not take from it. The names of those with work are the
 * jobs of a third queue, so that workers read no others.
 */
import type { Job, Queue } from 'bullmq';
import { InputError } from '../../engine/errors';
import { FIRST_BACKOFF_SECONDS, TRIES, type BatchJob, type BatchSpec, type JobResult } from '../job';
import { ratePerSecond } from '../rate';
import { FAILURES_SHOWN, RECENT_SHOWN, secondsLeft, type BatchState, type BatchStatus, type Refusal } from '../status';
import { sleep } from '../wait';
import type { QueueServer } from './connection';
import { INPUTS } from './files';

/** What is kept of a batch beside its jobs. */
export interface BatchEntry {
  readonly spec: BatchSpec;
  /** Input pictures, those done before included. */
  readonly total: number;
  /** Pictures that are still to be put into the queue; until all are, a batch of which nothing waits is not done. */
  readonly unsent: number;
  /** Pictures whose files were there when the batch was put in. */
  readonly before: number;
  /** What the server's count of completed pictures was then; it counts through all runs of a name. */
  readonly counted: number;
  readonly cancelled: boolean;
}

/** Beside the entry: one who adds pictures writes the entry and must not undo what one who cancels has written. */
interface EntryProgress {
  readonly cancelled: boolean;
}

export type PictureJob = Job<BatchJob, JobResult & { readonly worker: string }>;
export type PictureQueue = Queue<BatchJob, JobResult & { readonly worker: string }>;

// With a dot, so that no batch's own queue has that name.
const REGISTRY = 'diptych.batches';
const OPEN = 'diptych.open';
const REFUSALS_KEPT = 20;
/** Done pictures that the server remembers, for the rate and the contact sheet; what is done is said by the files. */
export const DONE_KEPT = 1000;
/** Batches without work that the server remembers; older ones are dropped. */
const CLOSED_KEPT = 100;
const RETRIED_AT_ONCE = 100;
/** A queue that is no longer used may still be asked something, ms. */
const CLOSE_AFTER_MS = 10_000;
/** Time for a completed picture to be counted, ms. */
const COUNTED_MS = 200;
/** What BullMQ says of a job whose workers died too often. */
const STALLED = 'job stalled more than allowable limit';

/** Options of every picture's job. */
export const PICTURE_OPTIONS = {
  attempts: TRIES,
  backoff: { type: 'exponential', delay: 1000 * FIRST_BACKOFF_SECONDS },
  removeOnComplete: { count: DONE_KEPT },
  removeOnFail: false,
} as const;

export class Registry {
  readonly #entries: Queue<Omit<BatchEntry, 'cancelled'>>;
  readonly #open: Queue<object>;
  readonly #queues = new Map<string, PictureQueue>();

  /** @param closedKept batches without work that are remembered. */
  constructor(
    readonly server: QueueServer,
    private readonly closedKept = CLOSED_KEPT,
  ) {
    this.#entries = server.queue(REGISTRY);
    this.#open = server.queue(OPEN);
  }

  /** The queue of a batch's pictures. */
  pictures(name: string): PictureQueue {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue: PictureQueue = this.server.queue(queueName(name));
    this.#queues.set(name, queue);
    return queue;
  }

  /** Closes the queues of all batches but these. A process that runs for long would otherwise keep every one it saw. */
  closeQueuesBut(names: ReadonlySet<string>): void {
    for (const [name, queue] of this.#queues) {
      if (names.has(name)) continue;
      this.#queues.delete(name);
      setTimeout(() => void queue.close().catch(() => undefined), CLOSE_AFTER_MS).unref();
    }
  }

  async find(name: string): Promise<BatchEntry | undefined> {
    const job = await this.#job(name);
    return job && entryOf(job);
  }

  /** Throws an InputError when there is no batch of that name. */
  async get(name: string): Promise<BatchEntry> {
    const entry = await this.find(name);
    if (entry) return entry;
    throw new InputError(`${name}: there is no such batch in ${this.server.label}; diptych batches lists them`);
  }

  /** Writes an entry, a new one or over the one of that name. */
  async put(entry: Omit<BatchEntry, 'cancelled'>): Promise<void> {
    const { name } = entry.spec;
    const job = (await this.#job(name)) ?? (await this.#entries.add('batch', entry, { jobId: entryId(name) }));
    await job.updateData(entry);
  }

  /** Marks a batch as having work or none. */
  async setOpen(name: string, open: boolean): Promise<void> {
    if (open) await this.#open.add('open', {}, { jobId: entryId(name) });
    else await this.#open.remove(entryId(name));
  }

  /** Names of the batches with work, the one that got it first in front. */
  async openNames(): Promise<string[]> {
    const ids = await this.#open.getRanges(['waiting'], 0, -1, true);
    return ids.map(nameOf);
  }

  /** Oldest first. */
  async list(): Promise<BatchEntry[]> {
    const jobs = await this.#entries.getJobs(['waiting'], 0, -1, true);
    return jobs
      .filter((job) => job)
      .map(entryOf)
      .sort((a, b) => a.spec.created - b.spec.created);
  }

  /** Drops the oldest of the batches without work, past those that are kept, with what is remembered of their pictures. */
  async dropOld(): Promise<void> {
    const open = new Set(await this.openNames());
    const known = (await this.#entries.getRanges(['waiting'], 0, -1)).map(nameOf);
    if (known.filter((name) => !open.has(name)).length <= this.closedKept) return;
    const closed = (await this.list()).filter(({ spec }) => !open.has(spec.name));
    for (const { spec } of closed.slice(0, Math.max(0, closed.length - this.closedKept))) {
      if ((await this.counts(spec.name)).running > 0) continue;
      await this.pictures(spec.name).obliterate();
      await this.#entries.remove(entryId(spec.name));
    }
  }

  /** Removes all jobs that wait; those in work end. Who is adding some meanwhile removes them as well. */
  async cancel(name: string): Promise<void> {
    const { spec } = await this.get(name);
    await this.#entries.updateJobProgress(entryId(name), { cancelled: true } satisfies EntryProgress);
    await this.setOpen(name, false);
    await this.removeWaiting(spec);
    await this.forgetRefusals(name);
  }

  /** Takes back a cancel. */
  async renew(name: string): Promise<void> {
    await this.#entries.updateJobProgress(entryId(name), { cancelled: false } satisfies EntryProgress);
  }

  /** Removes all jobs that wait, and their inputs. */
  async removeWaiting({ name, transfer }: BatchSpec): Promise<void> {
    await this.pictures(name).drain(true);
    if (!transfer) return;
    const { files } = this.server;
    await files.remove(name, await files.names(name, INPUTS));
  }

  /** Puts what has failed back into the queue, each with all its tries; returns how many. */
  async retryFailed(name: string): Promise<number> {
    await this.#requireRetryable(name);
    const queue = this.pictures(name);
    const failed = await queue.getFailed();
    for (let from = 0; from < failed.length; from += RETRIED_AT_ONCE) {
      await Promise.all(failed.slice(from, from + RETRIED_AT_ONCE).map((job) => tryAgain(queue, job)));
    }
    if (failed.length > 0) await this.setOpen(name, true);
    return failed.length;
  }

  /** Puts one failed picture back. */
  async retryOne(name: string, key: string): Promise<void> {
    await this.#requireRetryable(name);
    const queue = this.pictures(name);
    const job = await queue.getJob(key);
    if (!job || !(await job.isFailed())) throw new InputError(`${key}: is no failed picture of ${name}`);
    await tryAgain(queue, job);
    await this.setOpen(name, true);
  }

  async #requireRetryable(name: string): Promise<void> {
    if (!(await this.get(name)).spec.transfer) return;
    throw new InputError(
      `batch ${name}: its pictures come through the queue; run its diptych batch command again to send those that failed`,
    );
  }

  /** @param refusal with an empty reason it takes back what the worker said before. */
  async refuse(name: string, refusal: Refusal): Promise<void> {
    await this.#entries.addJobLog(entryId(name), JSON.stringify(refusal), REFUSALS_KEPT);
  }

  async forgetRefusals(name: string): Promise<void> {
    await (await this.#job(name))?.clearLogs();
  }

  /** How many pictures of a batch were ever completed, in all its runs. The server counts them as it completes them. */
  async completed(name: string): Promise<number> {
    return (await this.pictures(name).getMetrics('completed', 0, 0)).meta.count;
  }

  async counts(name: string): Promise<Omit<BatchStatus['counts'], 'done'>> {
    const counts = await this.pictures(name).getJobCounts('waiting', 'active', 'delayed', 'failed');
    return {
      failed: counts['failed'] ?? 0,
      running: counts['active'] ?? 0,
      waiting: counts['waiting'] ?? 0,
      delayed: counts['delayed'] ?? 0,
    };
  }

  async status(entry: BatchEntry): Promise<BatchStatus> {
    const status = await this.#statusNow(entry);
    if (status.counts.lost === undefined) return status;
    // PostgreSQL counts a picture as completed a moment after it has moved it.
    await sleep(COUNTED_MS);
    return this.#statusNow((await this.find(entry.spec.name)) ?? entry);
  }

  async #statusNow(entry: BatchEntry): Promise<BatchStatus> {
    const { spec, total, before, counted, cancelled } = entry;
    const unsent = cancelled ? 0 : entry.unsent;
    const queue = this.pictures(spec.name);
    const [counts, failedJobs, doneJobs, logs] = await Promise.all([
      this.counts(spec.name),
      queue.getFailed(0, FAILURES_SHOWN - 1),
      queue.getCompleted(0, RECENT_SHOWN - 1),
      this.#entries.getJobLogs(entryId(spec.name)),
    ]);
    // After the counts: what is completed in between is then in both, and in neither the other way round.
    const completed = await this.completed(spec.name);
    const outstanding = counts.waiting + counts.delayed + counts.running;
    const left = outstanding + counts.failed;
    // At most what the rest leaves: a picture of an input that has changed since is counted too.
    const rest = Math.max(0, total - left - unsent);
    const done = Math.min(rest, before + Math.max(0, completed - counted));
    const isOver = outstanding + unsent === 0 && !cancelled;
    const lost = isOver ? rest - done : 0;
    const now = Date.now();
    const times = doneJobs.map(({ finishedOn }) => finishedOn ?? now).reverse();
    const perSecond = outstanding > 0 ? (ratePerSecond(times, now) ?? null) : null;
    return {
      name: spec.name,
      state: stateOf(entry, counts, lost),
      total,
      counts: { done, ...counts, waiting: counts.waiting + unsent, ...(lost > 0 && { lost }) },
      perSecond,
      secondsLeft: secondsLeft(outstanding + unsent, perSecond),
      failures: failedJobs.map((job) => ({
        key: job.data.key,
        input: job.data.input,
        reason: reasonOf(job, job.failedReason),
        tries: hasStalled(job) ? TRIES : job.attemptsMade,
      })),
      refusals: latestRefusals(logs.logs),
      recent: doneJobs.map(({ data, finishedOn }) => ({
        key: data.key,
        input: data.input,
        outputs: data.outputs.map(({ path }) => path),
        time: finishedOn ?? now,
      })),
      retryable: spec.transfer !== true,
      spec,
    };
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.#entries, this.#open, ...this.#queues.values()].map((queue) => queue.close().catch(() => undefined)),
    );
  }

  #job(name: string): Promise<EntryJob | undefined> {
    return this.#entries.getJob(entryId(name));
  }
}

type EntryJob = Job<Omit<BatchEntry, 'cancelled'>>;

function entryOf({ data, progress }: EntryJob): BatchEntry {
  return { ...data, cancelled: (progress as Partial<EntryProgress>).cancelled === true };
}

/** BullMQ allows no id of digits alone. */
const entryId = (name: string): string => `batch-${name}`;
const nameOf = (id: string): string => id.slice(entryId('').length);

export const queueName = (name: string): string => `diptych-${name}`;

function stateOf(
  { unsent, cancelled }: BatchEntry,
  counts: Omit<BatchStatus['counts'], 'done'>,
  lost: number,
): BatchState {
  if (counts.running > 0) return 'running';
  if (cancelled) return 'cancelled';
  if (counts.waiting + counts.delayed > 0 || unsent > 0) return 'waiting';
  if (lost > 0) return 'stopped';
  return counts.failed > 0 ? 'failed' : 'done';
}

/** BullMQ counts tries and the deaths of workers apart, and forgets the latter only with the job. */
async function tryAgain(queue: PictureQueue, job: PictureJob): Promise<void> {
  if (!hasStalled(job)) return job.retry('failed', { resetAttemptsMade: true });
  await job.remove();
  await queue.add(job.name, job.data, { ...PICTURE_OPTIONS, jobId: job.data.key });
}

/** Whether it failed because its workers died. */
const hasStalled = ({ failedReason }: PictureJob): boolean => failedReason === STALLED;

/** Why a picture failed, for people. */
export function reasonOf({ data }: PictureJob, reason: string): string {
  return reason === STALLED ? `${data.input}: ended the worker ${TRIES} times` : reason;
}

/** Whether a picture that failed is tried again. */
export const isTriedAgain = ({ attemptsMade }: PictureJob, reason: string): boolean =>
  attemptsMade < TRIES && reason !== STALLED;

/** The latest reason of each worker. */
function latestRefusals(logs: readonly string[]): Refusal[] {
  const latest = new Map<string, Refusal>();
  for (const line of logs) {
    const refusal = JSON.parse(line) as Refusal;
    latest.set(refusal.worker, refusal);
  }
  return [...latest.values()].filter(({ reason }) => reason !== '');
}
