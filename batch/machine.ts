/** How many slots this machine can run, and with how many threads each. */
import { availableParallelism, freemem } from 'node:os';
import type { SlotEngineOptions } from './host';

export interface SlotPlan {
  readonly slots: number;
  /** Threads of each slot. */
  readonly threads: number;
  /** Why not more, for people. */
  readonly reason: string;
}

export interface AskedSlots {
  readonly slots?: number | undefined;
  readonly threads?: number | undefined;
  readonly device?: SlotEngineOptions['device'];
  readonly pictures?: number;
}

/** What a slot takes beside its model: Node, ONNX Runtime and pictures (docs/batch.md says how it was measured). */
const SLOT_BYTES = 500 * 2 ** 20;
/** Weights as 32-bit numbers, and the activations of the largest step, for each byte of weights on disk. */
const BYTES_PER_WEIGHT_BYTE = 4;
/** A share of the memory is left to the system's file cache and everything else. */
const USABLE_SHARE = 0.8;

/**
 * One thread a slot does the most work, for nothing waits then: as many slots as cores, or as memory holds, and the
 * cores shared among them. A GPU is one for all slots: several would only share its time and its memory, so that it gets
 * one.
 *
 * @param weightBytes size of the model's weight files.
 * @param asked what the user asks for instead; `pictures`: how many there are to do, if that is known.
 */
export function planSlots(
  weightBytes: number,
  asked: AskedSlots = {},
  cores: number = availableParallelism(),
  memory: number = availableMemory(),
): SlotPlan {
  const each = SLOT_BYTES + BYTES_PER_WEIGHT_BYTE * weightBytes;
  const fit = Math.max(1, Math.floor((USABLE_SHARE * memory) / each));
  const onGpu = asked.device === 'webgpu';
  const most = asked.slots ?? (onGpu ? 1 : Math.min(Math.floor(cores / (asked.threads ?? 1)), fit));
  const slots = Math.max(1, Math.min(most, asked.pictures ?? most));
  const threads = asked.threads ?? Math.max(1, Math.floor(cores / slots));
  const reason =
    asked.slots !== undefined
      ? 'as asked'
      : onGpu
        ? 'one for the GPU; --concurrency asks for more'
        : `${cores} ${cores === 1 ? 'core' : 'cores'}, memory for ${fit} at ${Math.ceil(each / 2 ** 20)} MiB each`;
  return { slots, threads, reason };
}

function availableMemory(): number {
  const { availableMemory: available } = process as { availableMemory?: () => number };
  // In a container this is what its limit leaves.
  return available?.call(process) ?? freemem();
}
