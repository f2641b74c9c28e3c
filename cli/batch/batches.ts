/** `diptych batches`: what is queued, running, done and failed. */
import { CancelledError, InputError } from '../../engine/errors';
import { Journals } from '../../batch/journal';
import { describeRate } from '../../batch/rate';
import type { BatchStatus } from '../../batch/status';
import { sleep } from '../../batch/wait';
import { serveBatches } from './page';
import { queueBatches } from './queue';
import type { Io } from '../io';
import { given } from '../options';
import { printableJson, printableLines } from '../terminal/printable';
import { duration } from '../terminal/progress';

export interface BatchesOptions {
  readonly queue?: string;
  readonly watch?: boolean;
  /** Port, or true for the usual one. */
  readonly serve?: number | true;
  readonly host?: string;
  readonly json?: boolean;
}

const WATCH_MS = 2000;
const CLEAR_SCREEN = '\x1b[2J\x1b[H';
/** The page's port unless another is named. */
const PORT = 8790;

/** @param name a batch of the queue or, without a queue, the -o folder of one. */
export async function batchesCommand(
  io: Io,
  name: string | undefined,
  options: BatchesOptions,
): Promise<readonly BatchStatus[]> {
  if (options.serve !== undefined) {
    const { queue, host, serve } = options;
    return serveBatches(io, name, { serve: serve === true ? PORT : serve, ...given({ queue, host }) });
  }
  const show = (look: () => Promise<readonly BatchStatus[]>): Promise<readonly BatchStatus[]> =>
    options.watch ? watch(io, options, look) : look();
  const { queue } = options;
  if (queue !== undefined) {
    return queueBatches(io, name, { queue, patient: options.watch === true }, show).catch((error: unknown) => {
      throw options.watch && error instanceof CancelledError ? stoppedWatching() : error;
    });
  }
  if (name !== undefined) {
    const journals = new Journals(name);
    return show(() => journals.list());
  }
  throw new InputError('name the queue with --queue URL, or the -o folder of a batch on this machine');
}

/** Says it again and again until Ctrl-C. */
async function watch(io: Io, { json }: BatchesOptions, look: () => Promise<readonly BatchStatus[]>): Promise<never> {
  for (;;) {
    const batches = await look();
    if (json) io.out(`${printableJson({ batches })}\n`);
    else io.out(`${io.interactive ? CLEAR_SCREEN : ''}${printableLines(describeBatches(batches))}`);
    await sleep(WATCH_MS, io.signal);
    if (io.signal.aborted) throw stoppedWatching();
  }
}

const stoppedWatching = (): CancelledError => new CancelledError('stopped watching; the batches go on');

export function describeBatches(batches: readonly BatchStatus[]): string {
  return batches.length === 0 ? 'no batches\n' : batches.map(describeBatch).join('');
}

/** Failures shown for one batch; --json has them all. */
const FAILURES_SHOWN = 10;

/** A batch for people. */
function describeBatch({ name, state, total, counts, perSecond, secondsLeft, ...more }: BatchStatus): string {
  const parts = [`${counts.done}/${total} done`];
  if (counts.running > 0) parts.push(`${counts.running} running`);
  if (counts.waiting + counts.delayed > 0) parts.push(`${counts.waiting + counts.delayed} waiting`);
  if (counts.failed > 0) parts.push(`${counts.failed} failed`);
  if (counts.lost) parts.push(`${counts.lost} lost from the queue (run its diptych batch command again)`);
  if (perSecond) parts.push(describeRate(perSecond));
  if (perSecond && secondsLeft) parts.push(`${duration(secondsLeft)} left`);
  const lines = [`${name}  ${state}  ${parts.join(', ')}`];
  for (const { reason } of more.failures.slice(0, FAILURES_SHOWN)) lines.push(`  failed   ${reason}`);
  if (more.failures.length > FAILURES_SHOWN) lines.push(`  and ${more.failures.length - FAILURES_SHOWN} more failed`);
  for (const { worker, reason } of more.refusals) lines.push(`  refused  by ${worker}: ${reason}`);
  return `${lines.join('\n')}\n`;
}
