/** Waiting that a signal ends, and that leaves nothing behind on a signal that lives long. */
import { setTimeout } from 'node:timers/promises';

/** Resolves after a time, or at once when the signal fires. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, signal && { signal }).catch(() => undefined);
}

/** Resolves or rejects as the work does, or resolves at once when the signal fires; the work then goes on alone. */
export function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return resolve();
    const done = (): void => resolve();
    signal.addEventListener('abort', done);
    void work.then(resolve, reject).finally(() => signal.removeEventListener('abort', done));
  });
}
