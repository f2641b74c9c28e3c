/** A file as the hub lists it, and whether bytes are that file. */
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { InputError } from '../errors';

/** The hub knows the SHA-256 of large files, and of small ones the SHA-1 under which git keeps them. */
export interface Hash {
  readonly algorithm: 'sha256' | 'git-sha1';
  /** Hex digits, lower case. */
  readonly digest: string;
}

export interface HubFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly hash: Hash;
}

/** Takes the bytes of a file and gives its hash, as the hub computes it. */
export function hasherOf({ hash, size }: HubFile): ReturnType<typeof sha256.create> | ReturnType<typeof sha1.create> {
  if (hash.algorithm === 'sha256') return sha256.create();
  return sha1.create().update(new TextEncoder().encode(`blob ${size}\0`));
}

/** Throws an InputError when the bytes are not those that the hub lists. */
export function requireHash(name: string, file: HubFile, bytes: Uint8Array): void {
  if (bytesToHex(hasherOf(file).update(bytes).digest()) === file.hash.digest) return;
  throw new InputError(`${name}: what came is not what the hub lists (its hash differs); try again`);
}
