/** Decoded images of the document, as many as the memory allowed for them holds. */
import type { ImageStore } from '../figma/image-store';

/** Decoded pixels that are kept, 4 bytes each. */
const MOST_PIXELS = 100_000_000;

export class Bitmaps {
  /** Least recently used first. */
  readonly #ready = new Map<string, ImageBitmap>();
  readonly #pending = new Map<string, Promise<void>>();

  /** @param onReady told when an image that `get` did not have yet is there, or cannot be decoded. */
  constructor(
    private readonly images: ImageStore,
    private readonly onReady: () => void,
  ) {}

  /** The image if it is decoded; otherwise it soon will be. */
  get(hash: string): ImageBitmap | undefined {
    const bitmap = this.#ready.get(hash);
    if (!bitmap) {
      void this.load(hash).then(this.onReady);
      return undefined;
    }
    this.#ready.delete(hash);
    this.#ready.set(hash, bitmap);
    return bitmap;
  }

  /** Resolves when the image is decoded, or turned out to be broken: then it is not drawn, as in Figma. */
  load(hash: string): Promise<void> {
    if (this.#ready.has(hash)) return Promise.resolve();
    const pending = this.#pending.get(hash) ?? this.#decode(hash).finally(() => this.#pending.delete(hash));
    this.#pending.set(hash, pending);
    return pending;
  }

  async #decode(hash: string): Promise<void> {
    const file = this.images.get(hash);
    if (!file) return;
    const bitmap = await createImageBitmap(new Blob([file as Uint8Array<ArrayBuffer>])).catch(() => undefined);
    this.#ready.set(hash, bitmap ?? (await createImageBitmap(new ImageData(1, 1))));
    this.#forgetOldest();
  }

  #forgetOldest(): void {
    let pixels = 0;
    for (const { width, height } of this.#ready.values()) pixels += width * height;
    for (const [hash, bitmap] of this.#ready) {
      if (pixels <= MOST_PIXELS || this.#ready.size === 1) return;
      pixels -= bitmap.width * bitmap.height;
      this.#ready.delete(hash);
      bitmap.close();
    }
  }
}
