/** Digests that name weights and pictures. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import type { ByteSource } from './source';

/** Spans of this many bytes, evenly spaced, stand for a file: gigabytes need not be read to name them. */
const SAMPLE_BYTES = 4096;
const SAMPLES = 64;

/** Those spans of files, for a digest that names the files' exact bytes. */
export async function sampled(sources: readonly ByteSource[], signal?: AbortSignal): Promise<Uint8Array[]> {
  const parts: Uint8Array[] = [];
  for (const source of sources) {
    const length = Math.min(SAMPLE_BYTES, source.size);
    for (let i = 0; i < SAMPLES; i++) {
      const offset = Math.floor(((source.size - length) * i) / (SAMPLES - 1));
      parts.push(await source.read(offset, length, signal));
    }
  }
  return parts;
}

/** The first 16 hex digits of SHA-256 over the parts. Not by crypto.subtle, which Figma's documents lack. */
export function digest(parts: readonly Uint8Array[]): string {
  const hash = sha256.create();
  for (const part of parts) hash.update(part);
  return bytesToHex(hash.digest().subarray(0, 8));
}
