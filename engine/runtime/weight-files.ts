/** Weight files as ONNX Runtime mounts them; each is read once and shared by all programs of a runtime. */
import { GraphError, type Graph, type Value } from '../graph/graph';
import { byteLength } from './convert';
import type { MemoryAccount } from './memory';

/** A file of weights: a ByteSource of engine/weights, of which only this is needed. */
export interface WeightFile {
  /** Bytes. */
  readonly size: number;
  /** Where the file lies on disk, without symbolic links, where it does: sessions may then map it. */
  readonly path?: string;
  asBlobOrBytes(): Promise<Blob | Uint8Array>;
}

export class WeightFiles {
  readonly #contents = new Map<WeightFile, Promise<Blob | Uint8Array>>();
  readonly #bytes = new Map<WeightFile, number>();
  readonly #memory: MemoryAccount;

  constructor(memory: MemoryAccount) {
    this.#memory = memory;
  }

  /** The contents of some files, by the keys a model refers to them with. */
  async mount(files: ReadonlyMap<string, WeightFile>): Promise<{ path: string; data: Blob | Uint8Array }[]> {
    return Promise.all([...files].map(async ([path, file]) => ({ path, data: await this.#read(file) })));
  }

  /** Forgets what was read; a later compile reads again. */
  clear(): void {
    this.#contents.clear();
    for (const bytes of this.#bytes.values()) this.#memory.add('files', -bytes);
    this.#bytes.clear();
  }

  async #read(file: WeightFile): Promise<Blob | Uint8Array> {
    let content = this.#contents.get(file);
    if (!content) this.#contents.set(file, (content = this.#load(file)));
    return content;
  }

  async #load(file: WeightFile): Promise<Blob | Uint8Array> {
    try {
      const content = await file.asBlobOrBytes();
      const bytes = content instanceof Uint8Array ? content.byteLength : 0;
      this.#bytes.set(file, bytes);
      this.#memory.add('files', bytes);
      return content;
    } catch (error) {
      this.#contents.delete(file);
      throw error;
    }
  }
}

/** The weights and constants of a graph, each once. */
function held(graph: Graph): Set<Value> {
  const values = [...graph.nodes.flatMap((node) => node.inputs), ...graph.outputs.values()];
  return new Set(values.filter(({ source }) => source.kind === 'weight' || source.kind === 'constant'));
}

/** Bytes of the weights and constants a program of this graph holds. */
export function heldBytes(graph: Graph): number {
  const spans = new Map<string | Value, number>(heldSpans(graph));
  for (const value of held(graph)) if (value.source.kind === 'constant') spans.set(value, byteLength(value));
  return [...spans.values()].reduce((sum, bytes) => sum + bytes, 0);
}

/** Bytes of each weight of a graph, by where it lies. */
export function heldSpans(graph: Graph): Map<string, number> {
  const spans = new Map<string, number>();
  for (const value of held(graph)) {
    if (value.source.kind !== 'weight') continue;
    spans.set(`${value.source.reference.file}@${value.source.reference.offset}`, byteLength(value));
  }
  return spans;
}

/** Keys of the files that the weights of a graph lie in. */
export function weightFilesOf(graph: Graph): string[] {
  const keys = [...held(graph)].map(({ source }) => (source.kind === 'weight' ? source.reference.file : undefined));
  return [...new Set(keys.filter((key) => key !== undefined))];
}

/** The files a model refers to; throws a GraphError when one is not among those given. */
export function filesNamed(
  keys: readonly string[],
  files: ReadonlyMap<string, WeightFile>,
): ReadonlyMap<string, WeightFile> {
  return new Map(
    keys.map((key) => {
      const file = files.get(key);
      if (!file) {
        throw new GraphError(`weight file ${key} is not mounted; mounted: ${[...files.keys()].join(', ') || 'none'}`);
      }
      return [key, file];
    }),
  );
}

/** Throws a GraphError when a weight's span does not fit its type or its file. */
export function checkWeights(graph: Graph, files: ReadonlyMap<string, WeightFile>): void {
  for (const value of held(graph)) {
    if (value.source.kind !== 'weight') continue;
    const { name, file, offset, length } = value.source.reference;
    if (length !== byteLength(value)) {
      throw new GraphError(`weight ${name} needs ${byteLength(value)} bytes, its span in ${file} has ${length}`);
    }
    const { size } = files.get(file)!;
    if (offset + length > size) {
      throw new GraphError(`weight ${name} ends at byte ${offset + length} of ${file}, which has ${size}`);
    }
  }
}
