/** What must be tidied up when the process ends, however it ends: drafts of files, locks. Synchronous by necessity. */

const pending = new Set<() => void>();
let listening = false;

/**
 * Registers a synchronous tidy-up for a process that ends in the middle of something. Errors of it are ignored.
 *
 * @returns a function that takes it back, for when the something is over.
 */
export function onEnding(tidy: () => void): () => void {
  if (!listening) process.once('exit', tidyUp);
  listening = true;
  pending.add(tidy);
  return () => pending.delete(tidy);
}

/** Runs and forgets every registered tidy-up. */
export function tidyUp(): void {
  for (const tidy of pending) {
    try {
      tidy();
    } catch {
      // The process is ending: nothing can be done about it, and the others must still run.
    }
  }
  pending.clear();
}
