/** What must be tidied up when the process ends, however it ends: drafts of files, locks. Synchronous by necessity. */

import type { Leftover } from '../supervising/messages';

const pending = new Map<() => void, Leftover | undefined>();
let listening = false;
let watch: ((files: readonly Leftover[]) => void) | undefined;

/**
 * Registers a synchronous tidy-up for a process that ends in the middle of something. Errors of it are ignored.
 *
 * @param file what the tidy-up removes, for a supervisor to remove when this process cannot.
 * @returns a function that takes it back, for when the something is over.
 */
export function onEnding(tidy: () => void, file?: Leftover): () => void {
  if (!listening) process.once('exit', tidyUp);
  listening = true;
  pending.set(tidy, file);
  tellWatch();
  return () => {
    pending.delete(tidy);
    tellWatch();
  };
}

/** Tells of every change of the files that lie about until the end. */
export function watchLeftovers(tell: (files: readonly Leftover[]) => void): void {
  watch = tell;
}

function tellWatch(): void {
  watch?.([...pending.values()].filter((file) => file !== undefined));
}

/** Runs and forgets every registered tidy-up. */
export function tidyUp(): void {
  for (const tidy of pending.keys()) {
    try {
      tidy();
    } catch {
      // The process is ending: nothing can be done about it, and the others must still run.
    }
  }
  pending.clear();
}
