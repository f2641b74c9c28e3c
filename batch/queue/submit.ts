/** Putting a batch into a queue, whole, twice without harm, and also over an unfinished one of the same name. */
import { InputError } from '../../engine/errors';
import type { BatchJob, BatchSpec } from '../job';
import type { Survey } from '../plan';
import { PICTURE_OPTIONS, type PictureQueue, type Registry } from './registry';

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
  const { name } = spec;
  const queue = registry.pictures(name);
  const before = await registry.find(name);
  const { waiting, delayed, running } = await registry.counts(name);
  if (before && waiting + delayed + running > 0 && settingsOf(before.spec) !== settingsOf(spec)) {
    throw new InputError(
      `batch ${name}: is in the queue with other settings; choose another --name, or cancel it: diptych batch ${name} --queue URL --cancel`,
    );
  }
  try {
    await registry.put({ spec, total, submitted: false, cancelled: false });
    const jobs = await missingJobs(queue, survey.jobs);
    for (let from = 0; from < jobs.length; from += CHUNK) {
      await queue.addBulk(
        jobs.slice(from, from + CHUNK).map((job) => ({
          name: 'picture',
          data: job,
          opts: { ...PICTURE_OPTIONS, jobId: job.key },
        })),
      );
      // Workers may begin with what is there.
      if (from === 0) await registry.setOpen(name, true);
      onProgress(Math.min(jobs.length, from + CHUNK));
    }
    await registry.put({ spec, total, submitted: true, cancelled: false });
    await registry.setOpen(name, true);
    return jobs.length;
  } catch (error) {
    throw fullServer(registry, error) ?? error;
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

function settingsOf({ version, model, styles, settings, strengths, output }: BatchSpec): string {
  return JSON.stringify([version, model.fingerprint, styles.map(({ sha }) => sha), settings, strengths, output]);
}

function fullServer({ server }: Registry, error: unknown): InputError | undefined {
  const message = error instanceof Error ? error.message : String(error);
  if (!/OOM command not allowed|MISCONF|53100|53200/.test(message)) return undefined;
  return new InputError(
    `--queue ${server.label}: the server's memory or disk is full; free some, then run the same command again to go on`,
  );
}
