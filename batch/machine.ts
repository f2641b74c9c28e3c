/** How many slots this machine can run, and with how many threads each. */
import { availableParallelism, freemem } from 'node:os';

export interface SlotPlan {
  readonly slots: number;
  /** Threads of each slot. */
  readonly threads: number;
  /** Why not more, for people. */
  readonly reason: string;
}

/** What a slot takes beside its model: Node, ONNX Runtime and pictures (docs/batch.md says how it was measured). */
const SLOT_BYTES = 500 * 2 ** 20;
/** Weights as 32-bit numbers, and the activations of the largest step, for each byte of weights on disk. */
const BYTES_PER_WEIGHT_BYTE = 4;
/** A share of the memory is left to the system's file cache and everything else. */
const USABLE_SHARE = 0.8;

/**
 * One thread a slot does the most work, for nothing waits then: as many slots as cores, or as memory holds, and the
 * cores shared among them.
 *
 * @param weightBytes size of the model's weight files.
 * @param asked what the user asks for instead.
 */
export function planSlots(
  weightBytes: number,
  asked: { readonly slots?: number | undefined; readonly threads?: number | undefined } = {},
  cores: number = availableParallelism(),
  memory: number = availableMemory(),
): SlotPlan {
  const each = SLOT_BYTES + BYTES_PER_WEIGHT_BYTE * weightBytes;
  const fit = Math.max(1, Math.floor((USABLE_SHARE * memory) / each));
  const slots = asked.slots ?? Math.max(1, Math.min(Math.floor(cores / (asked.threads ?? 1)), fit));
  const threads = asked.threads ?? Math.max(1, Math.floor(cores / slots));
  const reason =
    asked.slots !== undefined
      ? 'as asked'
      : `${cores} ${cores === 1 ? 'core' : 'cores'}, memory for ${fit} at ${Math.ceil(each / 2 ** 20)} MiB each`;
  return { slots, threads, reason };
}

function availableMemory(): number {
  const { availableMemory: available } = process as { availableMemory?: () => number };
  // In a container this is what its limit leaves.
  return available?.call(process) ?? freemem();
}
