/** Stands in for node:path when golden cases run in a page. */
export const join = (...parts: readonly string[]): string => parts.join('/');
