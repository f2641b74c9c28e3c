/** Diptych's own folder, where models/ and dist/ lie. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The nearest folder above that holds a package.json: the same from the sources and from dist/.
 *
 * @param from a folder inside Diptych's own, such as that of the running script.
 */
export function packageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || dirname(folder) === folder) return folder;
  }
}
