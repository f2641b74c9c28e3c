/** Files the commands read, and the reasons of the system in plain words. */
import { readFile } from 'node:fs/promises';
import { InputError } from '../../engine/errors';
import { messageOf } from '../../engine/weights/source';
import { fixOf } from '../terminal/system-errors';

/** The bytes of a file; throws an InputError when there is none or it cannot be read. */
export async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new InputError(unreadable(path, error));
  });
  return new Uint8Array(bytes);
}

function unreadable(path: string, error: unknown): string {
  if (path === '') return 'the name of a file is empty; check the variables in the command';
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EISDIR') return `${path}: is a folder; name the files in it`;
  if (code === 'ENOENT' && /^https?:/i.test(path)) return `${path}: is an address; download the file and give its path`;
  if (code === 'ENOENT' && /[*?]/.test(path)) return `${path}: no file matches; check the pattern`;
  return `${path}: cannot be read (${reasonOf(error)}); ${fixOf(error) ?? 'check the path'}`;
}

/** An error of a file operation without its code and path, which the line around it names: "permission denied". */
export function reasonOf(error: unknown): string {
  return messageOf(error)
    .replace(/^(Error: )?[A-Z0-9_]+: /, '')
    .replace(/, \w+( '.*)?$/s, '');
}
