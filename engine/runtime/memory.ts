/** The memory account: bytes of weights and tensors that a runtime holds. */

/** Bytes by what they hold. The device's own workspace for activations is not known and not counted. */
export interface MemoryReport {
  /** Weight files held in host memory for compiling; a Blob counts 0, since it is read by ranges. */
  readonly files: number;
  /** Weights and constants inside compiled programs. */
  readonly programs: number;
  /** Device tensors that are alive. */
  readonly tensors: number;
  /** The greatest sum of the three so far. */
  readonly peak: number;
}

export class MemoryAccount {
  #files = 0;
  #programs = 0;
  #tensors = 0;
  #peak = 0;

  /** Adds bytes (negative when they are given back) to one line of the account. */
  add(line: 'files' | 'programs' | 'tensors', bytes: number): void {
    if (line === 'files') this.#files += bytes;
    else if (line === 'programs') this.#programs += bytes;
    else this.#tensors += bytes;
    this.#peak = Math.max(this.#peak, this.#files + this.#programs + this.#tensors);
  }

  report(): MemoryReport {
    return { files: this.#files, programs: this.#programs, tensors: this.#tensors, peak: this.#peak };
  }
}
