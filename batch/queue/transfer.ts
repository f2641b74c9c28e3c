/**
 * The command's side of a batch whose files go through the queue: inputs are put into the store as long as there is
 * room, results are written as they come, and the store is empty at the end.
 */
import { readFile, stat } from 'node:fs/promises';
import { InputError } from '../../engine/errors';
import { MachineError, oneLine } from '../errors';
import type { BatchJob, BatchSpec } from '../job';
import { findOutput, markOf } from '../mark';
import { removeDrafts, writeOutput } from '../output';
import { isFull } from './connection';
import {
  fetchedName,
  inputName,
  LARGEST_INPUT,
  LARGEST_STYLE,
  resultName,
  RESULTS,
  styleName,
  WINDOW_BYTES,
  WINDOW_FILES,
} from './files';
import type { Registry } from './registry';
import { unlessFull, type Submission } from './submit';

/** Inputs read and sent at once, bytes; their jobs are added with them. */
const CHUNK_BYTES = 8 * 2 ** 20;
const CHUNK_FILES = 200;

const mib = (bytes: number): number => Math.ceil(bytes / 2 ** 20);

/** Throws an InputError when a file is too large to go through a queue. */
export async function requireSmall(
  jobs: readonly BatchJob[],
  styles: readonly { path: string; bytes: number }[],
): Promise<void> {
  const refuse = (path: string, bytes: number, most: number): never => {
    throw new InputError(
      `${path}: has ${mib(bytes)} MiB, and --transfer takes files of at most ${mib(most)} MiB; leave it out, or share a folder with the workers instead`,
    );
  };
  for (const { path, bytes } of styles) if (bytes > LARGEST_STYLE) refuse(path, bytes, LARGEST_STYLE);
  for (const { input } of jobs) {
    const size = await sizeOf(input);
    if (size > LARGEST_INPUT) refuse(input, size, LARGEST_INPUT);
  }
}

