/** The checkpoint of a run on disk: a write that fails is told at once and tried again, and never costs the run. */
import { rm } from 'node:fs/promises';
import { basename } from 'node:path';
import { messageOf } from '../../engine/weights/source';
import { keepElsewhere, writeWhole } from './output';

/** A write that failed is tried again after this time, ms: someone may have made room. */
export const RETRY_MS = 10_000;

/** Where the last checkpoint is. */
export interface SavedCheckpoint {
  readonly path: string;
  /** Why it is not where it belongs; undefined when it is. */
  readonly elsewhere?: string;
}

export class CheckpointFile {
  readonly path: string;
  readonly #tell: (line: string) => void;
  readonly #retryMs: number;
  readonly #onSaved: () => void;
  /** Not on disk yet. */
  #waiting: Uint8Array | undefined;
  #writing: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #problem: string | undefined;
  #saved = false;

  /**
   * @param tell shows one line to the user.
   * @param onSaved is called whenever a checkpoint is on disk.
   */
  constructor(path: string, tell: (line: string) => void, retryMs = RETRY_MS, onSaved: () => void = () => undefined) {
    this.path = path;
    this.#tell = tell;
    this.#retryMs = retryMs;
    this.#onSaved = onSaved;
  }

  /** Why the last write failed; undefined when it did not. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Begins to write and returns at once; what is still waiting is given up for what is newer. */
  put(bytes: Uint8Array): void {
    this.#waiting = bytes;
    this.#begin();
  }

  /** Waits until the last checkpoint is on disk, elsewhere if need be; undefined when there is none, or no place for it. */
  async save(): Promise<SavedCheckpoint | undefined> {
    await this.#settled();
    if (this.#waiting) {
      this.#begin();
      await this.#settled();
    }
    const bytes = this.#waiting;
    if (bytes === undefined) return this.#saved ? { path: this.path } : undefined;
    this.#waiting = undefined;
    const elsewhere = this.#problem!;
    try {
      return { path: await keepElsewhere(basename(this.path), bytes), elsewhere };
    } catch {
      return this.#saved ? { path: this.path } : undefined;
    }
  }

  /** Removes the file, if this run wrote it or `always`, and writes no more. */
  async remove({ always }: { always: boolean }): Promise<void> {
    this.#waiting = undefined;
    await this.#settled();
    if (this.#saved || always) await rm(this.path, { force: true }).catch(() => undefined);
  }

  async #settled(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#writing;
    clearTimeout(this.#timer);
  }

  #begin(): void {
    clearTimeout(this.#timer);
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
  }

  async #write(): Promise<void> {
    for (let bytes = this.#waiting; bytes !== undefined; bytes = this.#waiting) {
      try {
        await writeWhole(this.path, bytes, { overwrite: true });
      } catch (error) {
        this.#failed(messageOf(error));
        return;
      }
      this.#saved = true;
      this.#onSaved();
      if (this.#waiting === bytes) this.#waiting = undefined;
      if (this.#problem !== undefined) this.#tell('note: the checkpoint could be written now');
      this.#problem = undefined;
    }
  }

  #failed(problem: string): void {
    if (this.#problem === undefined) {
      this.#tell(`warning: ${problem}. The run goes on and tries again; until then it cannot be resumed from here`);
    }
    this.#problem = problem;
    this.#timer = setTimeout(() => this.#begin(), this.#retryMs).unref();
  }
}
