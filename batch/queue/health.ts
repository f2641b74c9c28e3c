/** Whether the slots of a worker can do pictures at all, told from what becomes of one picture after the other. */
import { DeviceError } from '../../engine/errors';
import { MachineError, oneLine, SLOT_ERRORS, SlotError } from '../errors';
import { SlotDiedError } from '../slot/slot';

/** Pictures in a row, each another one, whose process dies or loses its device, until the machine is taken for the cause. */
const SUSPECTS = 3;

export class SlotHealth {
  /** Keys of the latest pictures that ended their process or its device. */
  readonly #suspects = new Set<string>();
  /** Times in a row that the slots were found unable. */
  #faults = 0;
  #resumes = 0;
  #gaveUp: SlotError | undefined;

  /** @param pauseMs how long a worker whose slots are unable takes nothing. */
  constructor(private readonly pauseMs: number) {}

  /** A picture was done. */
  succeeded(): void {
    this.#faults = 0;
    this.#suspects.clear();
  }

  /** The error when the machine is at fault, and not the picture of that key. */
  faultOf(error: unknown, key: string): MachineError | undefined {
    if (error instanceof SlotDiedError || error instanceof DeviceError) {
      // One picture may be too large for the memory; with one after the other it is the machine.
      this.#suspects.add(key);
      if (this.#suspects.size < SUSPECTS) return undefined;
      this.#suspects.clear();
      const fault = new SlotError(`${SUSPECTS} pictures in a row failed in the same way: ${oneLine(error.message)}`);
      this.#note(fault);
      return fault;
    }
    if (error instanceof SlotError) this.#note(error);
    return error instanceof MachineError ? error : undefined;
  }

  /** Whether the worker should take nothing at present. */
  get isResting(): boolean {
    return this.#resumes > Date.now();
  }

  /** Why the worker should end: its slots were unable several times in a row. */
  get gaveUp(): SlotError | undefined {
    return this.#gaveUp;
  }

  #note(fault: SlotError): void {
    // All slots may say so at the same time.
    if (this.isResting) return;
    this.#resumes = Date.now() + this.pauseMs;
    if (++this.#faults >= SLOT_ERRORS) this.#gaveUp = fault;
  }
}
