/** Base models from outside the plugin (ports.ts): looked up, fetched, kept, and handed to the engine as files. */
import { signal, type ReadonlySignal } from '@preact/signals-core';
import * as v from 'valibot';
import { InputError } from '../../../engine/errors';
import { download } from '../../../engine/weights/download';
import type { HttpOptions } from '../../../engine/weights/http-range';
import { askHub, fileUrl, type HubListing, type HubOptions } from '../../../engine/weights/hub';
import { neededFiles } from '../../../engine/weights/needed-files';
import type { MachineFacts, ModelFacts, ModelsPort } from '../../ports';
import type { ModelStore } from './store';

const GIB = 2 ** 30;

const indexSchema = v.object({
  version: v.literal(1),
  name: v.string(),
  commit: v.string(),
  files: v.array(
    v.object({
      path: v.string(),
      size: v.number(),
      hash: v.object({ algorithm: v.picklist(['sha256', 'git-sha1']), digest: v.string() }),
      /** Whether all of it is here and its hash was right. */
      done: v.boolean(),
    }),
  ),
});

/** What is written beside a model's files. */
type Index = v.InferOutput<typeof indexSchema>;
type IndexedFile = Index['files'][number];

export interface ModelsOptions {
  /** false in a panel that may not use the network. */
  readonly network: boolean;
  readonly openStore: () => Promise<ModelStore>;
  readonly hub?: HubOptions;
}

export class Models implements ModelsPort {
  readonly #options: ModelsOptions;
  readonly #store: Promise<ModelStore>;
  readonly #lasting = signal(false);
  readonly #listings = new Map<string, HubListing>();
  readonly #folders = new Map<string, ReadonlyMap<string, File>>();
  readonly #fetching = new Set<string>();

  readonly lasting: ReadonlySignal<boolean> = this.#lasting;

  constructor(options: ModelsOptions) {
    this.#options = options;
    this.#store = options.openStore();
    this.#store.then(
      ({ lasting }) => (this.#lasting.value = lasting),
      () => undefined,
    );
  }

  async look(name: string, abort?: AbortSignal): Promise<ModelFacts> {
    const listing = await this.#ask(name, abort);
    const { index, stale } = await this.#reconcile(listing);
    return this.#facts(index, stale);
  }

