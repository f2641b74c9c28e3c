/** A batch on this machine alone: slots as processes, the journal, three tries, and a stop that loses nothing. */
import { CancelledError } from '../engine/errors';
import { MachineError, oneLine, SLOT_ERRORS, SlotError } from './errors';
import { FIRST_BACKOFF_SECONDS, orderOf, TRIES, type BatchJob, type BatchSpec, type JobResult } from './job';
import type { Journal } from './journal';
import { removeDrafts, removeTemporaryFolder } from './output';
import { PoolClosedError, type SlotPool } from './slot/pool';
import { picturesAre } from './status';
import { sleep } from './wait';

/** Pictures with the pool for each slot: one whose files are written, one that is computed, one that is read ahead. */
const IN_HAND = 3;

/** Called as things happen. */
export interface EmbeddedHooks {
  readonly onStarted?: (job: BatchJob) => void;
  readonly onDone?: (job: BatchJob, result: JobResult) => void;
  /** @param again whether there is another try. */
  readonly onFailed?: (job: BatchJob, reason: string, tries: number, again: boolean) => void;
  /** No new picture is begun once it fires. */
  readonly signal?: AbortSignal;
}

interface Attempt {
  readonly job: BatchJob;
  readonly tries: number;
  /** Not before this time, ms. */
  readonly due: number;
}

export interface EmbeddedResult {
  readonly done: number;
  readonly failed: number;
}

/**
 * Runs the jobs until each is done or has failed three times.
 *
 * @param styles style files by their SHA-256.
 * @throws CancelledError when the signal fired; MachineError when the machine can go on with none, as when its disk is
 *   full, the inputs are no longer mounted or no slot can be started three times in a row. Pictures in work end first, if
 *   they do so soon after the signal; the others are left to do.
 */
export async function runEmbedded(
  spec: BatchSpec,
  jobs: readonly BatchJob[],
  pool: SlotPool,
  styles: ReadonlyMap<string, Uint8Array>,
  journal: Journal,
  hooks: EmbeddedHooks = {},
): Promise<EmbeddedResult> {
  const fresh = jobs.map((job): Attempt => ({ job, tries: 0, due: 0 })).reverse();
  const retries: Attempt[] = [];
  let working = 0;
  let done = 0;
  let failed = 0;
  let slotErrors = 0;
  let stop: Error | undefined;

  const attempt = async ({ job, tries }: Attempt): Promise<void> => {
    const onBegun = (): void => {
      journal.write({ event: 'started', key: job.key, input: job.input });
      hooks.onStarted?.(job);
    };
    try {
      const { result } = await pool.run(orderOf(spec, job), styles, { onBegun });
      const outputs = job.outputs.map(({ path }) => path);
      journal.write({ event: 'done', key: job.key, input: job.input, outputs, seconds: result.seconds });
      done++;
      slotErrors = 0;
      hooks.onDone?.(job, result);
    } catch (error) {
      if (error instanceof PoolClosedError) {
        // Its process was ended, which may have been in the middle of a file.
        await removeDrafts(spec.output, job.key).catch(() => undefined);
        return;
      }
      if (error instanceof SlotError && ++slotErrors < SLOT_ERRORS) {
        retries.push({ job, tries, due: Date.now() + 1000 * FIRST_BACKOFF_SECONDS });
        return;
      }
      if (error instanceof MachineError) {
        stop ??= error;
        pool.clear();
        return;
      }
      const reason = oneLine(error instanceof Error ? error.message : String(error));
      const again = tries + 1 < TRIES;
      journal.write({ event: again ? 'retry' : 'failed', key: job.key, input: job.input, reason, tries: tries + 1 });
      if (again) {
        retries.push({ job, tries: tries + 1, due: Date.now() + 1000 * FIRST_BACKOFF_SECONDS * 2 ** tries });
      } else {
        failed++;
      }
      hooks.onFailed?.(job, reason, tries + 1, again);
    }
  };

  const stopping = (): boolean => {
    stop ??= journal.error;
    return stop !== undefined || hooks.signal?.aborted === true;
  };
  const runner = async (): Promise<void> => {
    while (!stopping()) {
      const now = Date.now();
      const due = retries.findIndex((retry) => retry.due <= now);
      const next = due >= 0 ? retries.splice(due, 1)[0] : fresh.pop();
      if (next) {
        working++;
        await attempt(next).finally(() => working--);
      } else if (retries.length > 0 || working > 0) {
        // What is in work elsewhere may come back for another try.
        await sleep(50);
      } else {
        return;
      }
    }
  };
  const onAbort = (): void => void pool.close();
  hooks.signal?.addEventListener('abort', onAbort, { once: true });
  await Promise.all(Array.from({ length: IN_HAND * pool.size }, runner));
  hooks.signal?.removeEventListener('abort', onAbort);
  await removeTemporaryFolder(spec.output);
  const remaining = jobs.length - done - failed;
  if (stop) {
    await journal.end('stopped');
    throw new MachineError(`${stop.message}; then run the same command again: ${picturesAre(remaining)} left to do`);
  }
  if (remaining > 0) {
    await journal.end('cancelled');
    throw new CancelledError(
      `cancelled; ${remaining} of ${jobs.length} pictures are left to do; run the same command again to go on`,
    );
  }
  await journal.end(failed > 0 ? 'failed' : 'done');
  return { done, failed };
}
