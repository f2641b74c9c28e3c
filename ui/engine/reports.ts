/** Progress on its way to the panel's state: in order, with samples as PNG files. */
import type { Progress } from '../../engine/requests';
import type { JobHooks } from '../ports';
import type { Pictures } from './pictures/pictures';

export class Reports {
  readonly #hooks: JobHooks;
  readonly #pictures: Pick<Pictures, 'encode'>;
  readonly #warn: (text: string) => void;
  #tail: Promise<void> = Promise.resolve();

  /** @param warn is told what is not done as asked. */
  constructor(hooks: JobHooks, pictures: Pick<Pictures, 'encode'>, warn: (text: string) => void) {
    this.#warn = warn;
    this.#hooks = hooks;
    this.#pictures = pictures;
  }

  /** Reports follow each other: while a sample is being written, later ones wait. */
  send({ checkpoint, sample, phase, step, steps, loss, warning }: Progress): void {
    if (warning !== undefined) return this.#warn(warning);
    // Encoding begins now, whatever waits before it.
    const encoded = sample && this.#pictures.encode(sample).catch(() => undefined);
    this.#tail = this.#tail.then(async () => {
      const png = await encoded;
      this.#hooks.onProgress?.({ phase, step, steps, ...(loss && { loss }), ...(png && { sample: png }) });
      if (checkpoint) this.#hooks.onCheckpoint?.(checkpoint, step);
    });
    this.#tail.catch(() => undefined);
  }

  /** Resolves when everything sent has been reported; rejects with what a callback threw. */
  sent(): Promise<void> {
    return this.#tail;
  }
}
