/**
 * The batches of a queue. Each is a job of a BullMQ queue that nobody works on, so that both servers keep it alike; its
 * pictures are the jobs of a BullMQ queue of its own. A batch can then be counted, cancelled and retried by what BullMQ
 * offers for a queue, and a worker that must not do it simply does not take from it.
 */
import type { Job, Queue } from 'bullmq';
import { InputError } from '../../engine/errors';
import { FIRST_BACKOFF_SECONDS, TRIES, type BatchJob, type BatchSpec, type JobResult } from '../job';
import { ratePerSecond } from '../rate';
import { secondsLeft, type BatchState, type BatchStatus, type Refusal } from '../status';
import type { QueueServer } from './connection';
import { INPUTS } from './files';

/** What is kept of a batch beside its jobs. */
export interface BatchEntry {
  readonly spec: BatchSpec;
  /** Input pictures, those done before included. */
  readonly total: number;
  /** Pictures that are still to be put into the queue; until all are, a batch of which nothing waits is not done. */
  readonly unsent: number;
  readonly cancelled: boolean;
}

/** Whether there is work in a batch; beside the entry, for workers write it. */
interface EntryProgress {
  readonly open: boolean;
}

export type PictureJob = Job<BatchJob, JobResult & { readonly worker: string }>;
export type PictureQueue = Queue<BatchJob, JobResult & { readonly worker: string }>;

const REGISTRY = 'diptych-batches';
const REFUSALS_KEPT = 20;
/** Done pictures that the server remembers, for the rate and the contact sheet; what is done is said by the files. */
export const DONE_KEPT = 1000;
const FAILURES_SHOWN = 1000;
const RECENT_SHOWN = 200;
const BATCHES_SHOWN = 1000;
const RETRIED_AT_ONCE = 100;

/** Options of every picture's job. */
export const PICTURE_OPTIONS = {
  attempts: TRIES,
  backoff: { type: 'exponential', delay: 1000 * FIRST_BACKOFF_SECONDS },
  removeOnComplete: { count: DONE_KEPT },
  removeOnFail: false,
} as const;

export class Registry {
  readonly #entries: Queue<BatchEntry>;
  readonly #queues = new Map<string, PictureQueue>();

  constructor(readonly server: QueueServer) {
    this.#entries = server.queue(REGISTRY);
  }

  /** The queue of a batch's pictures. */
  pictures(name: string): PictureQueue {
    const known = this.#queues.get(name);
    if (known) return known;
    const queue: PictureQueue = this.server.queue(queueName(name));
    this.#queues.set(name, queue);
    return queue;
  }

