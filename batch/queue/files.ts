/**
 * The queue's own store of small files, for workers that share no disk with the command that made the batch: inputs go
 * in, results come out, styles stay until the end. Every file carries its SHA-256, which is checked when it is read.
 */
import { createHash } from 'node:crypto';
import { InputError } from '../../engine/errors';

/** What either server offers: a set of named files for each batch. */
export interface RawFileStore {
  /** All of them or none; those of the same name are replaced. */
  put(batch: string, files: ReadonlyMap<string, Buffer>): Promise<void>;
  get(batch: string, name: string): Promise<Buffer | undefined>;
  /** In no order. */
  names(batch: string, prefix: string): Promise<string[]>;
  remove(batch: string, names: readonly string[]): Promise<void>;
  /** Removes all files of a batch. */
  clear(batch: string): Promise<void>;
}

/** Files that nobody put or fetched for so long are removed by the server. */
export const KEPT_SECONDS = 7 * 24 * 3600;

const MIB = 2 ** 20;
/** The largest input, bytes. */
export const LARGEST_INPUT = 32 * MIB;
/** The largest result, bytes. */
export const LARGEST_RESULT = 128 * MIB;
/** The largest style file, bytes. */
export const LARGEST_STYLE = 256 * MIB;
/** Inputs in the store at once, bytes: the others follow as results are fetched. */
export const WINDOW_BYTES = 128 * MIB;
/** The same as a count. */
export const WINDOW_FILES = 2000;

export const INPUTS = 'in/';
export const RESULTS = 'out/';
export const inputName = (key: string): string => `${INPUTS}${key}`;
/** Stands in place of the input of a job whose results were fetched. */
export const fetchedName = (key: string): string => `fetched/${key}`;
export const resultName = (key: string, index: number): string => `${RESULTS}${key}/${index}`;
export const styleName = (sha: string): string => `style/${sha}`;

const DIGEST_BYTES = 32;

export class FileStore {
  constructor(private readonly raw: RawFileStore) {}

  async put(batch: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    const framed = [...files].map(([name, bytes]): [string, Buffer] => [name, Buffer.concat([digest(bytes), bytes])]);
    await this.raw.put(batch, new Map(framed));
  }

  /** Undefined when it is not there. Throws an InputError when it is not what was put in. */
  async get(batch: string, name: string): Promise<Uint8Array | undefined> {
    const framed = await this.raw.get(batch, name);
    if (!framed) return undefined;
    const bytes = new Uint8Array(framed.subarray(DIGEST_BYTES));
    if (digest(bytes).equals(framed.subarray(0, DIGEST_BYTES))) return bytes;
    throw new InputError(
      `${name} of batch ${batch}: was damaged in the queue's store; run the same diptych batch command again`,
    );
  }

  async has(batch: string, name: string): Promise<boolean> {
    return (await this.raw.names(batch, name)).includes(name);
  }

  names(batch: string, prefix: string): Promise<string[]> {
    return this.raw.names(batch, prefix);
  }

  remove(batch: string, names: readonly string[]): Promise<void> {
    return names.length === 0 ? Promise.resolve() : this.raw.remove(batch, names);
  }

  clear(batch: string): Promise<void> {
    return this.raw.clear(batch);
  }
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
