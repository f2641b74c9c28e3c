/** What went wrong, in words for the user. Errors are told by their names: some come from other realms. */

/** True when the user wanted it to end: nothing to say. */
export function isCancelled(error: unknown): boolean {
  return isNamed(error, 'CancelledError') || isNamed(error, 'AbortError');
}

export function isNamed(error: unknown, name: string): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === name;
}

/** One line that starts like a sentence. */
export function messageOf(error: unknown): string {
  const hasMessage = typeof error === 'object' && error !== null && 'message' in error;
  const text = String(hasMessage ? error.message : error);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