/** Throws an InputError unless all inputs fit into the store at once. */
export async function requireWindow(jobs: readonly BatchJob[]): Promise<void> {
  let bytes = 0;
  for (const { input } of jobs) bytes += await sizeOf(input);
  if (bytes <= WINDOW_BYTES && jobs.length <= WINDOW_FILES) return;
  throw new InputError(
    `--detach with --transfer: ${jobs.length} pictures of ${mib(bytes)} MiB are more than the queue's store holds at once (${WINDOW_FILES} of ${mib(WINDOW_BYTES)} MiB); leave out --detach`,
  );
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0;

export class Transfer {
  readonly #jobs: ReadonlyMap<string, BatchJob>;
  /** Bytes of the inputs in the store, by their jobs' keys. */
  readonly #stored = new Map<string, number>();
  readonly #unwritten = new Map<string, { readonly input: string; readonly reason: string }>();
  #unsent: readonly BatchJob[] = [];
  #submission: Submission | undefined;

  /**
   * @param jobs all that the batch is to do, whether the queue has them or not.
   * @param room inputs in the store at once.
   */
  constructor(
    private readonly registry: Registry,
    private readonly spec: BatchSpec,
    jobs: readonly BatchJob[],
    private readonly room = { bytes: WINDOW_BYTES, files: WINDOW_FILES },
  ) {
    this.#jobs = new Map(jobs.map((job) => [job.key, job]));
  }

  /** Inputs that are not in the queue yet. */
  get unsent(): number {
    return this.#unsent.length;
  }

  /** Pictures whose results came and could not be written, for a reason of their own paths. */
  get unwritten(): readonly { readonly input: string; readonly reason: string }[] {
    return [...this.#unwritten.values()];
  }

  /** @param styles the style files by their SHA-256. */
  async start(submission: Submission, styles: ReadonlyMap<string, Uint8Array>): Promise<void> {
    this.#submission = submission;
    this.#unsent = submission.jobs;
    const fresh = new Set(submission.jobs);
    for (const [key, job] of this.#jobs) if (!fresh.has(job)) this.#stored.set(key, await sizeOf(job.input));
    for (const [sha, file] of styles) {
      await unlessFull(this.registry, () => this.#files.put(this.spec.name, new Map([[styleName(sha), file]])));
    }
  }

  /** Writes what has come and sends what there is room for. */
  async round(): Promise<void> {
    await this.fetch();
    const failed = await this.registry.pictures(this.spec.name).getRanges(['failed'], 0, -1);
    const gone = failed.filter((key) => this.#stored.delete(key));
    await this.#files.remove(this.spec.name, gone.map(inputName));
    while (this.#unsent.length > 0 && this.#hasRoom()) await this.#send();
  }

  /** Writes the results that are in the store. Throws a MachineError when the disk does not take them. */
  async fetch(): Promise<void> {
    const { name } = this.spec;
    const keys = new Set((await this.#files.names(name, RESULTS)).map((result) => result.split('/')[1]!));
    for (const key of keys) await this.#fetchJob(key);
  }

  /** Removes all that is left of the batch in the store. */
  clear(): Promise<void> {
    return this.#files.clear(this.spec.name);
  }

  get #files() {
    return this.registry.server.files;
  }

  #hasRoom(): boolean {
    let bytes = 0;
    for (const size of this.#stored.values()) bytes += size;
    return bytes < this.room.bytes && this.#stored.size < this.room.files;
  }

  async #send(): Promise<void> {
    const chunk: BatchJob[] = [];
    const inputs = new Map<string, Uint8Array>();
    let bytes = 0;
    for (const job of this.#unsent.slice(0, Math.min(CHUNK_FILES, this.room.files - this.#stored.size))) {
      if (bytes >= CHUNK_BYTES) break;
      // One that was deleted or has grown too large meanwhile fails at a worker, which does not find it in the store.
      const input = await readFile(job.input).catch(() => undefined);
      if (input && input.length <= LARGEST_INPUT) inputs.set(inputName(job.key), input);
      bytes += input?.length ?? 0;
      chunk.push(job);
      this.#stored.set(job.key, input?.length ?? 0);
    }
    // Inputs first, so that no job is without its own.
    if (inputs.size > 0) await unlessFull(this.registry, () => this.#files.put(this.spec.name, inputs));
    const isWanted = await this.#submission!.add(chunk);
    this.#unsent = isWanted ? this.#unsent.slice(chunk.length) : [];
  }

  async #write({ key }: BatchJob, path: string, id: string, bytes: Uint8Array): Promise<void> {
    const { output: root, overwrite } = this.spec;
    const there = await findOutput(path, id);
    if (there === 'foreign' && !overwrite) {
      throw new InputError(
        `${path}: another program has written it meanwhile; move it, then run the same command again, or use --overwrite`,
      );
    }
    if (there !== 'same') await writeOutput(root, key, path, bytes);
  }

  async #fetchJob(key: string): Promise<void> {
    const { name, output: root } = this.spec;
    const job = this.#jobs.get(key);
    const names = (job?.outputs ?? []).map((_, i) => resultName(key, i));
    if (!job) return this.#files.remove(name, await this.#files.names(name, `${RESULTS}${key}/`));
    await removeDrafts(root, key);
    for (const [i, { path, id }] of job.outputs.entries()) {
      // What was damaged or is another picture is not written; the job is found undone at the end.
      const bytes = await this.#files.get(name, names[i]!).catch(() => undefined);
      const mark = bytes && markOf(bytes);
      if (!bytes || mark?.id !== id || mark.size !== bytes.length) continue;
      try {
        await this.#write(job, path, id, bytes);
      } catch (error) {
        if (error instanceof MachineError) {
          throw new MachineError(`${error.message}; then run the same command again: the results wait in the queue`);
        }
        // It is the path of this picture that does not serve; the others go on.
        if (!(error instanceof InputError)) throw error;
        this.#unwritten.set(key, { input: job.input, reason: oneLine(error.message) });
      }
    }
    await this.#files.remove(name, names);
    // A server that is still full does without: only a worker that was taken for dead would look for it.
    await this.#files.put(name, new Map([[fetchedName(key), new Uint8Array()]])).catch((error: unknown) => {
      if (!isFull(error)) throw error;
    });
    await this.#files.remove(name, [inputName(key)]);
    this.#stored.delete(key);
  }
}
