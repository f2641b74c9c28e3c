/** A byte source over a file on disk. Node only: the command line and tests import it, browser bundles never do. */
import { open, realpath, stat } from 'node:fs/promises';
import { InputError, throwIfCancelled } from '../errors';
import { checkRange, MissingFileError, messageOf, type ByteSource } from './source';

/** A source that also says where it lies, without symbolic links, so that onnxruntime-node can map it. */
export interface FileSource extends ByteSource {
  readonly path: string;
}

/** One read call takes at most this many bytes; Node refuses 2 GiB and more. */
const READ_CHUNK = 1 << 28;

/**
 * Opens a file by path. The file is opened anew for each read, so nothing needs closing. Throws a MissingFileError when
 * there is no such file, an InputError when it cannot be read.
 */
export async function fileSource(path: string, name = path): Promise<FileSource> {
  const info = await stat(path).catch((error: unknown) => {
    throw new MissingFileError(`${name}: cannot be opened (${messageOf(error)}); check the path`);
  });
  if (!info.isFile()) throw new MissingFileError(`${name}: is not a file; give the path of a file`);
  const size = info.size;

  async function read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    throwIfCancelled(signal);
    checkRange({ name, size }, offset, length);
    const bytes = new Uint8Array(length);
    const handle = await open(path, 'r').catch((error: unknown) => {
      throw new InputError(`${name}: cannot be opened (${messageOf(error)}); check its permissions`);
    });
    try {
      let done = 0;
      while (done < length) {
        throwIfCancelled(signal);
        const { bytesRead } = await handle.read(bytes, done, Math.min(READ_CHUNK, length - done), offset + done);
        if (bytesRead === 0)
          throw new InputError(`${name}: became shorter while it was read; run again once it is complete`);
        done += bytesRead;
      }
    } finally {
      await handle.close();
    }
    return bytes;
  }

  return { name, size, path: await realpath(path), read, asBlobOrBytes: (signal) => read(0, size, signal) };
}
