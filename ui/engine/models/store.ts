/** Where fetched files are kept: parts in the order in which they came, and an index for each model. */

import type { FileStore } from '../../../engine/weights/download';

/** A part is kept whole or not at all, so a file is always known up to some byte. */
export interface ModelStore extends FileStore {
  /** Whether it is there the next time. */
  readonly lasting: boolean;
  /** The models that have an index. */
  models(): Promise<string[]>;
  /** The index of a model as it was written last. */
  readIndex(model: string): Promise<unknown>;
  writeIndex(model: string, index: object): Promise<void>;
  removeModel(model: string): Promise<void>;
}

/** Keeps files for as long as the page is open. */
export function memoryStore(): ModelStore {
  const indices = new Map<string, object>();
  const files = new Map<string, Map<string, Blob[]>>();
  const of = (model: string): Map<string, Blob[]> => {
    const known = files.get(model) ?? new Map<string, Blob[]>();
    files.set(model, known);
    return known;
  };
  return {
    lasting: false,
    models: async () => [...indices.keys()],
    readIndex: async (model) => indices.get(model),
    writeIndex: async (model, index) => void indices.set(model, index),
    parts: async (model, path) => of(model).get(path) ?? [],
    append: async (model, path, bytes) => void of(model).set(path, [...(of(model).get(path) ?? []), new Blob([bytes])]),
    removeFile: async (model, path) => void of(model).delete(path),
    removeModel: async (model) => {
      indices.delete(model);
      files.delete(model);
    },
  };
}
