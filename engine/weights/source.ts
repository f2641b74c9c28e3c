/** Byte sources: the one way the engine reads files, wherever their bytes lie. */
import { InputError, throwIfCancelled } from '../errors';

/** A file of known size that is read by ranges. */
export interface ByteSource {
  /** What errors call the file, e.g. "unet/model.safetensors". */
  readonly name: string;
  /** Bytes in all. */
  readonly size: number;
  /**
   * The `length` bytes at `offset`, possibly a view into the source: do not write to it. Throws a RangeError when they
   * do not lie inside the file, an InputError when the file cannot be read, a CancelledError when the signal fires.
   */
  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /** The whole file, for ONNX Runtime to mount as external data. A Blob is read by ranges and costs no memory here. */
  asBlobOrBytes(signal?: AbortSignal): Promise<Uint8Array | Blob>;
}

/** The file is not there, as opposed to being there and unreadable. */
export class MissingFileError extends InputError {}

/** Throws a RangeError unless [offset, offset + length) lies inside the source: a caller's defect, not a bad file. */
export function checkRange(
  source: { readonly name: string; readonly size: number },
  offset: number,
  length: number,
): void {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
  if (!whole || offset < 0 || length < 0 || offset + length > source.size) {
    throw new RangeError(`${source.name}: bytes ${offset} + ${length} lie outside its ${source.size} bytes`);
  }
}

/** A file already in memory. Reads are views of `held`. */
export function bytesSource(name: string, held: Uint8Array): ByteSource {
  // Node's Buffer is a Uint8Array whose slice() does not copy.
  const bytes = new Uint8Array(held.buffer, held.byteOffset, held.byteLength);
  const size = bytes.length;
  return {
    name,
    size,
    async read(offset, length, signal) {
      throwIfCancelled(signal);
      checkRange({ name, size }, offset, length);
      return bytes.subarray(offset, offset + length);
    },
    asBlobOrBytes: async () => bytes,
  };
}

/** A Blob or File of the browser, read by ranges. */
export function blobSource(name: string, blob: Blob): ByteSource {
  const size = blob.size;
  return {
    name,
    size,
    async read(offset, length, signal) {
      throwIfCancelled(signal);
      checkRange({ name, size }, offset, length);
      let bytes: Uint8Array;
      try {
        bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (error) {
        throw new InputError(`${name}: cannot be read (${messageOf(error)}); choose the file again`);
      }
      throwIfCancelled(signal);
      if (bytes.length !== length) throw new InputError(`${name}: changed while it was read; choose the file again`);
      return bytes;
    },
    asBlobOrBytes: async () => blob,
  };
}

/** All bytes of a source that must be small; throws an InputError when it is larger than `limit` bytes. */
export async function readAll(source: ByteSource, limit: number, signal?: AbortSignal): Promise<Uint8Array> {
  if (source.size > limit) {
    throw new InputError(
      `${source.name}: ${source.size} bytes is too large for this kind of file (at most ${limit}); check the file`,
    );
  }
  return source.read(0, source.size, signal);
}

/** UTF-8 to text; throws an InputError naming the file when the bytes are not UTF-8. */
export function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(`${name}: is not UTF-8 text; fetch the file again`);
  }
}

/** An error's message, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
