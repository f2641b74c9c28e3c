/** Model folders, wherever they lie, and the safetensors weights in them. */
import { InputError } from '../errors';
import { isObject, ownValue, parseJson, showJson } from './json';
import { openSafetensors, readEntry, type SafetensorsFile, type TensorEntry } from './safetensors';
import { blobSource, bytesSource, decodeText, MissingFileError, readAll, type ByteSource } from './source';

/** A diffusers folder. Paths are relative, with forward slashes: "unet/config.json". */
export interface ModelFolder {
  /** What errors call the folder. */
  readonly name: string;
  has(path: string, signal?: AbortSignal): Promise<boolean>;
  /** Throws a MissingFileError when the folder has no such file. */
  open(path: string, signal?: AbortSignal): Promise<ByteSource>;
  /** The text of a UTF-8 file of at most 64 MiB. */
  text(path: string, signal?: AbortSignal): Promise<string>;
  /** A JSON file of at most 64 MiB, parsed and otherwise unchecked. */
  json(path: string, signal?: AbortSignal): Promise<unknown>;
  /** Every path in the folder; only where that can be known. */
  list?(): Promise<string[]>;
  /** The weights of one net, where they do not lie in a subfolder: a checkpoint in one file. */
  weights?(subfolder: string): Promise<WeightSet>;
}

const MAX_TEXT_BYTES = 1 << 26;
const MAX_SHARDS = 1000;

/** Completes a folder from the calls that differ between them. Paths are checked before `open` sees them. */
export function folderOf(
  name: string,
  open: (path: string, signal?: AbortSignal) => Promise<ByteSource>,
  list?: () => Promise<string[]>,
): ModelFolder {
  const openChecked = async (path: string, signal?: AbortSignal): Promise<ByteSource> => {
    checkPath(name, path);
    return open(path, signal);
  };
  const text = async (path: string, signal?: AbortSignal): Promise<string> => {
    const source = await openChecked(path, signal);
    return decodeText(await readAll(source, MAX_TEXT_BYTES, signal), source.name);
  };
  return {
    name,
    open: openChecked,
    text,
    json: async (path, signal) => parseJson(await text(path, signal), `${name}/${path}`),
    async has(path, signal) {
      try {
        await openChecked(path, signal);
        return true;
      } catch (error) {
        if (error instanceof MissingFileError) return false;
        throw error;
      }
    },
    ...(list && { list }),
  };
}

/** A folder held in memory or chosen in the browser: paths to bytes or Blobs. */
export function memoryFolder(name: string, files: ReadonlyMap<string, Uint8Array | Blob>): ModelFolder {
  return folderOf(
    name,
    async (path) => {
      const file = files.get(path);
      if (!file)
        throw new MissingFileError(
          `${name}/${path}: no such file; check that the folder is a complete diffusers model`,
        );
      return file instanceof Blob ? blobSource(`${name}/${path}`, file) : bytesSource(`${name}/${path}`, file);
    },
    async () => [...files.keys()],
  );
}

/** Paths also come from index files: none may lead out of the folder. */
function checkPath(folder: string, path: string): void {
  const sound = path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  if (!sound || /[\\\0:]/.test(path))
    throw new InputError(`${folder}: ${showJson(path)} is not a path inside the folder; check the model's index file`);
}

/** All weights of one net, however many files they lie in. */
export interface WeightSet {
  /** What errors call the net's weights, e.g. "models/tiny/unet". */
  readonly name: string;
  readonly files: readonly SafetensorsFile[];
  get(name: string): WeightLocation | undefined;
  names(): string[];
  /** A tensor's values as f32; throws an InputError when there is none of that name. */
  floats(name: string, signal?: AbortSignal): Promise<Float32Array>;
}

export interface WeightLocation {
  readonly file: SafetensorsFile;
  readonly entry: TensorEntry;
  /** The matrix is stored with its axes swapped. */
  readonly transposed?: boolean;
}

export interface WeightOptions {
  /** Take the .fp16 files where both are there. */
  readonly preferHalf?: boolean;
  readonly signal?: AbortSignal;
}

