/** One file from the hub into the store: by ranges, on from what is there, its hash checked over all of it. */
import { bytesToHex } from '@noble/hashes/utils.js';
import { InputError, throwIfCancelled } from '../errors';
import { openHttpSource, type HttpOptions } from './http-range';
import { hasherOf, type HubFile } from './hub-file';

/** Where files are kept while and after they are fetched. A part is kept whole or not at all. */
export interface FileStore {
  /** The parts of a file so far, from its beginning. */
  parts(model: string, path: string): Promise<Blob[]>;
  /** Throws an InputError, or a QuotaExceededError of the browser, when there is no room. */
  append(model: string, path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  removeFile(model: string, path: string): Promise<void>;
}

/** Asked for at a time, and the step in which progress is told. */
const CHUNK = 1 << 22;
/** Kept at a time: what a lost connection or a closed page can cost. */
const PART = 1 << 25;

/** What is to be fetched, and where it belongs. */
export interface Download {
  readonly model: string;
  readonly file: HubFile;
  readonly url: string;
}

/**
 * Fetches what the store lacks of a file. When it is cancelled or fails, what has come is kept.
 *
 * @param onBytes is told how many bytes of the file are here.
 * @throws InputError when the download fails, the file is not what the hub lists, or the storage is full.
 */
export async function download(
  store: FileStore,
  { model, file, url }: Download,
  options: HttpOptions,
  onBytes: (have: number) => void,
): Promise<void> {
  const kept = await fetchOnce(store, { model, file, url }, options, onBytes);
  if (kept === 'sound') return;
  await store.removeFile(model, file.path);
  // Parts from an earlier time may have been spoilt where they lay; a file that came in one go has no such excuse.
  if (kept === 'spoilt' && (await fetchOnce(store, { model, file, url }, options, onBytes)) === 'sound') return;
  await store.removeFile(model, file.path);
  throw new InputError(
    `${model}/${file.path}: what came is not what the hub lists (its hash differs) and was thrown away; fetch it again`,
  );
}

/** 'spoilt': the hash differs, and part of the file was there before; 'wrong': it differs, and all of it came now. */
async function fetchOnce(
  store: FileStore,
  { model, file, url }: Download,
  options: HttpOptions,
  onBytes: (have: number) => void,
): Promise<'sound' | 'spoilt' | 'wrong'> {
  const { signal } = options;
  const hash = hasherOf(file);
  let have = 0;
  for (const part of await store.parts(model, file.path)) {
    for (let offset = 0; offset < part.size; offset += CHUNK) {
      throwIfCancelled(signal);
      hash.update(new Uint8Array(await part.slice(offset, offset + CHUNK).arrayBuffer()));
    }
    have += part.size;
  }
  const resumed = have > 0;
  if (have > file.size) return 'spoilt';
  onBytes(have);
  if (have < file.size) {
    const source = await openHttpSource(url, { ...options, name: `${model}/${file.path}`, size: file.size });
    let waiting: Uint8Array[] = [];
    let size = 0;
    const keep = async (): Promise<void> => {
      if (size === 0) return;
      await append(store, model, file.path, joined(waiting, size));
      [waiting, size] = [[], 0];
    };
    try {
      while (have < file.size) {
        const bytes = await source.read(have, Math.min(CHUNK, file.size - have), signal);
        hash.update(bytes);
        waiting.push(bytes);
        size += bytes.length;
        have += bytes.length;
        onBytes(have);
        if (size >= PART) await keep();
      }
    } finally {
      await keep();
    }
  }
  const digest = bytesToHex(hash.digest());
  if (digest === file.hash.digest) return 'sound';
  return resumed ? 'spoilt' : 'wrong';
}

async function append(store: FileStore, model: string, path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    await store.append(model, path, bytes);
  } catch (error) {
    if ((error as Error).name !== 'QuotaExceededError') throw error;
    throw new InputError(
      `${model}: the browser's storage is full; delete another model under Model, or free disk space, then go on`,
    );
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
