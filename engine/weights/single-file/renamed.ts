/** Tensors of a single-file checkpoint under the names that diffusers gives them. */
import { InputError } from '../../errors';
import type { WeightLocation } from '../folder';
import type { SafetensorsFile, TensorEntry } from '../safetensors';

/** Where a net's weights lie, by their diffusers names. */
export type Renamed = Map<string, WeightLocation>;

/** Module paths by module paths: a tensor belongs to the longest that its name begins with. */
export type Modules = ReadonlyMap<string, string>;

/** The tensors of a file whose names begin with a prefix, by the rest of their names. */
export class Part {
  readonly file: SafetensorsFile;
  readonly tensors: ReadonlyMap<string, TensorEntry>;

  constructor(file: SafetensorsFile, prefix: string) {
    this.file = file;
    const inside = [...file.tensors].filter(([name]) => name.startsWith(prefix));
    this.tensors = new Map(inside.map(([name, entry]) => [name.slice(prefix.length), entry]));
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  /** An extent of a tensor; throws an InputError when the tensor is missing or has no such axis. */
  extent(name: string, axis: number): number {
    const extent = this.tensors.get(name)?.shape[axis];
    if (extent !== undefined) return extent;
    throw new InputError(`${this.file.source.name}: ${name} is missing; the file is damaged or of another kind`);
  }

  /** How many of `name(0)`, `name(1)`, ... are there. */
  count(name: (i: number) => string): number {
    let count = 0;
    while (this.has(name(count))) count++;
    return count;
  }

  /** Every tensor whose module the map knows, under its new name. */
  renamed(modules: Modules): Renamed {
    const renamed: Renamed = new Map();
    for (const [name, entry] of this.tensors) {
      const to = renamedPath(name, modules);
      if (to !== undefined) renamed.set(to, { file: this.file, entry });
    }
    return renamed;
  }
}

function renamedPath(name: string, modules: Modules): string | undefined {
  for (let end = name.length; end > 0; end = name.lastIndexOf('.', end - 1)) {
    const to = modules.get(name.slice(0, end));
    if (to !== undefined) return to + name.slice(end);
  }
  return undefined;
}

/** A third, a half, ... of a tensor's rows under a name of its own: `index` of `of` equal pieces. */
export function rowsOf({ file, entry }: WeightLocation, index: number, of: number): WeightLocation {
  const [rows = 0, ...rest] = entry.shape;
  const length = entry.length / of;
  return { file, entry: { ...entry, shape: [rows / of, ...rest], offset: entry.offset + index * length, length } };
}
