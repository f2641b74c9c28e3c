/** Where things lie, and writing what was built. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const dist = join(root, 'dist');

/** A file that is being written, perhaps by another run. */
const DRAFT = /\.draft-\d+$/;

/** Writes a file at one stroke, and not at all if nothing changed: another run may be reading what is in dist/. */
export function replace(path, contents) {
  const bytes = Buffer.from(contents);
  if (existsSync(path) && readFileSync(path).equals(bytes)) return;
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.draft-${process.pid}`;
  writeFileSync(draft, bytes);
  renameSync(draft, path);
}

/** Makes a folder hold these files and no others: names that carry a hash change with the contents. */
export function replaceFolder(folder, files) {
  for (const [path, contents] of files) replace(join(folder, path), contents);
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const known = path.slice(folder.length + 1).replaceAll('\\', '/');
    if (!files.has(known) && !DRAFT.test(known)) rmSync(path, { force: true });
  }
}
