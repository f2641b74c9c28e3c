/** Where files of 8-bit weights are kept: made the first time they are asked for, then only read. */
import { blobSource, bytesSource, type ByteSource } from '../source';
import type { EightBitFile } from './file';

export interface EightBitStore {
  /**
   * @param name what errors call the file.
   * @param key names what the file is made of: letters and digits.
   */
  open(name: string, key: string, file: EightBitFile, signal?: AbortSignal): Promise<ByteSource>;
}

/** For as long as the model is open, in Blobs, which browsers keep out of the page's memory. */
export const blobStore: EightBitStore = {
  async open(name, _key, { write }, signal) {
    const parts: Blob[] = [];
    await write(async (bytes) => void parts.push(new Blob([bytes])), signal);
    return blobSource(name, new Blob(parts));
  },
};

/** In memory, for small models. */
export const memoryStore: EightBitStore = {
  async open(name, _key, { size, write }, signal) {
    const all = new Uint8Array(size);
    let end = 0;
    await write(async (bytes) => {
      all.set(bytes, end);
      end += bytes.length;
    }, signal);
    return bytesSource(name, all);
  },
};
