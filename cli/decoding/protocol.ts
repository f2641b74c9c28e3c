/** What the decoding process and its parent say to each other, and what a picture may cost. */
import { totalmem } from 'node:os';

export interface Request {
  readonly id: number;
  readonly file: Uint8Array;
  /** What errors call the file. */
  readonly name: string;
  /** False to learn only whether it can be decoded. */
  readonly keepPixels: boolean;
  readonly limits: Limits;
}

export type Answer = { readonly id: number } & (
  | { readonly picture: { readonly width: number; readonly height: number; readonly data?: Uint8ClampedArray } }
  /** Message of an InputError. */
  | { readonly refused: string }
  /** What it took too much of. */
  | { readonly over: 'time' | 'memory' }
  /** A stack. */
  | { readonly defect: string }
);

/** What a picture may cost. */
export interface Limits {
  /** Bytes of the whole process. */
  readonly memory: number;
  /** ms, and more per million pixels of a raster picture: filters of a vector drawing have no such measure. */
  readonly time: number;
  readonly timePerMegapixel: number;
}

/**
 * The largest pictures take 1.3 GiB and 110 ms per million pixels (AVIF, and 16 bits with a profile); drawings with many
 * shadows take seconds at any size.
 */
export const LIMITS: Limits = {
  memory: Math.max(2 ** 30, Math.min(3 * 2 ** 30, totalmem() / 2)),
  time: 6000,
  timePerMegapixel: 150,
};
