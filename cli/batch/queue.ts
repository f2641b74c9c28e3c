/** `diptych batch`, `worker` and `batches` with a queue. */
import { CancelledError, InputError, throwIfCancelled } from '../../engine/errors';
import { removeTemporaryFolder } from '../../batch/output';
import { planSlots } from '../../batch/machine';
import { BatchProgress } from '../../batch/progress';
import { Registry } from '../../batch/queue/registry';
import type { QueueServer, ServerOptions } from '../../batch/queue/connection';
import { openServer } from '../../batch/queue/server';
import { Submission, submitBatch } from '../../batch/queue/submit';
import { requireSmall, requireWindow, Transfer } from '../../batch/queue/transfer';
import { QueueWorker } from '../../batch/queue/worker';
import type { BatchSpec } from '../../batch/job';
import { surveyAgain, type Survey } from '../../batch/plan';
import { SlotPool } from '../../batch/slot/pool';
import { pictures, picturesAre, type BatchStatus } from '../../batch/status';
import { sleep } from '../../batch/wait';
import {
  describeStart,
  emit,
  readBatch,
  slotProgram,
  surveyBatch,
  type AskedBatch,
  type BatchOptions,
  type BatchSummary,
} from './batch';
import { openBatchModel } from './model';
import { onEnding } from '../terminal/ending';
import type { Io } from '../io';
import { localFolder, type EngineOptions } from '../inputs/models';
import { given } from '../options';
import { duration } from '../terminal/progress';
import { orCancelled } from '../terminal/signals';
import { readStyleFile } from '../inputs/style-files';

export interface QueueOptions {
  readonly queue: string;
  readonly json?: boolean;
}

/** Everything `diptych batch` takes. */
export interface BatchCommandOptions extends BatchOptions {
  readonly queue?: string;
  readonly wait?: boolean;
  readonly detach?: boolean;
  readonly cancel?: boolean;
  readonly retryFailed?: boolean;
}

export function requireQueue(url: string | undefined): string {
  if (url !== undefined) return url;
  throw new InputError('--cancel and --retry-failed are for a queue; name it with --queue URL');
}

/** How often a waiting command looks at its batch, ms. */
const LOOK_MS = 500;
/** A batch is compared with the files once it seems done, and once more after jobs that a server's crash had lost. */
const CHECKS = 3;

/** Does work with a queue's batches and closes the connections whatever happens. */
export async function withRegistry<T>(
  io: Io,
  url: string,
  options: Partial<ServerOptions>,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  const opening = openServer(url, { patient: true, note: (line) => io.err(`${line}\n`), ...options });
  const server = await orCancelled(opening, io.signal);
  const registry = new Registry(server);
  try {
    return await orCancelled(work(registry), io.signal);
  } finally {
    await closeQueue(registry, server);
  }
}

/** Time for connections to be closed in good order, ms: a server that is away does not answer. */
const CLOSE_MS = 1000;

async function closeQueue(registry: Registry, server: QueueServer): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_MS)));
  await Promise.race([registry.close(), late]);
  await Promise.race([server.close(), late]);
  clearTimeout(timer);
}

