/** Putting a batch into a queue, whole, twice without harm, and also over an unfinished one of the same name. */
import { InputError } from '../../engine/errors';
import { isFull } from './connection';
import type { BatchJob, BatchSpec } from '../job';
import type { Survey } from '../plan';
import { PICTURE_OPTIONS, type BatchEntry, type PictureQueue, type Registry } from './registry';

/** Jobs sent to the server at once. */
const CHUNK = 500;

/**
 * Adds the jobs that are not in the queue yet, tries failed ones again, and removes those the batch no longer has.
 *
 * @param total input pictures of the batch, those done before included.
 * @returns how many jobs were added.
 * @throws InputError when a batch of that name has other settings and is not done, or the server takes no more.
 */
export async function submitBatch(
  registry: Registry,
  spec: BatchSpec,
  survey: Survey,
  total: number,
  onProgress: (added: number) => void = () => undefined,
): Promise<number> {
  const submission = await Submission.begin(registry, spec, survey.jobs, total);
  const { jobs } = submission;
  for (let from = 0; from < jobs.length; from += CHUNK) {
    if (!(await submission.add(jobs.slice(from, from + CHUNK)))) return from;
    onProgress(Math.min(jobs.length, from + CHUNK));
  }
  return jobs.length;
}

/** A batch on its way into a queue: `jobs` are still to be added, in any number of calls. */
export class Submission {
  #unsent: number;

  private constructor(
    readonly registry: Registry,
    readonly spec: BatchSpec,
    private readonly numbers: Pick<BatchEntry, 'total' | 'before' | 'counted'>,
    /** Those of the wanted jobs that the queue lacks. */
    readonly jobs: readonly BatchJob[],
  ) {
    this.#unsent = jobs.length;
  }

  /** Makes or renews the batch's entry and clears the queue of what stands in the way. Throws as submitBatch does. */
  static async begin(
    registry: Registry,
    spec: BatchSpec,
    wanted: readonly BatchJob[],
    total: number,
  ): Promise<Submission> {
    const { name } = spec;
    const before = await registry.find(name);
    const { waiting, delayed, running } = await registry.counts(name);
    if (before && waiting + delayed + running > 0 && settingsOf(before.spec) !== settingsOf(spec)) {
      throw new InputError(
        `batch ${name}: is in the queue with other settings; choose another --name, or cancel it: diptych batch ${name} --queue URL --cancel`,
      );
    }
    return unlessFull(registry, async () => {
      const numbers = { total, before: total - wanted.length, counted: await registry.completed(name) };
      await registry.put({ spec, ...numbers, unsent: wanted.length });
      await registry.renew(name);
      // What workers said of an earlier run is no news of this one.
      if (waiting + delayed + running === 0) await registry.forgetRefusals(name);
      const jobs = await missingJobs(registry.pictures(name), wanted);
      await registry.put({ spec, ...numbers, unsent: jobs.length });
      await registry.setOpen(name, true);
      await registry.dropOld();
      return new Submission(registry, spec, numbers, jobs);
    });
  }

  /**
   * Adds some of `jobs`; workers may begin with them.
   *
   * @returns false once someone has cancelled the batch; then nothing of it waits.
   */
  async add(jobs: readonly BatchJob[]): Promise<boolean> {
    const { registry, spec, numbers } = this;
    const { name } = spec;
    const isCancelled = async (): Promise<boolean> => (await registry.get(name)).cancelled;
    if (!(await isCancelled())) {
      await unlessFull(registry, async () => {
        const opts = PICTURE_OPTIONS;
        await registry
          .pictures(name)
          .addBulk(jobs.map((job) => ({ name: 'picture', data: job, opts: { ...opts, jobId: job.key } })));
        this.#unsent -= jobs.length;
        await registry.put({ spec, ...numbers, unsent: this.#unsent });
      });
      // Who cancels says so first and removes afterwards, so that one of the two sees what the other did.
      if (!(await isCancelled())) {
        await unlessFull(registry, () => registry.setOpen(name, true));
        return true;
      }
    }
    await registry.removeWaiting(spec);
    return false;
  }
}

/** Of the wanted jobs those to be added. Removes from the queue what stands in their way. */
async function missingJobs(queue: PictureQueue, wanted: readonly BatchJob[]): Promise<BatchJob[]> {
  const keys = new Set(wanted.map(({ key }) => key));
  const waiting = new Set(await queue.getRanges(['waiting', 'delayed'], 0, -1));
  const active = new Set(await queue.getRanges(['active'], 0, -1));
  const ended = await queue.getRanges(['failed', 'completed'], 0, -1);
  // Done ones whose files are gone, failed ones, and jobs of inputs that have changed or left the batch.
  const obsolete = [...ended, ...[...waiting].filter((key) => !keys.has(key))];
  for (let from = 0; from < obsolete.length; from += CHUNK) {
    const jobs = await Promise.all(obsolete.slice(from, from + CHUNK).map((key) => queue.getJob(key)));
    // A job that a worker took meanwhile cannot be removed; it ends by itself.
    await Promise.all(jobs.map((job) => job?.remove().catch(() => undefined)));
  }
  return wanted.filter(({ key }) => !waiting.has(key) && !active.has(key));
}

function settingsOf({ version, model, styles, settings, strengths, output, transfer }: BatchSpec): string {
  const shas = styles.map(({ sha }) => sha);
  return JSON.stringify([version, model.fingerprint, shas, settings, strengths, output, transfer === true]);
}

/** Does something that stores data; throws an InputError when the server has no room for it. */
export async function unlessFull<T>({ server }: Registry, store: () => Promise<T>): Promise<T> {
  try {
    return await store();
  } catch (error) {
    if (!isFull(error)) throw error;
    throw new InputError(
      `--queue ${server.label}: the server's memory or disk is full; free some, then run the same command again to go on`,
    );
  }
}
