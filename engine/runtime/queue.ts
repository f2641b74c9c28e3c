/** One job at a time: overlapping calls into ONNX Runtime hang or reject. */
import { createSerial } from '../../common/serial';

export class Queue {
  readonly #serial = createSerial();
  #pending = 0;

  /** Whether nothing is running or waiting. */
  get idle(): boolean {
    return this.#pending === 0;
  }

  /** Runs the job after all those before it, whether they failed or not; settles as the job does. */
  run<T>(job: () => Promise<T> | T): Promise<T> {
    this.#pending++;
    return this.#serial(job).finally(() => this.#pending--);
  }

  /** Runs a release that cannot fail: now if nothing is under way, else after what is. */
  release(job: () => void): void {
    if (this.idle) job();
    else void this.run(job);
  }
}
