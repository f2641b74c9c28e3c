/** Notices that somebody who is at work, such as a worker or a process, has gone silent. */

/** As long as the machine is asleep, or a browser slows the timers of a hidden page down, this much counts per look, ms. */
const MOST_PER_LOOK = 60_000;
const LOOKS = 20;
const LONGEST_LOOK = 5_000;
/** Who was silent for a time and then went on may be silent this many times as long: the machine is slow. */
const PATIENCE = 20;

export class Watchdog {
  readonly #limit: number;
  readonly #onSilence: (ms: number) => void;
  readonly #now: () => number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #looked = 0;
  #silence = 0;
  #longest = 0;

  /**
   * @param limit silence that is never too long, ms.
   * @param onSilence is called once, when it was too long; the watch is over then.
   */
  constructor(limit: number, onSilence: (ms: number) => void, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#onSilence = onSilence;
    this.#now = now;
  }

  /** Watches from now on; does nothing while it watches already. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#silence = 0;
    this.#looked = this.#now();
    this.#timer = setInterval(() => this.#look(), Math.min(LONGEST_LOOK, this.#limit / LOOKS));
    // In Node the watch alone must not keep a program from ending.
    (this.#timer as { unref?: () => void }).unref?.();
  }

  /** There was a sign of life. */
  heard(): void {
    if (this.#timer === undefined) return;
    this.#count();
    this.#longest = Math.max(this.#longest, this.#silence);
    this.#silence = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #count(): void {
    const now = this.#now();
    this.#silence += Math.min(now - this.#looked, MOST_PER_LOOK);
    this.#looked = now;
  }

  #look(): void {
    this.#count();
    if (this.#silence < Math.max(this.#limit, PATIENCE * this.#longest)) return;
    this.stop();
    this.#onSilence(this.#silence);
  }
}
