/** Files the commands write: checked before the work, written whole or not at all, never over anything unasked. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { access, constants, link, lstat, mkdir, mkdtemp, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { InputError } from '../../engine/errors';
import { onEnding } from '../terminal/ending';
import { reasonOf } from '../inputs/files';
import { fixOf } from '../terminal/system-errors';

export interface WriteOptions {
  /** Whether a file that is already there may be replaced. */
  readonly overwrite: boolean;
}

/** A result that could not be written where it was asked for and lies elsewhere now. */
export class KeptElsewhereError extends InputError {
  /** @param kept where the result is. */
  constructor(
    message: string,
    readonly kept: string,
  ) {
    super(message);
  }
}

/**
 * Makes sure, before hours of work, that a file can be written: its folder is made, and it must be neither a folder nor
 * one of the inputs, nor, without `overwrite`, any file that is already there. Throws an InputError.
 */
export async function prepareOutput(
  path: string,
  extension: string,
  inputs: readonly string[],
  options: WriteOptions,
): Promise<void> {
  if (extname(path).toLowerCase() !== extension) {
    throw new InputError(`-o ${path}: the result is a ${extension} file; name it NAME${extension}`);
  }
  await prepareFolder(dirname(path));
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) throw new InputError(`-o ${path}: is a folder; give the name of a file`);
  await refuseInputs(path, inputs);
  await refuseExisting([path], options);
}

/** Makes a folder to write into; throws an InputError when that is not possible. */
export async function prepareFolder(path: string): Promise<void> {
  try {
    await makeFolder(path || '.');
    await access(path || '.', constants.W_OK);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'it is a file' : reasonOf(error);
    throw new InputError(`-o ${path}: cannot be written to (${reason}); choose another folder`);
  }
}

/** mkdir's own `recursive` never comes back from some folders that take none, such as /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if ((await stat(path).catch(() => undefined))?.isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    await mkdir(path);
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

/** Throws an InputError that names the files that are already there, unless they may be replaced. */
export async function refuseExisting(paths: readonly string[], { overwrite }: WriteOptions): Promise<void> {
  if (overwrite) return;
  const existing: string[] = [];
  for (const path of paths) if (await exists(path)) existing.push(path);
  if (existing.length === 0) return;
  const more = existing.length > 3 ? ` and ${existing.length - 3} more` : '';
  const [is, it] = existing.length === 1 ? ['is', 'it'] : ['are', 'them'];
  throw new InputError(
    `${existing.slice(0, 3).join(', ')}${more} ${is} already there; choose another -o, or replace ${it} with --overwrite`,
  );
}

/** Whether there is anything of that name, a dangling link included. */
export async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/**
 * Writes a file so that one of that name is always a whole one: under a random name beside it, synced to disk, then
 * given its name. A link of that name is replaced, not followed. Without `overwrite` the last step fails when a file
 * of that name has appeared meanwhile.
 *
 * @throws InputError when that fails; the older file, if any, is untouched.
 */
export async function writeWhole(path: string, bytes: Uint8Array, { overwrite }: WriteOptions): Promise<void> {
  // Not made of the file's name, which may be as long as the file system allows.
  const draft = join(dirname(path), `.diptych-${randomBytes(8).toString('hex')}.tmp`);
  const forget = onEnding(() => rmSync(draft, { force: true }), { path: resolve(draft) });
  try {
    // Exclusive: neither an existing file nor a link is opened.
    await writeFile(draft, bytes, { flag: 'wx', flush: true });
    if (overwrite) await rename(draft, path);
    else await renameNew(draft, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(draft, { force: true }).catch(() => undefined);
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new InputError(
        `${path}: another program has written it meanwhile; choose another -o, or replace it with --overwrite`,
      );
    }
    throw new InputError(
      `${path}: cannot be written (${reasonOf(error)}); ${fixOf(error) ?? 'free some space or choose another place'}`,
    );
  } finally {
    forget();
  }
}

/** Renames, failing with EEXIST where there is a file of the new name: rename itself would replace it. */
async function renameNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error;
    // File systems without hard links, such as those of memory cards: the name is taken first, then filled.
    const handle = await open(to, 'wx');
    await handle.close();
    await rename(from, to);
    return;
  }
  await rm(from, { force: true });
}

/** Makes a rename outlast a power cut. Not every system can open folders, nor is it worth failing for. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined);
  try {
    await handle?.sync();
  } catch {
    // See above.
  } finally {
    await handle?.close();
  }
}

/**
 * Writes what hours of work came to. Where that is not possible it is kept in the system's temporary folder.
 *
 * @throws KeptElsewhereError, which says where; an InputError when it cannot be kept there either.
 */
export async function writeResult(path: string, bytes: Uint8Array, options: WriteOptions): Promise<void> {
  try {
    await writeWhole(path, bytes, options);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const kept = await keepElsewhere(basename(path), bytes).catch(() => undefined);
    if (kept === undefined) throw error;
    const [what] = error.message.split('; ');
    throw new KeptElsewhereError(`${what}; it is kept in ${kept}, move it from there`, kept);
  }
}

/** Writes a file into a new folder of the system's temporary one, which only this user can read; returns its path. */
export async function keepElsewhere(name: string, bytes: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'diptych-'));
  const path = join(folder, name);
  try {
    await writeWhole(path, bytes, { overwrite: false });
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return path;
}
