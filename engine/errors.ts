/** Errors a user can fix. Anything else thrown is a defect. */

/** Bad input: one line that says what is wrong, where, and how to fix it. The command line exits 2 on it. */
export class InputError extends Error {
  override readonly name: string = 'InputError';
}

/** The caller's AbortSignal fired. Work done so far has been handed over or saved. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError';
  constructor(message = 'cancelled') {
    super(message);
  }
}

/** The device was lost or ran out of memory; the message says which and what to try. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

/** Throws a CancelledError when the signal has fired. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new CancelledError();
}
