/**
 * Output files: written to a temporary file and renamed, so that each is there whole or not at all. The temporary file is
 * named after the job, so that whoever does the job of a process that was killed, on whatever machine, removes its rest.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, rmdir, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { messageOf } from '../engine/weights/source';
import { machineError, MachineError } from './errors';

/** The folder in DIR for a batch's own files: journals, and temporary files while they are written. */
export const OWN_FOLDER = '.diptych';

const temporaryFolder = (root: string): string => join(root, OWN_FOLDER, 'tmp');

/**
 * Writes an output under DIR. Temporary files that an earlier try of the same job left are removed: their names begin
 * with the job's key.
 *
 * @throws MachineError when the disk does not take it.
 */
export async function writeOutput(root: string, key: string, path: string, bytes: Uint8Array): Promise<void> {
  const draft = join(temporaryFolder(root), `${key}.${randomUUID()}`);
  try {
    await mkdir(dirname(path), { recursive: true });
    const handle = await openDraft(draft);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    throw machineError(path, error) ?? new MachineError(`${path}: cannot be written (${messageOf(error)})`);
  }
}

async function openDraft(path: string): Promise<FileHandle> {
  for (let again = true; ; again = false) {
    await mkdir(dirname(path), { recursive: true });
    try {
      return await open(path, 'wx');
    } catch (error) {
      // Another process may have removed the empty folder in between.
      if (!again || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}

/** Removes what killed tries of a job left. Called by the one process that holds the job. */
export async function removeDrafts(root: string, key: string): Promise<void> {
  const folder = temporaryFolder(root);
  for (const name of await readdir(folder).catch(() => [])) {
    if (name.startsWith(`${key}.`)) await rm(join(folder, name), { force: true });
  }
}

/** Removes the folder of temporary files when nothing is left in it. */
export async function removeTemporaryFolder(root: string): Promise<void> {
  await rmdir(temporaryFolder(root)).catch(() => undefined);
}
