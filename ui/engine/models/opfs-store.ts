/** The store in the browser's own file system for pages (OPFS), whose files are read by ranges, not into memory. */
import { memoryStore, type ModelStore } from './store';

const FOLDER = 'diptych-models';
const INDEX = 'index.json';

/** Keeps files for the next time where the browser allows that, else for as long as the page is open. */
export async function openStore(): Promise<ModelStore> {
  try {
    // Not in insecure pages, nor where storage is blocked; and Safari could not write from here for long.
    if (!('createWritable' in FileSystemFileHandle.prototype)) return memoryStore();
    const root = await navigator.storage.getDirectory();
    return opfsStore(await root.getDirectoryHandle(FOLDER, { create: true }));
  } catch {
    return memoryStore();
  }
}

/** A folder for each model; in it the index, and the parts of each file as "<path>.<number>", all names URI encoded. */
export function opfsStore(root: FileSystemDirectoryHandle): ModelStore {
  const folder = (model: string): Promise<FileSystemDirectoryHandle> =>
    root.getDirectoryHandle(encodeURIComponent(model), { create: true });
  const partName = (path: string, number: number): string => `${encodeURIComponent(path)}.${number}`;

  async function write(directory: FileSystemDirectoryHandle, name: string, content: FileSystemWriteChunkType) {
    const stream = await (await directory.getFileHandle(name, { create: true })).createWritable();
    try {
      await stream.write(content);
    } catch (error) {
      await stream.abort();
      throw error;
    }
    await stream.close();
  }

  async function read(directory: FileSystemDirectoryHandle, name: string): Promise<File | undefined> {
    try {
      return await (await directory.getFileHandle(name)).getFile();
    } catch (error) {
      if ((error as Error).name === 'NotFoundError') return undefined;
      throw error;
    }
  }

  async function parts(model: string, path: string): Promise<File[]> {
    const directory = await folder(model);
    const found: File[] = [];
    for (;;) {
      const part = await read(directory, partName(path, found.length));
      // A handle that was made and not written to is an empty file.
      if (!part || part.size === 0) return found;
      found.push(part);
    }
  }

  return {
    lasting: true,
    async models() {
      const names: string[] = [];
      for await (const name of root.keys()) names.push(decodeURIComponent(name));
      return names;
    },
    async readIndex(model) {
      const file = await read(await folder(model), INDEX);
      try {
        return file && (JSON.parse(await file.text()) as unknown);
      } catch {
        return undefined;
      }
    },
    writeIndex: async (model, index) => write(await folder(model), INDEX, JSON.stringify(index)),
    parts,
    async append(model, path, bytes) {
      await write(await folder(model), partName(path, (await parts(model, path)).length), bytes);
    },
    async removeFile(model, path) {
      const directory = await folder(model);
      // The last first: what is left if this is interrupted are parts from the beginning.
      for (let number = (await parts(model, path)).length - 1; number >= 0; number--) {
        await directory.removeEntry(partName(path, number));
      }
    },
    async removeModel(model) {
      await root.removeEntry(encodeURIComponent(model), { recursive: true }).catch((error: Error) => {
        if (error.name !== 'NotFoundError') throw error;
      });
    },
  };
}
