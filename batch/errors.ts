/** Errors of a batch that is worked on by several processes: they cross process borders as plain data. */
import { DeviceError, InputError } from '../engine/errors';

/**
 * The machine cannot do the work at present, whatever the picture: its disk is full, its output folder is read-only or
 * gone. The job is given back and costs it no try.
 */
export class MachineError extends InputError {
  override readonly name = 'MachineError';
}

/** An error as it is sent between processes. */
export interface PlainError {
  readonly kind: 'input' | 'machine' | 'device' | 'defect';
  readonly message: string;
}

export function plainError(error: unknown): PlainError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof MachineError) return { kind: 'machine', message };
  if (error instanceof InputError) return { kind: 'input', message };
  if (error instanceof DeviceError) return { kind: 'device', message };
  return { kind: 'defect', message: oneLine(message) };
}

export function restoredError({ kind, message }: PlainError): Error {
  if (kind === 'machine') return new MachineError(message);
  if (kind === 'input') return new InputError(message);
  if (kind === 'device') return new DeviceError(message);
  return new Error(message);
}

/** A reason fits into one line of a list. */
export function oneLine(message: string): string {
  const line = message.replace(/\s+/g, ' ').trim();
  return line.length > 300 ? `${line.slice(0, 299)}…` : line;
}

/** Codes of a disk that takes no more: another machine, or this one later, may succeed. */
const MACHINE_CODES: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk; free some',
  EDQUOT: 'the disk quota is used up; free some space',
  EROFS: 'the disk is read-only; make it writable',
  EACCES: 'permission denied; make the folder writable',
  EPERM: 'not permitted; make the folder writable',
  EIO: 'the disk reports an input/output error; check it',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
  ENFILE: 'too many open files; raise the limit of the system',
};

/** The MachineError for a failed write, or undefined when the error is another one. */
export function machineError(path: string, error: unknown): MachineError | undefined {
  const why = MACHINE_CODES[(error as NodeJS.ErrnoException).code ?? ''];
  return why === undefined ? undefined : new MachineError(`${path}: cannot be written: ${why}`);
}
