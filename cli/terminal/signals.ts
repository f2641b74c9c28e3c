/** Signals that ask the program to end: the first is obeyed by saving the work, a later one at once. */
import { CancelledError } from '../../engine/errors';
import { tidyUp } from './ending';

/** Ctrl-C, a supervisor, a terminal that was closed. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type EndSignal = (typeof SIGNALS)[number];

/**
 * npm's shells, terminals and process groups deliver one Ctrl-C several times within milliseconds. A repetition means
 * something only when it comes this long after the user was told that the first is being obeyed, ms.
 */
export const REPEAT_MS = 1000;
/**
 * A signal is heard only between two calls of the device, which may take half a minute each: when it was sent is known
 * to within this time while the program is idle, and to within a call otherwise, ms.
 */
export const BEAT_MS = 100;
/** Who sends SIGTERM or SIGHUP does not send it twice: the program ends after this time, ms. Containers give 10 s. */
export const GRACE_MS = 8000;

/** What the rules need of a process, so that tests can give their own. */
export interface SignalHost {
  readonly on: (signal: EndSignal, listener: () => void) => void;
  /** Tells the user. */
  readonly tell: (text: string) => void;
  readonly now: () => number;
  /** Calls back after a time without keeping the process alive. */
  readonly later: (ms: number, call: () => void) => void;
  /** Calls back again and again without keeping the process alive. */
  readonly every: (ms: number, call: () => void) => void;
  /** Ends the process at once, by the signal. */
  readonly die: (signal: EndSignal) => void;
}

/** @returns a signal that fires on the first request to end. */
export function obeySignals(host: SignalHost): AbortSignal {
  const controller = new AbortController();
  let told: number | undefined;
  let waiting = false;
  let beats: [number, number] = [0, 0];
  for (const signal of SIGNALS) {
    host.on(signal, () => {
      if (signal !== 'SIGINT' && !waiting) {
        waiting = true;
        host.later(GRACE_MS, () => host.die(signal));
      }
      if (told === undefined) {
        const again = signal === 'SIGINT' ? '; press Ctrl-C again to stop at once' : '';
        host.tell(`\ncancelling, the work so far is being saved${again}\n`);
        told = host.now();
        beats = [told, told];
        // Timers are called before signals: the last beat may be younger than a signal that waited, the one before is not.
        host.every(BEAT_MS, () => (beats = [beats[1], host.now()]));
        controller.abort();
      } else if (beats[0] - told >= REPEAT_MS) {
        host.die(signal);
      }
    });
  }
  return controller.signal;
}

/** This process. */
export function processSignals(): SignalHost {
  return {
    on: (signal, listener) => process.on(signal, listener),
    tell: (text) => process.stderr.write(text),
    now: () => performance.now(),
    later: (ms, call) => setTimeout(call, ms).unref(),
    every: (ms, call) => setInterval(call, ms).unref(),
    die,
  };
}

/**
 * Ends the process by a signal. process.exit would wait until the thread pool is done, with a picture that takes
 * minutes to decode among other things.
 */
function die(signal: EndSignal): void {
  tidyUp();
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** Time for a program that is done to end by itself, ms. */
const LINGER_MS = 2000;

/**
 * Ends a cancelled program that threads keep alive whose work nobody waits for, by SIGINT, which shells show as 130.
 * Call it when all is saved.
 */
export function endSoon(): void {
  setTimeout(() => die('SIGINT'), LINGER_MS).unref();
}

/** The work's result, or a CancelledError as soon as the signal fires; the work itself may go on unheeded. */
export async function orCancelled<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  let cancel: (() => void) | undefined;
  const cancelled = new Promise<never>((_, reject) => {
    cancel = () => reject(new CancelledError());
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
  });
  // Whichever comes second is heard by nobody.
  cancelled.catch(() => undefined);
  work.catch(() => undefined);
  try {
    return await Promise.race([work, cancelled]);
  } finally {
    signal.removeEventListener('abort', cancel!);
  }
}
