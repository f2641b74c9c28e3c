/**
 * Numbers in 8 bits: symmetric integers from -127 to 127, and a scale for every block of neighbours in memory, so that
 * one large number makes few others coarse (block-wise quantization: Dettmers et al., arXiv 2110.02861).
 */

/** Numbers that share a scale; what other sizes cost in accuracy: docs/experiments.md. Smaller ones for odd sizes. */
const BLOCK_SIZES = [64, 32, 16, 8] as const;

const LARGEST = 127;
/** The smallest f32 of full precision. */
const SMALLEST = 2 ** -126;

/** The block for so many numbers, which are whole blocks of it; undefined where none serves. */
export function blockFor(count: number): number | undefined {
  return BLOCK_SIZES.find((block) => count % block === 0);
}

export interface Blocks {
  readonly integers: Int8Array<ArrayBuffer>;
  /** One per block: its largest magnitude / 127. */
  readonly scales: Float32Array<ArrayBuffer>;
}

/**
 * The nearest integers times scales; no number of 2^-119 or more is off by more than half its block's scale.
 *
 * @param values whole blocks.
 * @returns undefined when a number is not finite.
 */
export function toBlocks(values: Float32Array, block: number): Blocks | undefined {
  const count = values.length / block;
  if (!Number.isInteger(count)) throw new RangeError(`${values.length} numbers are no whole blocks of ${block}`);
  const integers = new Int8Array(values.length);
  const scales = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const [start, end] = [i * block, (i + 1) * block];
    let largest = 0;
    let sum = 0;
    for (let k = start; k < end; k++) {
      const magnitude = Math.abs(values[k]!);
      if (magnitude > largest) largest = magnitude;
      sum += magnitude;
    }
    if (!(sum < Infinity)) return undefined;
    const scale = Math.fround(largest / LARGEST);
    // A block of zeros, or of numbers so small that their scale would not be exact, stays zero.
    if (scale < SMALLEST) continue;
    scales[i] = scale;
    const inverse = 1 / scale;
    for (let k = start; k < end; k++) integers[k] = Math.round(values[k]! * inverse);
  }
  return { integers, scales };
}
