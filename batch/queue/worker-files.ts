/** What a worker needs of a batch: its version and model, its styles, and each input and result that goes through the queue. */
import type { EngineDescription } from '../../engine/engine';
import { InputError } from '../../engine/errors';
import { messageOf } from '../../engine/weights/source';
import { MachineError, oneLine } from '../errors';
import { orderOf, sha256, type BatchJob, type BatchSpec, type JobOrder, type JobReply, type JobResult } from '../job';
import { isFull, type QueueServer } from './connection';
import { fetchedName, inputName, LARGEST_RESULT, resultName, styleName, type FileStore } from './files';

/** Why a worker of that version with that model must not do a batch; undefined when it may. */
export function mismatchOf(
  { name, version, model }: BatchSpec,
  own: string,
  engine: EngineDescription,
): string | undefined {
  if (version !== own) {
    return `batch ${name} is of Diptych ${version}, this worker is ${own}; start a worker of that version`;
  }
  if (model.fingerprint !== engine.fingerprint) {
    return `batch ${name} is for the model ${model.name} (${model.fingerprint}), this worker has ${engine.model} (${engine.fingerprint}); start a worker with --model`;
  }
  return undefined;
}

/** Reads the style files on this machine; a reason when one is gone or another one now. */
export async function readStyles(
  { name, styles }: BatchSpec,
  read: (path: string) => Promise<Uint8Array>,
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

/** Fetches the style files; a reason when one is not what the batch names. */
export async function fetchStyles(
  { name, styles }: BatchSpec,
  files: FileStore,
  into: Map<string, Uint8Array>,
): Promise<string | undefined> {
  for (const { path, sha } of styles) {
    const file = await files.get(name, styleName(sha)).catch((error: unknown) => messageOf(error));
    if (typeof file === 'string')
      return `batch ${name}: its style ${path} cannot be fetched from the queue (${oneLine(file)})`;
    if (!file || sha256(file) !== sha) {
      return `batch ${name}: its style ${path} is not in the queue's store; run its diptych batch command again`;
    }
    into.set(sha, file);
  }
  return undefined;
}

/**
 * Does one job whose input comes from the queue's store, and puts its results there.
 *
 * @throws InputError when the input is not there or a result is too large; MachineError when the store is full.
 */
export async function transferJob(
  spec: BatchSpec,
  job: BatchJob,
  { files, label }: Pick<QueueServer, 'files' | 'label'>,
  run: (order: JobOrder) => Promise<JobReply>,
): Promise<JobResult> {
  const bytes = await files.get(spec.name, inputName(job.key));
  if (!bytes) {
    // Another worker, taken for dead, has done it meanwhile.
    if (await files.has(spec.name, fetchedName(job.key))) return { width: 0, height: 0, seconds: 0, engineSeconds: 0 };
    throw new InputError(
      `${job.input}: is not in the queue's store; check that it is still there, then run the same diptych batch command again`,
    );
  }
  const { result, files: made } = await run({ ...orderOf(spec, job), bytes });
  const named = new Map(made!.map((file, i) => [resultName(job.key, i), file]));
  const largest = Math.max(...made!.map(({ length }) => length));
  if (largest > LARGEST_RESULT) {
    throw new InputError(
      `${job.input}: its result of ${mib(largest)} MiB is too large for --transfer (${mib(LARGEST_RESULT)} MiB at most); share a folder with the workers instead`,
    );
  }
  await files.put(spec.name, named).catch((error: unknown) => {
    if (!isFull(error)) throw error;
    throw new MachineError(`${label}: the server's memory or disk is full; free some, or fetch results`);
  });
  return result;
}

const mib = (bytes: number): number => Math.ceil(bytes / 2 ** 20);
