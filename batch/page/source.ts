/** Where the page gets its batches from: a queue, or the journals of a folder. */
import type { BatchStatus } from '../status';

export interface BatchSource {
  list(): Promise<readonly BatchStatus[]>;
  /** Tries what failed again: one picture, or all. Throws an InputError where that cannot be done from here. */
  retry(batch: string, key: string | undefined): Promise<void>;
}

/** A small picture of a file as WebP, for the contact sheet. */
export type Thumbnail = (path: string) => Promise<Uint8Array>;