/** Puts a batch into a queue, and waits for it unless told not to. */
export async function queueBatchCommand(
  io: Io,
  style: string,
  sources: readonly string[],
  options: BatchOptions & QueueOptions & { readonly detach?: boolean },
): Promise<BatchSummary> {
  const asked = await readBatch(io, style, sources, options);
  const { spec, planned } = asked;
  let begun = false;
  let sent = false;
  const work = withRegistry(io, options.queue, {}, async (registry) => {
    let { survey } = await surveyBatch(io, asked);
    const total = planned.length;
    const start = { name: spec.name, output: spec.output, total, done: survey.done.length, failed: 0 };
    emit(io, options, { event: 'start', ...start });
    describeStart(io, { ...asked, survey, total });
    for (let check = 0; ; check++) {
      if (spec.transfer) {
        // What an earlier command left in the store.
        await new Transfer(registry, spec, survey.jobs).fetch();
        survey = await surveyAgain(survey);
        await requireSmall(survey.jobs, stylesOf(asked));
        if (options.detach) await requireWindow(survey.jobs);
      }
      const transfer = spec.transfer ? new Transfer(registry, spec, survey.jobs) : undefined;
      const queued = survey.jobs.length;
      begun = true;
      if (transfer) {
        await transfer.start(await Submission.begin(registry, spec, survey.jobs, total), asked.styles);
        await transfer.round();
      } else {
        await submitWithBar(io, registry, spec, survey, total);
      }
      sent = transfer === undefined || transfer.unsent === 0;
      if (options.detach) {
        if ((await registry.get(spec.name)).cancelled) throw cancelledMeanwhile(spec.name, survey.done.length, total);
        const fetching = transfer ? '; the same command without --detach fetches their results' : '';
        io.err(
          `${picturesAre(queued)} in the queue; see them with: diptych batches ${spec.name} --queue URL${fetching}\n`,
        );
        return start;
      }
      const status = await waitForBatch(io, registry, spec.name, options, async () => {
        await transfer?.round();
        sent = transfer === undefined || transfer.unsent === 0;
      });
      survey = await surveyAgain(survey);
      if (status.state === 'cancelled') throw cancelledMeanwhile(spec.name, survey.done.length, total);
      const unwritten = transfer?.unwritten ?? [];
      const missing = survey.jobs.length - status.counts.failed - unwritten.length;
      if (missing <= 0 || check === CHECKS) {
        for (const { input, reason } of unwritten) {
          io.err(`failed: ${reason}\n`);
          emit(io, options, { event: 'failed', input, reason, tries: 1 });
        }
        if (transfer) await transfer.clear();
        await removeTemporaryFolder(spec.output);
        return { ...start, done: survey.done.length, failed: survey.jobs.length };
      }
      io.err(`note: ${pictures(missing)} lost from the queue and put into it again\n`);
    }
  });
  return work.catch((error: unknown) => {
    if (!(error instanceof CancelledError) || !io.signal.aborted || !begun) throw error;
    const rest = sent ? '' : ' with what it has';
    throw new CancelledError(
      `stopped waiting; batch ${spec.name} goes on in the queue${rest}; run the same command to go on with it, or end it with --cancel`,
    );
  });
}

function cancelledMeanwhile(name: string, done: number, total: number): CancelledError {
  return new CancelledError(`batch ${name} was cancelled; ${done} of ${total} pictures are done`);
}

function stylesOf({ spec, styles }: AskedBatch): { path: string; bytes: number }[] {
  return spec.styles.map(({ path, sha }) => ({ path, bytes: styles.get(sha)!.length }));
}

async function submitWithBar(
  io: Io,
  registry: Registry,
  spec: BatchSpec,
  survey: Survey,
  total: number,
): Promise<void> {
  const bar = new BatchProgress(io.err, io.interactive, duration);
  const queued = survey.jobs.length;
  await submitBatch(registry, spec, survey, total, (done) => {
    if (queued > 2000) bar.update({ done, failed: 0, total: queued });
  }).finally(() => bar.end());
}

/** Shows a batch's progress until nothing of it is left to do. */
async function waitForBatch(
  io: Io,
  registry: Registry,
  name: string,
  options: { readonly json?: boolean },
  onLook: () => Promise<void>,
): Promise<BatchStatus> {
  const bar = new BatchProgress(io.err, io.interactive, duration);
  const said = new Set<string>();
  let last = '';
  try {
    for (;;) {
      const status = await registry.status(await registry.get(name));
      await onLook();
      const { counts, total, perSecond, secondsLeft } = status;
      bar.update({ done: counts.done, failed: counts.failed, total, perSecond, secondsLeft });
      const progress = JSON.stringify({ event: 'progress', ...counts, total });
      if (options.json && progress !== last) io.out(`${progress}\n`);
      last = progress;
      const news = [
        ...status.failures.map(({ reason, input, tries }) => ({ event: 'failed', input, reason, tries })),
        ...status.refusals.map(({ reason, worker }) => ({ event: 'refused', worker, reason })),
      ];
      for (const item of news) {
        const key = JSON.stringify(item);
        if (said.has(key)) continue;
        said.add(key);
        bar.end();
        io.err(`${item.event}: ${item.reason}\n`);
        emit(io, options, item);
      }
      if (status.state !== 'waiting' && status.state !== 'running') return status;
      throwIfCancelled(io.signal);
      await sleep(LOOK_MS, io.signal);
    }
  } finally {
    bar.end();
  }
}

