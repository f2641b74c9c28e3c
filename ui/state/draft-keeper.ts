/** Keeps the newest checkpoint of the learning under way, in memory and in the user's storage. */
import type { Draft } from '../../common/messages';
import type { SandboxPort } from '../bridge';
import { messageOf } from './errors';

/** Writing takes the editor's own thread; a crash may cost this much learning. */
const BETWEEN_WRITES_MS = 15_000;

export class DraftKeeper {
  readonly #sandbox: SandboxPort;
  readonly #complain: (why: string) => void;
  #draft: Draft | undefined;
  /** The newest draft that storage does not have yet. */
  #unwritten: Draft | undefined;
  #writing: Promise<void> = Promise.resolve();
  #busy = false;
  #lastWrite = -Infinity;
  #complained = false;
  #stored = false;
  /** Storage holds a draft that is ours to remove: another window on the file may keep its own there. */
  #ours = false;

  /** @param complain told once a run, when storage refuses. */
  constructor(sandbox: SandboxPort, complain: (why: string) => void) {
    this.#sandbox = sandbox;
    this.#complain = complain;
  }

  /** The newest checkpoint; undefined before the first. */
  get draft(): Draft | undefined {
    return this.#draft;
  }

  /** Takes a checkpoint; it is written when the last write is long enough ago. */
  keep(draft: Draft): void {
    this.#draft = draft;
    this.#unwritten = draft;
    if (!this.#busy && performance.now() - this.#lastWrite >= BETWEEN_WRITES_MS) void this.#write();
  }

  /** Takes over a draft that was found in storage. */
  hold(draft: Draft): void {
    this.#draft = draft;
    this.#ours = true;
  }

  /** Writes what is not written yet. @returns whether storage has the newest checkpoint. */
  async flush(): Promise<boolean> {
    await this.#writing;
    await this.#write();
    return this.#stored;
  }

  /** Forgets the checkpoint here and, when it is ours, in storage. */
  async drop(): Promise<void> {
    this.#draft = undefined;
    this.#unwritten = undefined;
    await this.#writing;
    const ours = this.#ours;
    this.#complained = false;
    this.#stored = false;
    this.#ours = false;
    this.#lastWrite = -Infinity;
    if (ours) await this.#sandbox.call('removeDraft', {});
  }

  #write(): Promise<void> {
    const draft = this.#unwritten;
    if (!draft) return Promise.resolve();
    this.#unwritten = undefined;
    this.#busy = true;
    this.#writing = this.#sandbox
      .call('putDraft', { draft })
      .then(
        () => {
          this.#stored = true;
          this.#ours = true;
        },
        (error: unknown) => {
          this.#stored = false;
          if (!this.#complained) this.#complain(messageOf(error));
          this.#complained = true;
        },
      )
      .finally(() => {
        this.#busy = false;
        this.#lastWrite = performance.now();
      });
    return this.#writing;
  }
}
