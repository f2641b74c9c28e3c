/** Ids and seeds. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';

/**
 * A style's id is its file's SHA-256, cut short: importing a file that a teammate exported gives the id that the layers
 * they made with it name, and importing it twice changes nothing.
 */
export function styleIdOf(file: Uint8Array): string {
  return bytesToHex(sha256(file)).slice(0, 24);
}

/** A seed for the engine: a whole number below 2^32. */
export function newSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]!;
}
