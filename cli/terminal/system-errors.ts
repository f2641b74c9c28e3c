/** What the system refuses, and what a program that is not all there lacks, as one line with the way out. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../engine/errors';

/** What went wrong and how to fix it, by the system's code. */
const REFUSALS: Readonly<Record<string, readonly [string, string]>> = {
  EMFILE: ['too many open files', 'raise the limit, e.g. ulimit -n 1024'],
  ENFILE: ['too many open files on this system', 'end other programs, or raise the limit of the system'],
  EACCES: ['permission denied', 'change its permissions, or choose another place'],
  EPERM: ['operation not permitted', 'change its permissions, or choose another place'],
  EROFS: ['the disk is read-only', 'make it writable, or choose another place'],
  ENOSPC: ['no space left on the disk', 'free some, or choose another place'],
  EDQUOT: ['the disk quota is used up', 'free some space, or choose another place'],
  EIO: ['the disk reports an input/output error', 'check it'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'correct the path'],
  ELOOP: ['its links lead in a circle', 'correct the path'],
  ENAMETOOLONG: ['the name is too long', 'shorten it'],
  EAGAIN: ['no more processes can be started', 'end other programs, or raise the limit, e.g. ulimit -u 4096'],
  ENOMEM: ['not enough memory', 'end other programs'],
};

/** How to fix what the system refused; undefined for what is no such error. */
export function fixOf(error: unknown): string | undefined {
  return REFUSALS[(error as NodeJS.ErrnoException | null)?.code ?? '']?.[1];
}

/** The line for an error that nothing else explains; undefined for what is no error of the system or installation. */
export function systemProblem(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, path, syscall } = error as NodeJS.ErrnoException;
  const known = REFUSALS[code ?? ''];
  // Modules are read without a field for the path; the message ends with it.
  if (known)
    return `${path ?? /'([^']+)'$/.exec(error.message)?.[1] ?? syscall ?? 'diptych'}: ${known[0]}; ${known[1]}`;
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_DLOPEN_FAILED' || code === 'MODULE_NOT_FOUND') {
    const what = error.message.split('\n')[0]!.replace(/ imported from .*/, '');
    const fix = /package/.test(what) || code === 'ERR_DLOPEN_FAILED' ? 'npm ci' : 'npm run build';
    return `this installation is not complete (${what}); run in its folder: ${fix}`;
  }
  return undefined;
}

/** The path of a file of the built program. Throws an InputError when it is not there. */
export function builtFile(root: string, path: string): string {
  const file = join(root, path);
  if (existsSync(file)) return file;
  throw new InputError(`this installation is not complete (${file} is missing); run in its folder: npm run build`);
}
