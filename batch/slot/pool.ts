/** The slots of this machine: each order takes a free one, in the order of arrival. */
import type { EngineDescription } from '../../engine/engine';
import type { JobOrder, JobReply } from '../run-job';
import type { NamedStyle } from './messages';
import { Slot, type SlotOptions } from './slot';

export class SlotPool {
  readonly #slots: readonly Slot[];
  readonly #free: Slot[];
  readonly #queue: ((slot: Slot) => void)[] = [];

  constructor(size: number, options: SlotOptions) {
    this.#slots = Array.from({ length: size }, () => new Slot(options));
    this.#free = [...this.#slots];
  }

  get size(): number {
    return this.#slots.length;
  }

  /** Slots that do nothing at present. */
  get idle(): number {
    return this.#free.length;
  }

  /** Opens the model in one slot, so that what is wrong with it is known before the first job. */
  async describe(): Promise<EngineDescription> {
    return this.#use((slot) => slot.start());
  }

  /** Throws an InputError when a style is none, or one of another base model. */
  check(named: readonly NamedStyle[], styles: ReadonlyMap<string, Uint8Array>, force = false): Promise<void> {
    return this.#use((slot) => slot.check(named, styles, force));
  }

  run(order: JobOrder, styles: ReadonlyMap<string, Uint8Array>): Promise<JobReply> {
    return this.#use((slot) => slot.run(order, styles));
  }

  /** Process ids of the slots that run. */
  get pids(): readonly number[] {
    return this.#slots.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  }

  /** Ends all slots at once. */
  async kill(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => slot.kill()));
  }

  /** The same without waiting, for a process that is ending itself. */
  killNow(): void {
    for (const slot of this.#slots) slot.killNow();
  }

  async #use<T>(work: (slot: Slot) => Promise<T>): Promise<T> {
    const slot = this.#free.pop() ?? (await new Promise<Slot>((resolve) => this.#queue.push(resolve)));
    try {
      return await work(slot);
    } finally {
      const next = this.#queue.shift();
      if (next) next(slot);
      else this.#free.push(slot);
    }
  }
}
