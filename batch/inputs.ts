/** Which pictures a batch is given: folders, patterns, lists and standard input, as paths with a place under DIR. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import { InputError } from '../engine/errors';
import { messageOf } from '../engine/weights/source';
import { OWN_FOLDER } from './output';
import { isInside } from './paths';

export interface InputFile {
  /** Absolute. */
  readonly path: string;
  /** Its place under DIR, with the input's own extension. */
  readonly place: string;
}

/** In folders and patterns only these count; a list names what it wants. */
const PICTURES = new Set(['.png', '.jpg', '.jpeg', '.webp', '.gif', '.svg', '.avif', '.tif', '.tiff']);

/**
 * @param sources FOLDER, a picture, a pattern such as "icons/**\/*.svg", LIST.txt with a path a line, or "-".
 * @param output the folder of the outputs, which is left out when it lies in a FOLDER.
 * @param readStdin all of standard input.
 * @throws InputError when a source holds no picture.
 */
export async function findInputs(
  sources: readonly string[],
  output: string,
  readStdin: () => Promise<string>,
): Promise<InputFile[]> {
  const found = new Map<string, InputFile>();
  for (const source of sources) {
    const files = await expand(source, resolve(output), readStdin);
    if (files.length === 0) throw new InputError(`${source}: holds no picture; ${KNOWN}`);
    for (const file of files) found.set(`${file.path}\0${file.place}`, file);
  }
  return [...found.values()];
}

/** The folders that inputs were found in, each once: what lies below them is the same on every machine that sees them. */
export function foldersOf(inputs: readonly InputFile[]): string[] {
  const folders = inputs.map(({ path, place }) =>
    path.endsWith(sep + place) ? path.slice(0, -place.length - 1) || sep : dirname(path),
  );
  return [...new Set(folders)];
}

const KNOWN = `pictures are files named ${[...PICTURES].join(', ')}`;

async function expand(source: string, output: string, readStdin: () => Promise<string>): Promise<InputFile[]> {
  if (source === '-') return fromList('standard input', await readStdin());
  const info = await stat(source).catch(() => undefined);
  if (info?.isDirectory()) return fromFolder(source, output);
  if (info && extname(source).toLowerCase() === '.txt') return fromList(source, await readText(source));
  if (info) return [{ path: resolve(source), place: basename(source) }];
  if (isDynamicPattern(source)) return fromPattern(source, output);
  throw new InputError(`${source}: there is no such file or folder; give a folder, a pattern in quotes, a list or -`);
}

async function fromFolder(folder: string, output: string): Promise<InputFile[]> {
  if (resolve(folder) === output) {
    throw new InputError(`-o ${output}: holds the pictures themselves; choose another folder for the results`);
  }
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    throw new InputError(`${folder}: cannot be read (${messageOf(error)}); check its permissions`);
  });
  const places = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  return pictures(places, folder, output);
}

async function fromPattern(pattern: string, output: string): Promise<InputFile[]> {
  const base = staticPart(pattern);
  const paths = await glob(pattern, { onlyFiles: true, dot: false, expandDirectories: false });
  return pictures(
    paths.map((path) => relative(base, path)),
    base,
    output,
  );
}

/** "icons/**\/*.svg" gives "icons". */
function staticPart(pattern: string): string {
  const parts = pattern.split('/');
  const dynamic = parts.findIndex((part) => isDynamicPattern(part));
  const fixed = parts.slice(0, dynamic < 0 ? -1 : dynamic).join('/');
  return pattern.startsWith('/') && fixed === '' ? '/' : fixed || '.';
}

function pictures(places: readonly string[], folder: string, output: string): InputFile[] {
  return places
    .filter((place) => PICTURES.has(extname(place).toLowerCase()))
    .filter((place) => !place.split(sep).some((part) => part === OWN_FOLDER || part.startsWith('._')))
    .map((place) => ({ path: resolve(folder, place), place }))
    .filter(({ path }) => !isInside(path, output) || isInside(resolve(folder), output))
    .sort((a, b) => (a.place < b.place ? -1 : 1));
}

/** Paths a line, as seen from the current folder; their common folder is what stays the same under DIR. */
async function fromList(name: string, text: string): Promise<InputFile[]> {
  const lines = text
    .split(/\r?\n/)
    .map((line, i) => ({ path: line.trim(), number: i + 1 }))
    .filter(({ path }) => path !== '');
  for (const { path, number } of lines) {
    const info = await stat(path).catch(() => undefined);
    if (!info?.isFile())
      throw new InputError(`${name}, line ${number}: ${path} is no file; correct or remove the line`);
  }
  const paths = lines.map(({ path }) => resolve(path));
  const common = commonFolder(paths);
  return paths.map((path) => ({ path, place: relative(common, path) }));
}

function commonFolder(paths: readonly string[]): string {
  let common = paths.length > 0 ? dirname(paths[0]!) : '.';
  for (const path of paths) {
    while (!isInside(path, common) && dirname(common) !== common) common = dirname(common);
  }
  return common;
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: unknown) => {
    throw new InputError(`${path}: cannot be read (${messageOf(error)}); check the path`);
  });
}
