/** Keeps the last few things used, each under a key, and disposes of the one not used for longest. */
export class Recent<T> {
  readonly #limit: number;
  readonly #dispose: (value: T) => void;
  readonly #kept = new Map<string, T>();

  /** @param dispose called for what is forgotten. */
  constructor(limit: number, dispose: (value: T) => void = () => undefined) {
    this.#limit = limit;
    this.#dispose = dispose;
  }

  /** What is kept under the key; made and kept where there is none yet. */
  async get(key: string, make: () => Promise<T>): Promise<T> {
    const known = this.#kept.get(key);
    if (known !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, known);
      return known;
    }
    const made = await make();
    if (this.#kept.size >= this.#limit) {
      const [oldest, value] = this.#kept.entries().next().value!;
      this.#kept.delete(oldest);
      this.#dispose(value);
    }
    this.#kept.set(key, made);
    return made;
  }

  clear(): void {
    for (const value of this.#kept.values()) this.#dispose(value);
    this.#kept.clear();
  }
}
