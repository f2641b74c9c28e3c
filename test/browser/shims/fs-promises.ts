/** Stands in for node:fs/promises when golden cases run in a page. */
import { fetchBytes } from './fetch';

export async function readFile(path: string, encoding?: 'utf8'): Promise<Uint8Array | string> {
  const bytes = await fetchBytes(path);
  return encoding ? new TextDecoder().decode(bytes) : bytes;
}

export function readdir(): never {
  throw new Error('a page cannot list folders');
}
