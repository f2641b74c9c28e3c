/** A model folder on disk. Node only: the command line and tests import it, browser bundles never do. */
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { InputError } from '../errors';
import { folderOf, type ModelFolder } from './folder';
import { fileSource } from './node-file';
import { messageOf } from './source';

/** What to do with a model in one file, as A1111 and ComfyUI use. */
export const SINGLE_FILE_HELP =
  'convert it into a diffusers folder first (in Python: StableDiffusionPipeline.from_single_file(FILE).save_pretrained(FOLDER))';

/** Opens a diffusers folder on disk; throws an InputError when the path is not a folder. */
export async function nodeFolder(path: string, name = path): Promise<ModelFolder> {
  const info = await stat(path).catch((error: unknown) => {
    throw new InputError(`${name}: cannot be opened (${messageOf(error)}); give the path of a diffusers model folder`);
  });
  if (!info.isDirectory()) {
    const help = /\.(?:safetensors|ckpt)$/i.test(path) ? SINGLE_FILE_HELP : 'give the path of a diffusers model folder';
    throw new InputError(`${name}: is not a folder; ${help}`);
  }
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