/** File names diffusers and transformers save weights under, the preferred ones first; sharded weights have an index. */
export function weightFileNames(preferHalf: boolean): string[] {
  const bases = ['diffusion_pytorch_model', 'model'];
  const full = bases.flatMap((base) => [`${base}.safetensors`, `${base}.safetensors.index.json`]);
  const half = bases.flatMap((base) => [
    `${base}.fp16.safetensors`,
    `${base}.safetensors.index.fp16.json`,
    `${base}.fp16.safetensors.index.json`,
  ]);
  return preferHalf ? [...half, ...full] : [...full, ...half];
}

/**
 * Finds and opens the weights in a folder's subfolder ("" for the folder itself). Throws an InputError when there are
 * none or they are not sound.
 */
export async function openWeights(
  folder: ModelFolder,
  subfolder: string,
  options: WeightOptions = {},
): Promise<WeightSet> {
  const { signal } = options;
  if (folder.weights) return folder.weights(subfolder);
  const within = (file: string): string => (subfolder ? `${subfolder}/${file}` : file);
  const name = subfolder ? `${folder.name}/${subfolder}` : folder.name;
  const names = weightFileNames(options.preferHalf ?? false);
  for (const candidate of names) {
    const path = within(candidate);
    if (!(await folder.has(path, signal))) continue;
    if (candidate.endsWith('.json')) return openShards(folder, name, path, within, signal);
    const file = await openSafetensors(await folder.open(path, signal), signal);
    return weightSet(name, [file], new Map([...file.tensors.values()].map((entry) => [entry.name, { file, entry }])));
  }
  const single = names.filter((candidate) => candidate.endsWith('.safetensors'));
  throw new InputError(
    `${name} holds no .safetensors weights; expected one of ${single.join(', ')} (or their .index.json); .bin and .ckpt pickle files are never loaded`,
  );
}

/** Opens the shards of an index file: {"weight_map": {tensor: file}}. */
async function openShards(
  folder: ModelFolder,
  name: string,
  indexPath: string,
  within: (file: string) => string,
  signal: AbortSignal | undefined,
): Promise<WeightSet> {
  const indexName = `${folder.name}/${indexPath}`;
  const index = await folder.json(indexPath, signal);
  const map = isObject(index) ? ownValue(index, 'weight_map') : undefined;
  if (!isObject(map)) throw new InputError(`${indexName}: has no "weight_map" object; fetch the file again`);

  const files = new Map<string, SafetensorsFile>();
  const locations = new Map<string, WeightLocation>();
  for (const [tensor, shard] of Object.entries(map)) {
    if (typeof shard !== 'string' || !shard.endsWith('.safetensors')) {
      throw new InputError(
        `${indexName}: tensor ${showJson(tensor)} lies in ${showJson(shard)}, which is not a .safetensors file; choose another model`,
      );
    }
    let file = files.get(shard);
    if (!file) {
      if (files.size >= MAX_SHARDS)
        throw new InputError(`${indexName}: names more than ${MAX_SHARDS} files; check the file`);
      file = await openSafetensors(await folder.open(within(shard), signal), signal);
      files.set(shard, file);
    }
    const entry = file.tensors.get(tensor);
    if (!entry)
      throw new InputError(
        `${file.source.name}: lacks tensor ${showJson(tensor)}, which ${indexPath} places there; fetch both files again`,
      );
    locations.set(tensor, { file, entry });
  }
  return weightSet(name, [...files.values()], locations);
}

/** Weights by the names that `locations` gives them. */
export function weightSet(
  name: string,
  files: readonly SafetensorsFile[],
  locations: ReadonlyMap<string, WeightLocation>,
): WeightSet {
  return {
    name,
    files,
    get: (tensor) => locations.get(tensor),
    names: () => [...locations.keys()],
    async floats(tensor, signal) {
      const location = locations.get(tensor);
      if (!location)
        throw new InputError(
          `${name}: has no tensor ${showJson(tensor)}; the weights do not belong to this config.json`,
        );
      return readEntry(location.file, location.entry, signal);
    },
  };
}
