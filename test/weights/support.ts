/** What the tests of engine/weights share. */
import { InputError } from '../../engine/errors';
import type { ByteSource } from '../../engine/weights/source';

/** Bytes of a safetensors file with this header and this many data bytes, however wrong. */
export function rawFile(header: string | Uint8Array, dataBytes = 0, headerLength?: number): Uint8Array {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength ?? json.length), true);
  bytes.set(json, 8);
  return bytes;
}

/** A source that throws what no test forgives when it is read outside its bytes. */
export function strictSource(bytes: Uint8Array, name = 'file.safetensors'): ByteSource {
  return {
    name,
    size: bytes.length,
    async read(offset, length) {
      const inside =
        Number.isSafeInteger(offset) &&
        Number.isSafeInteger(length) &&
        offset >= 0 &&
        length >= 0 &&
        offset + length <= bytes.length;
      if (!inside) throw new Error(`read outside: ${offset} + ${length} of ${bytes.length}`);
      return bytes.slice(offset, offset + length);
    },
    asBlobOrBytes: async () => bytes,
  };
}

/** Runs and passes on the value, or undefined where an InputError of one line was thrown; anything else fails. */
export async function valueOrInputError<T>(run: () => Promise<T> | T): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    if (/[\n\r]/.test(error.message) || error.message.length > 1000) throw new Error(`not one line: ${error.message}`);
    return undefined;
  }
}

/** The InputError a promise rejects with. */
export async function inputError(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(InputError);
  const { message } = error as InputError;
  expect(message).not.toMatch(/[\n\r]/);
  return message;
}
