/** The errors a panel can tell apart; their names cross to it. */
import type { ErrorName } from './messages';

/** The user can fix it: one line says what is wrong and how. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** The layer was deleted in the meantime. */
export class NodeGoneError extends Error {
  override readonly name = 'NodeGoneError';

  constructor() {
    super('This layer is no longer in the document.');
  }
}

/** It does not fit where it was to be kept; what was there before is unchanged. */
export class QuotaError extends Error {
  override readonly name = 'QuotaError';
}

/** An error as it crosses to the panel. Figma throws strings as well as Errors. */
export function describeError(error: unknown): { name: ErrorName; message: string } {
  if (error instanceof InputError || error instanceof NodeGoneError || error instanceof QuotaError) {
    return { name: error.name, message: error.message };
  }
  return { name: 'Error', message: messageOf(error) };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
