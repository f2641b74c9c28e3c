/** Files the commands write: checked before the work, written whole or not at all, never over an input. */
import { access, constants, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { InputError } from '../engine/errors';
import { messageOf } from '../engine/weights/source';

/** The bytes of a file; throws an InputError when there is none or it cannot be read. */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new InputError(`${path}: cannot be read (${reason(error)}); check the path`);
  });
  return new Uint8Array(bytes);
}

/**
 * Makes sure, before hours of work, that a file can be written: its folder is made, and it must be neither a folder nor
 * one of the inputs. Throws an InputError.
 */
export async function prepareOutput(path: string, extension: string, inputs: readonly string[]): Promise<void> {
  if (extname(path).toLowerCase() !== extension) {
    throw new InputError(`-o ${path}: the result is a ${extension} file; name it NAME${extension}`);
  }
  await prepareFolder(dirname(path));
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) throw new InputError(`-o ${path}: is a folder; give the name of a file`);
  await refuseInputs(path, inputs);
}

/** Makes a folder to write into; throws an InputError when that is not possible. */
export async function prepareFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (error) {
    throw new InputError(`-o ${path}: cannot be written to (${reason(error)}); choose another folder`);
  }
}

/** Throws an InputError when writing `path` would replace one of the inputs, by whatever name. */
export async function refuseInputs(path: string, inputs: readonly string[]): Promise<void> {
  const target = await stat(path).catch(() => undefined);
  if (!target) return;
  for (const input of inputs) {
    const info = await stat(input).catch(() => undefined);
    if (info && info.ino === target.ino && info.dev === target.dev) {
      throw new InputError(`${path}: would overwrite the input ${input}; choose another -o`);
    }
  }
}

/** Writes a file under another name beside it and renames it, so that a file of that name is always a whole one. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    const handle = await open(draft, 'w');
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw new InputError(`${path}: cannot be written (${reason(error)}); free some space or choose another place`);
  }
}

/** Node's messages begin with a code and end with the path, which the line around them names already. */
function reason(error: unknown): string {
  return messageOf(error)
    .replace(/^(Error: )?[A-Z0-9_]+: /, '')
    .replace(/, \w+ '.*$/s, '');
}
