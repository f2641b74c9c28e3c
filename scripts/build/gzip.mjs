/** Compressing what seldom changes: the results are kept in dist/cache/, by the hash of what they were made from. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { dist, replace } from './output.mjs';

export const sha256 = (contents) => createHash('sha256').update(contents).digest('hex');

/** `contents` as gzip at its best level. */
export function gzipped(contents) {
  const kept = join(dist, 'cache', `${sha256(contents)}.gz`);
  if (existsSync(kept)) return readFileSync(kept);
  const compressed = gzipSync(contents, { level: 9 });
  replace(kept, compressed);
  return compressed;
}
