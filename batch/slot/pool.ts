/** The slots of this machine: each order takes a free one, in the order of arrival. */
import type { EngineDescription } from '../../engine/engine';
import { MachineError } from '../errors';
import type { JobOrder, JobReply } from '../run-job';
import type { NamedStyle } from './messages';
import { Slot, SlotDiedError, type SlotOptions } from './slot';

/** Time for the orders in work to end by themselves when a pool is closed, ms. A cancel is answered within two seconds. */
const GRACE_MS = 1500;

/** An order was not done because its pool was closed; it is no fault of the picture. */
export class PoolClosedError extends Error {
  override readonly name = 'PoolClosedError';
}

export class SlotPool {
  readonly #slots: readonly Slot[];
  readonly #free: Slot[];
  readonly #queue: { readonly resolve: (slot: Slot) => void; readonly reject: (error: Error) => void }[] = [];
  #closing: Promise<void> | undefined;
  /** Called when the last slot becomes idle. */
  #onIdle: () => void = () => undefined;

  constructor(
    size: number,
    options: SlotOptions,
    private readonly graceMs: number = GRACE_MS,
  ) {
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

  /**
   * Takes no more orders. Those in work have a short time to end; then their processes are ended. What is not done
   * rejects with a PoolClosedError.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const { reject } of this.#queue.splice(0)) reject(new PoolClosedError());
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      if (this.idle === this.size) return resolve();
      this.#onIdle = resolve;
      timer = setTimeout(resolve, this.graceMs);
    });
    clearTimeout(timer);
    await this.kill();
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
    if (this.#closing) throw new PoolClosedError();
    const slot =
      this.#free.pop() ?? (await new Promise<Slot>((resolve, reject) => this.#queue.push({ resolve, reject })));
    try {
      return await work(slot);
    } catch (error) {
      const isOfPicture = !(error instanceof SlotDiedError || error instanceof MachineError);
      throw this.#closing && !isOfPicture ? new PoolClosedError() : error;
    } finally {
      const next = this.#queue.shift();
      if (next) next.resolve(slot);
      else this.#free.push(slot);
      if (this.idle === this.size) this.#onIdle();
    }
  }
}
