/** What a supervised process and its supervisor say to each other. */

/** What is there of the work if the process is ended now. */
export interface Kept {
  /** What follows "cancelled", e.g. "saved in s.safetensors.checkpoint". */
  readonly text: string;
  /** Lines to show below it, safe to print as they are. */
  readonly hint?: string;
  /** For --json. */
  readonly json?: object;
  /** A file without which nothing is kept: it is looked for when the process is ended. */
  readonly file?: string;
}

/** A file that the process would remove at its end. */
export interface Leftover {
  readonly path: string;
  /** A lock is removed only while it is that process's own. */
  readonly lock?: true;
}

export type FromSupervised =
  /** The request to end was heard; the work is being saved. */
  | { readonly kind: 'ending' }
  /** A job of the device began, came on, ended. */
  | { readonly kind: 'working' | 'progress' | 'resting' }
  | { readonly kind: 'kept'; readonly kept: Kept }
  | { readonly kind: 'leftovers'; readonly files: readonly Leftover[] }
  /** All is said and saved; what may still run are threads that nobody waits for. */
  | { readonly kind: 'over'; readonly code: number };

export interface ToSupervised {
  readonly kind: 'end';
}
