/** What is shown with an error beside its one line: advice to type below it, more for --json. */

export interface Details {
  /** Shown below the error: a line or two, safe to print as they are. */
  readonly hint?: string;
  /** Goes into the object that --json prints. */
  readonly json?: object;
}

const kept = new WeakMap<Error, Details>();

/** The same error, with details for whoever reports it. */
export function withDetails<E extends Error>(error: E, details: Details): E {
  kept.set(error, details);
  return error;
}

export function detailsOf(error: unknown): Details {
  return (error instanceof Error && kept.get(error)) || {};
}