/** `diptych batch NAME --queue URL --cancel | --retry-failed`. */
export async function changeBatchCommand(
  io: Io,
  name: string,
  options: QueueOptions & { readonly cancel?: boolean; readonly retryFailed?: boolean },
): Promise<object> {
  return withRegistry(io, options.queue, { patient: false }, async (registry) => {
    if (options.cancel) {
      await registry.cancel(name);
      const { running } = await registry.counts(name);
      const rest = running > 0 ? `; ${pictures(running)} in work still ${running === 1 ? 'ends' : 'end'}` : '';
      io.err(`batch ${name}: cancelled${rest}; the same diptych batch command goes on with it\n`);
      return { name, cancelled: true, running };
    }
    const retried = await registry.retryFailed(name);
    io.err(`batch ${name}: ${picturesAre(retried)} tried again\n`);
    return { name, retried };
  });
}

/**
 * All batches of a queue, or one, over one connection.
 *
 * @param options.patient whether a server that goes away is waited for.
 * @param show is given what reads them anew each time.
 */
export async function queueBatches<T>(
  io: Io,
  name: string | undefined,
  { queue, patient }: QueueOptions & Pick<ServerOptions, 'patient'>,
  show: (look: () => Promise<BatchStatus[]>) => Promise<T>,
): Promise<T> {
  return withRegistry(io, queue, { patient }, (registry) => show(() => statuses(registry, name)));
}

/** The status of all batches, or of one. */
export async function statuses(registry: Registry, name: string | undefined): Promise<BatchStatus[]> {
  const entries = name === undefined ? await registry.list() : [await registry.get(name)];
  registry.closeQueuesBut(new Set(entries.map(({ spec }) => spec.name)));
  return Promise.all(entries.map((entry) => registry.status(entry)));
}

export interface WorkerOptions extends EngineOptions, QueueOptions {
  readonly concurrency?: number;
  readonly lock?: number;
}

const LOCK_SECONDS = 30;

/** `diptych worker`: works for a queue until it is told to end. */
export async function workerCommand(io: Io, options: WorkerOptions): Promise<object> {
  const { folder, path } = await localFolder(io, options.model);
  const model = await openBatchModel(folder, io.signal);
  const plan = planSlots(model.weightBytes, {
    slots: options.concurrency,
    threads: options.threads,
    ...given({ device: options.device }),
  });
  const note = (line: string): void => io.err(`${line}\n`);
  const server = await orCancelled(openServer(options.queue, { patient: true, note }), io.signal);
  const registry = new Registry(server);
  const pool = new SlotPool(plan.slots, {
    program: slotProgram(io),
    engine: given({ model: path, device: options.device, threads: plan.threads }),
  });
  const forget = onEnding(() => pool.killNow());
  try {
    const engine = {
      ...(await orCancelled(pool.describe(), io.signal)),
      model: model.name,
      fingerprint: model.fingerprint,
    };
    let done = 0;
    const worker = new QueueWorker(
      registry,
      pool,
      engine,
      { version: io.version, lockSeconds: options.lock ?? LOCK_SECONDS, readStyle: readStyleFile },
      {
        note,
        onDone: (batch, { input, outputs }, { seconds, engineSeconds }) => {
          done++;
          const paths = outputs.map(({ path }) => path);
          if (!options.json) io.err(`${paths.join(' ')}  ${duration(seconds)}\n`);
          emit(io, options, { event: 'done', batch, input, outputs: paths, seconds, engineSeconds });
        },
        onFailed: (batch, { input }, reason, again) => {
          note(`${again ? 'failed, to be tried again' : 'failed'}: ${reason}`);
          emit(io, options, { event: again ? 'retry' : 'failed', batch, input, reason });
        },
      },
    );
    note(
      `worker on ${server.label}: ${engine.model} on ${engine.device.name}, ${plan.slots} at once, ${plan.threads} ${plan.threads === 1 ? 'thread' : 'threads'} each (${plan.reason})`,
    );
    const { givenBack } = await worker.run(io.signal);
    const back = givenBack > 0 ? `, gave ${givenBack} back` : '';
    throw new CancelledError(`worker stopped; it did ${pictures(done)}${back}, the rest stays queued`);
  } finally {
    await pool.kill();
    forget();
    await closeQueue(registry, server);
  }
}
