/** Where files of 8-bit weights are kept: made the first time they are asked for, then only read. */
import type { ByteSource } from '../source';
import type { EightBitFile } from './file';

export interface EightBitStore {
  /**
   * @param name what errors call the file.
   * @param key names what the file is made of: letters and digits.
   */
  open(name: string, key: string, file: EightBitFile, signal?: AbortSignal): Promise<ByteSource>;
}
