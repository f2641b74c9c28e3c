/**
 * Output files: written to a temporary file and renamed, so that each is there whole or not at all. The temporary file is
 * named after the job, so that whoever does the job of a process that was killed, on whatever machine, removes its rest.
 */
import { randomUUID } from 'node:crypto';
import { access, constants, mkdir, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InputError } from '../engine/errors';
import { messageOf } from '../engine/weights/source';
import { folderError, machineError, MachineError } from './errors';

/** The folder in DIR for a batch's own files: journals, and temporary files while they are written. */
export const OWN_FOLDER = '.diptych';

const temporaryFolder = (root: string): string => join(root, OWN_FOLDER, 'tmp');

/**
 * Makes the folder of a batch's own files. The command that makes the batch calls this; whoever writes outputs wants the
 * folder to be there, for on a machine where DIR is not mounted it is not.
 *
 * @throws MachineError when it cannot be made.
 */
export async function prepareOwnFolder(root: string): Promise<void> {
  const folder = join(root, OWN_FOLDER);
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw folderError(folder, error);
  });
}

/** Why no output can be written under DIR on this machine; undefined when it can. */
export async function whyNotWritable(root: string): Promise<string | undefined> {
  try {
    await access(join(root, OWN_FOLDER), constants.W_OK);
    await access(root, constants.W_OK);
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return notMounted(root);
    return folderError(root, error).message;
  }
}

const notMounted = (root: string): string =>
  `${root}: holds no ${OWN_FOLDER} on this machine, so it is not the folder that the batch was made with; mount it under this path, or run the diptych batch command again`;

/**
 * Writes an output under DIR. Temporary files that an earlier try of the same job left are removed: their names begin
 * with the job's key.
 *
 * @throws MachineError when the disk does not take it or DIR is not there; InputError when the output's own path is at
 *   fault, such as a folder in its place.
 */
export async function writeOutput(root: string, key: string, path: string, bytes: Uint8Array): Promise<void> {
  const draft = join(temporaryFolder(root), `${key}.${randomUUID()}`);
  try {
    await writeDraft(root, draft, bytes);
    await mkdir(dirname(path), { recursive: true });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    if (error instanceof MachineError) throw error;
    // DIR took the draft, so what is left is the path's own, unless the machine failed in between.
    const itself = dirname(path) === root && FOLDER_REFUSES.has((error as NodeJS.ErrnoException).code ?? '');
    throw itself ? folderError(root, error) : (machineError(path, error, 'written') ?? pathError(path, error));
  }
}

/** Of a rename, these are about the folder. */
const FOLDER_REFUSES = new Set(['EACCES', 'EPERM', 'ENOENT']);

function pathError(path: string, error: unknown): InputError {
  return new InputError(
    `${path}: cannot be written (${messageOf(error)}); move what is in its way, or correct the permissions`,
  );
}

async function writeDraft(root: string, draft: string, bytes: Uint8Array): Promise<void> {
  for (let again = true; ; again = false) {
    try {
      // Not with the folders above it: on a machine where DIR is not mounted they would be made on the local disk.
      await mkdir(dirname(draft)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      return await writeFile(draft, bytes, { flag: 'wx', flush: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw folderError(root, error);
      // Another process may have removed the empty folder in between.
      if (!again) throw new MachineError(notMounted(root));
    }
  }
}

/** Removes what killed tries of a job left. Called by the one process that holds the job. */
export async function removeDrafts(root: string, key: string): Promise<void> {
  const folder = temporaryFolder(root);
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(`${key}.`)) continue;
    await rm(join(folder, name), { force: true }).catch((error: unknown) => {
      throw folderError(folder, error);
    });
  }
}

/** Removes the folder of temporary files when nothing is left in it. */
export async function removeTemporaryFolder(root: string): Promise<void> {
  await rmdir(temporaryFolder(root)).catch(() => undefined);
}