  async fetch(
    name: string,
    hooks: { signal?: AbortSignal; onProgress?: (have: number, bytes: number) => void } = {},
  ): Promise<void> {
    if (this.#fetching.has(name)) throw new InputError(`${name} is being fetched already`);
    this.#fetching.add(name);
    try {
      const listing = this.#listings.get(name) ?? (await this.#ask(name, hooks.signal));
      await this.#fetchAll(listing, hooks);
    } finally {
      this.#fetching.delete(name);
    }
  }

  async list(): Promise<readonly ModelFacts[]> {
    const store = await this.#store;
    const indices = await Promise.all((await store.models()).map((name) => this.#index(name)));
    return Promise.all(indices.filter((index) => index !== undefined).map((index) => this.#facts(index)));
  }

  /** Whether all of a model's files are at hand. */
  async has(name: string): Promise<boolean> {
    if (name.startsWith('folder:')) return true;
    return (await this.#index(name))?.files.every(({ done }) => done) ?? false;
  }

  async purge(name: string): Promise<void> {
    if (this.#fetching.has(name)) throw new InputError(`${name} is being fetched; stop that first`);
    this.#folders.delete(name);
    await (await this.#store).removeModel(name);
  }

  useFolder(name: string, chosen: ReadonlyMap<string, File>): ModelFacts {
    const files = withoutCommonFolder(chosen);
    const key = `folder:${name}`;
    const sized = neededFiles(
      name,
      [...files].map(([path, { size }]) => ({ path, size })),
    );
    this.#folders.set(key, files);
    const bytes = sized.reduce((sum, { size }) => sum + size, 0);
    return { name: key, bytes, have: bytes };
  }

  async machine(): Promise<MachineFacts> {
    const { deviceMemory } = navigator as Navigator & { deviceMemory?: number };
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' }).catch(() => null);
    const { description, vendor, architecture } = adapter?.info ?? {};
    return {
      gpu: adapter ? description || [vendor, architecture].filter(Boolean).join(' ') || 'GPU' : null,
      memory: deviceMemory === undefined ? null : deviceMemory * GIB,
    };
  }

  /** The files of a model that is here, for the engine. Throws an InputError when it is not, or not whole. */
  async files(name: string): Promise<ReadonlyMap<string, Blob>> {
    const folder = this.#folders.get(name);
    if (folder) return folder;
    if (name.startsWith('folder:')) throw new InputError(`${name.slice(7)} was chosen in an earlier session; choose it again`);
    const store = await this.#store;
    const index = await this.#index(name);
    if (!index?.files.every(({ done }) => done)) {
      throw new InputError(`${name} is not on this computer yet; fetch it under Model`);
    }
    const files = new Map<string, Blob>();
    for (const file of index.files) {
      const blob = new Blob(await store.parts(name, file.path));
      if (blob.size !== file.size) {
        await this.#note(index, file, false);
        throw new InputError(`${name}/${file.path} was damaged in the browser's storage; fetch it again under Model`);
      }
      files.set(file.path, blob);
    }
    return files;
  }

  async #ask(name: string, abort: AbortSignal | undefined): Promise<HubListing> {
    if (!this.#options.network) {
      throw new InputError(
        `${name} cannot be fetched: this panel uses no network. Switch to this computer's GPU first, or choose a model's folder`,
      );
    }
    const listing = await askHub(name, this.#options.hub ?? {}, abort);
    this.#listings.set(name, listing);
    return listing;
  }

  /** What the hub lists now, with what is here of it; and the files here that are of another version. */
  async #reconcile({ name, commit, files }: HubListing): Promise<{ index: Index; stale: ReadonlySet<string> }> {
    const here = (await this.#index(name))?.files ?? [];
    const needed = neededFiles(name, files);
    const listed = new Map(needed.map(({ path, hash }) => [path, hash.digest]));
    const same = here.filter(({ path, hash }) => listed.get(path) === hash.digest);
    const done = new Set(same.filter((file) => file.done).map(({ path }) => path));
    return {
      index: { version: 1, name, commit, files: needed.map((file) => ({ ...file, done: done.has(file.path) })) },
      stale: new Set(here.filter((file) => !same.includes(file)).map(({ path }) => path)),
    };
  }

  async #fetchAll(
    listing: HubListing,
    { signal: abort, onProgress }: { signal?: AbortSignal; onProgress?: (have: number, bytes: number) => void },
  ): Promise<void> {
    const store = await this.#store;
    const { name } = listing;
    const { index, stale } = await this.#reconcile(listing);
    for (const path of stale) await store.removeFile(name, path);
    await store.writeIndex(name, index);
    const bytes = index.files.reduce((sum, { size }) => sum + size, 0);
    let have = index.files.reduce((sum, { size, done }) => sum + (done ? size : 0), 0);
    onProgress?.(have, bytes);
    const { endpoint: _, ...http } = this.#options.hub ?? {};
    const options: HttpOptions = { ...http, ...(abort && { signal: abort }) };
    for (const file of index.files) {
      if (file.done) continue;
      const url = fileUrl(listing, file.path, this.#options.hub ?? {});
      await download(store, { model: name, file, url }, options, (part) => onProgress?.(have + part, bytes));
      have += file.size;
      await this.#note(index, file, true);
    }
  }

  async #note(index: Index, file: IndexedFile, done: boolean): Promise<void> {
    file.done = done;
    await (await this.#store).writeIndex(index.name, index);
  }

  /** The index of a model in the store; one that cannot be read is none. */
  async #index(name: string): Promise<Index | undefined> {
    const read = v.safeParse(indexSchema, await (await this.#store).readIndex(name));
    return read.success ? read.output : undefined;
  }

  async #facts({ name, files }: Index, stale: ReadonlySet<string> = new Set()): Promise<ModelFacts> {
    const store = await this.#store;
    let have = 0;
    for (const { path, size, done } of files) {
      const parts = done || stale.has(path) ? [] : await store.parts(name, path);
      have += done ? size : parts.reduce((sum, part) => sum + part.size, 0);
    }
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    return { name, bytes, have: Math.min(have, bytes) };
  }
}

/** Browsers give the files of a chosen folder with the folder's own name before each path. */
function withoutCommonFolder(files: ReadonlyMap<string, File>): ReadonlyMap<string, File> {
  if (files.has('model_index.json')) return files;
  const index = [...files.keys()].find((path) => /^[^/]+\/model_index\.json$/.test(path));
  if (!index) return files;
  const folder = index.slice(0, index.indexOf('/') + 1);
  return new Map(
    [...files].flatMap(([path, file]) => (path.startsWith(folder) ? [[path.slice(folder.length), file]] : [])),
  );
}
