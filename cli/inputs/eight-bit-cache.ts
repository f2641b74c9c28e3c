/** Weights in 8 bits on disk: made once for each model, in the user's cache folder, from which they may be deleted. */
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../../engine/errors';
import type { EightBitFile } from '../../engine/weights/eight-bit/file';
import type { EightBitStore } from '../../engine/weights/eight-bit/store';
import { fileSource } from '../../engine/weights/node-file';
import type { Io } from '../io';
import { withLock } from '../outputs/lock';
import { prepareFolder } from '../outputs/output';
import { duration } from '../terminal/progress';
import { REDRAW } from '../terminal/printable';
import { reasonOf } from './files';
import { cacheFolder, mebibytes, requireSpace } from './model-cache';

/** @param cache where files are kept. */
export function diskStore(io: Pick<Io, 'err' | 'interactive'>, cache = cacheFolder()): EightBitStore {
  return {
    async open(name, key, file, signal) {
      const folder = join(cache, '8-bit');
      const path = join(folder, `${key}.safetensors`);
      if (!(await isMade(path, file))) {
        await prepareFolder(folder);
        await withLock(path, async () => {
          if (!(await isMade(path, file))) await make(io, name, path, file, signal);
        });
      }
      return fileSource(path, name);
    },
  };
}

/** Whether a file is there and laid out as asked for; it has its name only once it was whole. */
async function isMade(path: string, { header, size }: EightBitFile): Promise<boolean> {
  const source = await fileSource(path).catch(() => undefined);
  if (source?.size !== size) return false;
  return Buffer.from(header).equals(await source.read(0, header.length));
}

async function make(
  io: Pick<Io, 'err' | 'interactive'>,
  name: string,
  path: string,
  { size, write }: EightBitFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  await requireSpace(join(path, '..'), size);
  io.err(`${name}: making ${mebibytes(size)} of weights once, in ${path}\n`);
  const started = performance.now();
  let [done, shown] = [0, started];
  const part = `${path}.part`;
  const handle = await open(part, 'w').catch((error: unknown) => {
    throw new InputError(`${part}: cannot be written (${reasonOf(error)}); name another folder in DIPTYCH_CACHE`);
  });
  try {
    await write(async (bytes) => {
      await handle.writeFile(bytes).catch((error: unknown) => {
        throw new InputError(`${part}: cannot be written (${reasonOf(error)}); free some space`);
      });
      done += bytes.length;
      const now = performance.now();
      if (now - shown < (io.interactive ? 100 : 5000)) return;
      shown = now;
      const text = `made ${mebibytes(done)} of ${mebibytes(size)}`;
      io.err(io.interactive ? `${REDRAW}${text}` : `${text}\n`);
    }, signal);
    await handle.sync();
    await handle.close();
    await rename(part, path);
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(part, { force: true });
    throw error;
  } finally {
    if (io.interactive) io.err(REDRAW);
  }
  io.err(`${name}: made in ${duration((performance.now() - started) / 1000)}\n`);
}
