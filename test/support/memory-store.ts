/** 8-bit weights of small models, kept in memory. */
import type { EightBitStore } from '../../engine/weights/eight-bit/store';
import { bytesSource } from '../../engine/weights/source';

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