  async find(name: string): Promise<BatchEntry | undefined> {
    return (await this.#job(name))?.data;
  }

  /** Throws an InputError when there is no batch of that name. */
  async get(name: string): Promise<BatchEntry> {
    const entry = await this.find(name);
    if (entry) return entry;
    throw new InputError(`${name}: there is no such batch in ${this.server.label}; diptych batches lists them`);
  }

  /** Writes an entry, a new one or over the one of that name. */
  async put(entry: BatchEntry): Promise<void> {
    const { name } = entry.spec;
    const job = (await this.#job(name)) ?? (await this.#entries.add('batch', entry, { jobId: entryId(name) }));
    await job.updateData(entry);
  }

  /** Marks a batch as having work or none. */
  async setOpen(name: string, open: boolean): Promise<void> {
    await this.#entries.updateJobProgress(entryId(name), { open } satisfies EntryProgress);
  }

  /** Oldest first. */
  async list(onlyOpen = false): Promise<BatchEntry[]> {
    const jobs = await this.#entries.getJobs(['waiting'], 0, BATCHES_SHOWN - 1, true);
    return jobs
      .filter((job) => job && (!onlyOpen || (job.progress as Partial<EntryProgress>).open === true))
      .map(({ data }) => data)
      .sort((a, b) => a.spec.created - b.spec.created);
  }

  /** Removes all jobs that wait; those in work end. */
  async cancel(name: string): Promise<void> {
    const entry = await this.get(name);
    await this.put({ ...entry, cancelled: true });
    await this.setOpen(name, false);
    await this.pictures(name).drain(true);
    if (entry.spec.transfer) {
      const { files } = this.server;
      await files.remove(name, await files.names(name, INPUTS));
    }
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

  async refuse(name: string, refusal: Refusal): Promise<void> {
    await this.#entries.addJobLog(entryId(name), JSON.stringify(refusal), REFUSALS_KEPT);
  }

  async counts(name: string): Promise<BatchStatus['counts'] & { readonly completed: number }> {
    const counts = await this.pictures(name).getJobCounts('waiting', 'active', 'delayed', 'failed', 'completed');
    return {
      done: 0,
      completed: counts['completed'] ?? 0,
      failed: counts['failed'] ?? 0,
      running: counts['active'] ?? 0,
      waiting: counts['waiting'] ?? 0,
      delayed: counts['delayed'] ?? 0,
    };
  }

  async status(entry: BatchEntry): Promise<BatchStatus> {
    const { spec, total, unsent, cancelled } = entry;
    const queue = this.pictures(spec.name);
    const { completed, ...counts } = await this.counts(spec.name);
    const [failedJobs, doneJobs, logs] = await Promise.all([
      queue.getFailed(0, FAILURES_SHOWN - 1),
      queue.getCompleted(0, RECENT_SHOWN - 1),
      this.#entries.getJobLogs(entryId(spec.name)),
    ]);
    const outstanding = counts.waiting + counts.delayed + counts.running;
    const left = outstanding + counts.failed;
    // Done jobs are forgotten by and by, so what is done is what is not outstanding.
    const done = cancelled ? completed : Math.max(0, total - left - unsent);
    const now = Date.now();
    const times = doneJobs.map(({ finishedOn }) => finishedOn ?? now).reverse();
    const perSecond = outstanding > 0 ? (ratePerSecond(times, now) ?? null) : null;
    return {
      name: spec.name,
      state: stateOf(entry, counts),
      total,
      counts: { ...counts, waiting: counts.waiting + (cancelled ? 0 : unsent), done },
      perSecond,
      secondsLeft: secondsLeft(outstanding + unsent, perSecond),
      failures: failedJobs.map((job) => ({
        key: job.data.key,
        input: job.data.input,
        reason: hasStalled(job) ? `${job.data.input}: ended the worker ${TRIES} times` : job.failedReason,
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
    await Promise.all([this.#entries, ...this.#queues.values()].map((queue) => queue.close().catch(() => undefined)));
  }

  #job(name: string): Promise<Job<BatchEntry> | undefined> {
    return this.#entries.getJob(entryId(name));
  }
}

/** BullMQ allows no id of digits alone. */
const entryId = (name: string): string => `batch-${name}`;

export const queueName = (name: string): string => `diptych-${name}`;

function stateOf({ unsent, cancelled }: BatchEntry, counts: BatchStatus['counts']): BatchState {
  if (counts.running > 0) return 'running';
  if (cancelled) return 'cancelled';
  if (counts.waiting + counts.delayed > 0 || unsent > 0) return 'waiting';
  return counts.failed > 0 ? 'failed' : 'done';
}

/** BullMQ counts tries and the deaths of workers apart, and forgets the latter only with the job. */
async function tryAgain(queue: PictureQueue, job: PictureJob): Promise<void> {
  if (!hasStalled(job)) return job.retry('failed', { resetAttemptsMade: true });
  await job.remove();
  await queue.add(job.name, job.data, { ...PICTURE_OPTIONS, jobId: job.data.key });
}

/** Whether it failed because its workers died. */
const hasStalled = ({ failedReason }: PictureJob): boolean => failedReason?.includes('stalled') === true;

/** The latest reason of each worker. */
function latestRefusals(logs: readonly string[]): Refusal[] {
  const latest = new Map<string, Refusal>();
  for (const line of logs) {
    const refusal = JSON.parse(line) as Refusal;
    latest.set(refusal.worker, refusal);
  }
  return [...latest.values()];
}
