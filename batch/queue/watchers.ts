/** For batches whose last pictures are with other workers: notices when one of those dies, and takes no picture. */
import type { Worker } from 'bullmq';

export class Watchers {
  readonly #watchers = new Map<string, Worker>();

  /**
   * @param open a worker of a batch's pictures that fetches nothing.
   * @param close closes one, in its own time.
   */
  constructor(
    private readonly open: (name: string) => Worker,
    private readonly close: (watcher: Worker) => void,
  ) {}

  /** Watches over these batches and no others. */
  watch(names: ReadonlySet<string>): void {
    for (const [name, watcher] of this.#watchers) {
      if (names.has(name)) continue;
      this.#watchers.delete(name);
      this.close(watcher);
    }
    for (const name of names) {
      if (this.#watchers.has(name)) continue;
      const watcher = this.open(name);
      this.#watchers.set(name, watcher);
      void watcher.startStalledCheckTimer();
    }
  }
}
