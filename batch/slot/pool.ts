/**
 * The slots of this machine: each order takes a free one, in the order of arrival. A slot is free once its order is
 * computed; the order's files are then written beside the next one. Orders that wait are told to busy slots, which read
 * their inputs meanwhile.
 */
import type { EngineDescription } from '../../engine/engine';
import { MachineError } from '../errors';
import type { JobOrder, JobReply } from '../job';
import type { NamedStyle } from './messages';
import { Slot, SlotDiedError, type SlotOptions } from './slot';

/** Time for the orders in work to end by themselves when a pool is closed, ms. A cancel is answered within two seconds. */
const GRACE_MS = 1500;

/** An order was not done because its pool was closed; it is no fault of the picture. */
export class PoolClosedError extends Error {
  override readonly name = 'PoolClosedError';
}

/** Waits for a slot. */
interface Queued {
  /** Left out for what is no picture. */
  readonly order?: JobOrder;
  readonly resolve: (slot: Slot) => void;
  readonly reject: (error: Error) => void;
}

/** What becomes of an order in a pool. */
export interface RunHooks {
  /** A slot takes it. */
  readonly onBegun?: () => void;
  /** Its slot can take the next one; its files are written beside that. */
  readonly onComputed?: () => void;
}

export class SlotPool {
  readonly #slots: readonly Slot[];
  readonly #free: Slot[];
  readonly #queue: Queued[] = [];
  /** What busy slots were told to read ahead. */
  readonly #expected = new Map<Slot, Queued>();
  /** Orders and questions begun and not answered. */
  #working = 0;
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

  /** Slots that do nothing at present, such as writing files. */
  get idle(): number {
    return Math.max(0, this.size - this.#working);
  }

  /** Opens the model in one slot, so that what is wrong with it is known before the first job. */
  async describe(): Promise<EngineDescription> {
    return this.#use((slot) => slot.start());
  }

  /** Throws an InputError when a style is none, or one of another base model. */
  check(named: readonly NamedStyle[], styles: ReadonlyMap<string, Uint8Array>, force = false): Promise<void> {
    return this.#use((slot) => slot.check(named, styles, force));
  }

  run(order: JobOrder, styles: ReadonlyMap<string, Uint8Array>, hooks: RunHooks = {}): Promise<JobReply> {
    const work = (slot: Slot, free: () => void): Promise<JobReply> => {
      hooks.onBegun?.();
      const onComputed = (): void => {
        free();
        hooks.onComputed?.();
      };
      return slot.run(order, styles, { onComputed, onSent: () => this.#expect() });
    };
    return this.#use(work, order);
  }

  /** Gives back what no slot has taken: it rejects with a PoolClosedError. */
  clear(): void {
    this.#expected.clear();
    for (const { reject } of this.#queue.splice(0)) reject(new PoolClosedError());
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
    this.clear();
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      if (this.#working === 0) return resolve();
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

  /** @param work may say earlier than by its end that the slot is free for the next. */
  async #use<T>(work: (slot: Slot, onFree: () => void) => Promise<T>, order?: JobOrder): Promise<T> {
    if (this.#closing) throw new PoolClosedError();
    const slot = this.#free.pop() ?? (await this.#wait(order));
    let isFree = false;
    const free = (): void => {
      if (!isFree) this.#release(slot);
      isFree = true;
    };
    this.#working++;
    try {
      return await work(slot, free);
    } catch (error) {
      const isOfPicture = !(error instanceof SlotDiedError || error instanceof MachineError);
      throw this.#closing && !isOfPicture ? new PoolClosedError() : error;
    } finally {
      this.#working--;
      free();
      if (this.#working === 0) this.#onIdle();
    }
  }

  #wait(order: JobOrder | undefined): Promise<Slot> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ resolve, reject, ...(order && { order }) });
      this.#expect();
    });
  }

  #release(slot: Slot): void {
    const own = this.#expected.get(slot);
    const taken = new Set(this.#expected.values());
    // Better one that another slot has read ahead than none.
    const next = own ?? this.#queue.find((queued) => !taken.has(queued)) ?? this.#queue[0];
    this.#expected.delete(slot);
    if (!next) return void this.#free.push(slot);
    for (const [other, queued] of this.#expected) if (queued === next) this.#expected.delete(other);
    this.#queue.splice(this.#queue.indexOf(next), 1);
    next.resolve(slot);
  }

  /** Tells each busy slot which order it will probably get next. */
  #expect(): void {
    const taken = new Set(this.#expected.values());
    const unread = this.#queue.filter((queued) => queued.order && !queued.order.bytes && !taken.has(queued));
    for (const slot of this.#slots) {
      if (this.#free.includes(slot) || this.#expected.has(slot)) continue;
      const next = unread.shift();
      if (!next) return;
      this.#expected.set(slot, next);
      slot.expect(next.order!);
    }
  }
}
