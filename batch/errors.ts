/** Errors of a batch that is worked on by several processes: they cross process borders as plain data. */
import { DeviceError, InputError } from '../engine/errors';
import { messageOf } from '../engine/weights/source';

/**
 * The machine cannot do the work at present, whatever the picture: its disk is full, the folder of the inputs or outputs
 * is not there. The job is given back and costs it no try.
 */
export class MachineError extends InputError {
  override readonly name: string = 'MachineError';
}

/** No slot can be started: the model's folder is gone, its device gives nothing, memory is short. It concerns all batches. */
export class SlotError extends MachineError {
  override readonly name = 'SlotError';
}

/** So many of these in a row, with no picture done in between, and the machine gives up. */
export const SLOT_ERRORS = 3;

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

const MOUNT = 'mount the folder again';
/** Codes of the disk, the network disk or the system, whatever the path: another machine, or this one later, may succeed. */
const MACHINE_CODES: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk; free some',
  EDQUOT: 'the disk quota is used up; free some space',
  EROFS: 'the disk is read-only; make it writable',
  EIO: 'the disk reports an input/output error; check it',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
  ENFILE: 'too many open files; raise the limit of the system',
  ENOMEM: 'the system has no memory left; end other programs',
  ENODEV: `the disk is gone; ${MOUNT}`,
  ENXIO: `the disk is gone; ${MOUNT}`,
  ESTALE: `the network disk has lost it; ${MOUNT}`,
  ENOTCONN: `the network disk is not connected; ${MOUNT}`,
  EHOSTDOWN: `the network disk does not answer; ${MOUNT}`,
  EHOSTUNREACH: `the network disk does not answer; ${MOUNT}`,
  ETIMEDOUT: `the network disk does not answer; ${MOUNT}`,
};

/** Codes that are about one path; where the path is the batch's own folder, they concern every picture. */
const FOLDER_CODES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied; make the folder writable',
  EPERM: 'not permitted; make the folder writable',
};

/** The MachineError when the machine, and not the path, is at fault; else undefined. */
export function machineError(path: string, error: unknown, what: 'read' | 'written'): MachineError | undefined {
  const why = MACHINE_CODES[codeOf(error)];
  return why === undefined ? undefined : new MachineError(`${path}: cannot be ${what}: ${why}`);
}

/** The MachineError for a batch's own folder, that all its pictures need. */
export function folderError(path: string, error: unknown): MachineError {
  const why = MACHINE_CODES[codeOf(error)] ?? FOLDER_CODES[codeOf(error)] ?? messageOf(error);
  return new MachineError(`${path}: cannot be written: ${oneLine(why)}`);
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';
