/** Whether dist/ was built from the sources as they are now: their paths, sizes and times are kept beside it. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { dist, replace, root } from './output.mjs';

const STAMP = join(dist, '.sources');

/** In no bundle. All else counts, so that nothing a bundle is made of can be forgotten here. */
const NO_SOURCE = /^(node_modules|dist|docs|coverage|out|\..*)$|(^|\/)__pycache__$|\.(md|py|test\.tsx?)$/;

/** A hash that changes with any source, the installed packages, and the settings of a build. */
export function sourcesHash() {
  const hash = createHash('sha256').update(`${process.version} ${process.env.DIPTYCH_HOST ?? ''}`);
  const visit = (folder) => {
    const entries = readdirSync(join(root, folder), { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder + entry.name;
      if (NO_SOURCE.test(path)) continue;
      if (entry.isDirectory()) visit(`${path}/`);
      else if (entry.isFile()) {
        const { size, mtimeMs } = statSync(join(root, path));
        hash.update(`\n${path} ${size} ${mtimeMs}`);
      }
    }
  };
  visit('');
  return hash.digest('hex');
}

/** @param hash of the sources, taken before they were read: one that changes during a build makes it stale. */
export const markBuilt = (hash) => replace(STAMP, hash);

export const isBuilt = (hash) => existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash;
