/** The images of a document: files under the SHA-1 of their bytes, as Figma keeps them. */
import { sha1 } from '@noble/hashes/legacy.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { readImageSize } from './image-header';

/** px */
const LARGEST_SIDE = 4096;

export class ImageStore {
  readonly #files = new Map<string, Uint8Array>();
  /** Not in use when `keep` was last called. */
  #unused: ReadonlySet<string> = new Set();

  /** Returns the hash. Throws as figma.createImage does: at most 4096 px a side; PNG, JPEG or GIF. */
  add(file: Uint8Array): string {
    const size = readImageSize(file);
    if (!size) throw new Error('Image type is unsupported');
    if (size.width > LARGEST_SIDE || size.height > LARGEST_SIDE) throw new Error('Image is too large');
    if (size.width === 0 || size.height === 0) throw new Error('Image is invalid');
    const hash = bytesToHex(sha1(file));
    if (!this.#files.has(hash)) this.#files.set(hash, file.slice());
    return hash;
  }

  /** How many there are. */
  get size(): number {
    return this.#files.size;
  }

  /**
   * Forgets what is not in use and was not the last time either: what was just added may be about to be used.
   * @returns the hashes that are gone.
   */
  keep(used: ReadonlySet<string>): readonly string[] {
    const unused = [...this.#files.keys()].filter((hash) => !used.has(hash));
    const gone = unused.filter((hash) => this.#unused.has(hash));
    for (const hash of gone) this.#files.delete(hash);
    this.#unused = new Set(unused);
    return gone;
  }

  /** The bytes themselves, not to be written to. */
  get(hash: string): Uint8Array | undefined {
    return this.#files.get(hash);
  }
}
