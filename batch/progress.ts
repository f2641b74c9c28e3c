/** A batch's progress on the terminal: a bar with rate, time left and failures. */
import { SingleBar } from 'cli-progress';
import { Writable } from 'node:stream';
import { describeRate } from './rate';

export interface ProgressNumbers {
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  readonly perSecond?: number | null | undefined;
  readonly secondsLeft?: number | null | undefined;
}

/** Where no line can be redrawn, one is printed this often, ms. */
const LINE_MS = 10_000;

export class BatchProgress {
  readonly #bar: SingleBar;
  #started = false;

  /**
   * @param write writes to standard error.
   * @param interactive whether that is a terminal.
   * @param duration seconds for people.
   */
  constructor(
    write: (text: string) => void,
    interactive: boolean,
    readonly duration: (seconds: number) => string,
  ) {
    const stream = Object.assign(
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          write(chunk.toString());
          done();
        },
      }),
      { isTTY: interactive, columns: process.stderr.columns ?? 80 },
    );
    this.#bar = new SingleBar({
      stream,
      format: interactive ? '{bar} {value}/{total}{rate}{left}{failures}' : '{value}/{total}{rate}{left}{failures}',
      barCompleteChar: '█',
      barIncompleteChar: '░',
      barsize: 24,
      hideCursor: true,
      clearOnComplete: true,
      emptyOnZero: true,
      fps: 4,
      noTTYOutput: true,
      notTTYSchedule: LINE_MS,
      // The program itself decides what Ctrl-C does.
      gracefulExit: false,
    });
  }

  update(numbers: ProgressNumbers): void {
    const { done, failed, total, perSecond, secondsLeft } = numbers;
    const payload = {
      rate: perSecond ? `  ${describeRate(perSecond)}` : '',
      left: secondsLeft && perSecond ? `  ${this.duration(secondsLeft)} left` : '',
      failures: failed > 0 ? `  ${failed} failed` : '',
    };
    if (!this.#started) this.#bar.start(total, done + failed, payload);
    this.#started = true;
    this.#bar.setTotal(total);
    this.#bar.update(done + failed, payload);
  }

  /** Ends the bar, so that what follows starts on a line of its own. */
  end(): void {
    if (this.#started) this.#bar.stop();
    this.#started = false;
  }
}
