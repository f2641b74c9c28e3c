/** A model folder on disk. Node only: the command line and tests import it, browser bundles never do. */
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { InputError } from '../errors';
import { folderOf, type ModelFolder } from './folder';
import { fileSource } from './node-file';
import { singleFileFolder } from './single-file/folder';
import { messageOf } from './source';

/**
 * Opens a diffusers folder on disk, or a checkpoint in one .safetensors file: what that lacks is looked for in a folder
 * of the same name beside it, without the ending. Throws an InputError when the path is neither.
 */
export async function nodeFolder(path: string, name = path): Promise<ModelFolder> {
  const info = await stat(path).catch((error: unknown) => {
    throw new InputError(`${name}: cannot be opened (${messageOf(error)}); give the path of a diffusers model folder`);
  });
  if (!info.isDirectory()) {
    const base = /^(.+)\.safetensors$/i.exec(path)?.[1];
    if (base !== undefined) return singleFileFolder(await fileSource(path, name), diskFolder(base, base));
    const help = /\.ckpt$/i.test(path)
      ? 'pickle files are never loaded; choose the model as .safetensors'
      : 'give the path of a diffusers model folder';
    throw new InputError(`${name}: is not a folder; ${help}`);
  }
  return diskFolder(path, name);
}

function diskFolder(path: string, name: string): ModelFolder {
  return folderOf(
    name,
    (file) => fileSource(join(path, file), `${name}/${file}`),
    async () => {
      const entries = await readdir(path, { recursive: true, withFileTypes: true });
      return entries
        .filter((entry) => !entry.isDirectory())
        .map((entry) => relative(path, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .sort();
    },
  );
}
