/** A sandbox that behaves: layers, results, styles within a quota, a draft, settings. It answers in a later turn. */
import type {
  Call,
  Draft,
  ListedStyle,
  NodeSummary,
  Params,
  Result,
  ResultParameters,
  Settings,
  StylePlace,
} from '../../common/messages';
import { SandboxError, type SandboxPort } from '../../ui/bridge';

export function node(id: string, name = id, more: Partial<NodeSummary> = {}): NodeSummary {
  return { id, name, type: 'FRAME', x: 0, y: 0, width: 100, height: 100, obstacle: null, result: null, ...more };
}

interface FakeResult {
  original: Uint8Array | null;
  styled: Uint8Array;
  parameters: ResultParameters;
}

type Handlers = { [C in Call]: (params: Params<C>) => Result<C> };

export class FakeSandbox implements SandboxPort {
  /** Pictures of the layers by id. */
  readonly layers = new Map<string, Uint8Array>();
  readonly results = new Map<string, FakeResult>();
  readonly styles = new Map<string, { listed: ListedStyle; file: Uint8Array }>();
  draft: Draft | null = null;
  /** Names of the frames of the file by id, what is left of a batch of them, and what was looked for. */
  readonly frames = new Map<string, string>();
  batch: Result<'readBatch'>['batch'] = null;
  readonly filters: Params<'findFrames'>[] = [];
  settings: Settings = { panel: 'embedded', model: 'embedded' };
  hello: Result<'hello'> | undefined;
  quota = 5_000_000;
  /** Whether the document takes no more pictures. */
  documentFull = false;
  /** Every call in order. */
  readonly log: { [C in Call]: { call: C; params: Params<C> } }[Call][] = [];
  /** Runs before a call is answered; what it throws is the answer. */
  before: ((call: Call, params: unknown) => void | Promise<void>) | undefined;
  #lastId = 0;

  async call<C extends Call>(call: C, params: Params<C>): Promise<Result<C>> {
    this.log.push({ call, params } as (typeof this.log)[number]);
    await this.before?.(call, params);
    await Promise.resolve();
    return (this.#handlers[call] as (params: Params<C>) => Result<C>)(params);
  }

  calls<C extends Call>(call: C): Params<C>[] {
    return this.log.filter((entry) => entry.call === call).map(({ params }) => params as Params<C>);
  }

  addStyle(id: string, name: string, place: StylePlace = 'library', more: Partial<ListedStyle> = {}): void {
    const file = new Uint8Array([...id].map((letter) => letter.charCodeAt(0)));
    const listed: ListedStyle = {
      ...{
        id,
        name,
        prompt: '',
        model: null,
        createdAt: `2026-01-01T00:00:0${this.styles.size}Z`,
        rank: 16,
        steps: 240,
      },
      ...{ bytes: file.length, thumbnail: null, inLibrary: place === 'library', inDocument: place === 'document' },
      ...more,
    };
    this.styles.set(id, { listed, file });
  }

  #used(): number {
    const styles = [...this.styles.values()].filter(({ listed }) => listed.inLibrary);
    return styles.reduce((sum, { listed }) => sum + listed.bytes, 0) + (this.draft?.checkpoint.length ?? 0);
  }

  #storage() {
    return { used: this.#used(), quota: this.quota };
  }

  #refuseWhenFull(): void {
    if (this.documentFull) throw new SandboxError('Error', 'this file is full.');
  }

  #result(id: string): FakeResult {
    const result = this.results.get(id);
    if (!result) throw new SandboxError('NodeGoneError', 'the layer was deleted');
    return result;
  }

  readonly #handlers: Handlers = {
    hello: () => this.hello!,
    exportNode: ({ id }) => {
      const png = this.layers.get(id);
      if (!png) throw new SandboxError('NodeGoneError', 'the layer was deleted');
      return { png, name: id };
    },
    insertResult: ({ original, styled, parameters }) => {
      this.#refuseWhenFull();
      const id = `result-${++this.#lastId}`;
      this.results.set(id, { original, styled, parameters });
      return { id };
    },
    insertImagined: ({ picture, parameters }) => {
      this.#refuseWhenFull();
      const id = `imagined-${++this.#lastId}`;
      this.results.set(id, { original: null, styled: picture, parameters });
      return { id };
    },
    openResult: ({ id }) => ({ ...this.#result(id) }),
    updateResult: ({ id, styled, original, parameters, final }) => {
      const result = this.#result(id);
      result.styled = styled;
      if (original) result.original = original;
      if (final) result.parameters = parameters;
      return {};
    },
    reveal: () => ({}),
    markPair: () => ({}),
    listStyles: () => ({ styles: [...this.styles.values()].map(({ listed }) => listed), storage: this.#storage() }),
    readStyle: ({ id }) => {
      const style = this.styles.get(id);
      if (!style) throw new SandboxError('InputError', 'this style is kept nowhere');
      return { file: style.file };
    },
    putStyle: ({ entry, file, place }) => {
      if (place === 'library' && this.#used() + entry.bytes > this.quota) {
        throw new SandboxError('QuotaError', `the style takes ${entry.bytes} bytes, more than is left`);
      }
      const now = this.styles.get(entry.id)?.listed;
      const inLibrary = place === 'library' || (now?.inLibrary ?? false);
      const inDocument = place === 'document' || (now?.inDocument ?? false);
      this.styles.set(entry.id, { listed: { ...entry, inLibrary, inDocument }, file });
      return { storage: this.#storage() };
    },
    renameStyle: ({ id, name }) => {
      const style = this.styles.get(id)!;
      style.listed = { ...style.listed, name };
      return {};
    },
    removeStyle: ({ id, place }) => {
      const style = this.styles.get(id)!;
      style.listed = { ...style.listed, ...(place === 'library' ? { inLibrary: false } : { inDocument: false }) };
      if (!style.listed.inLibrary && !style.listed.inDocument) this.styles.delete(id);
      return { storage: this.#storage() };
    },
    findUses: ({ styleId }) => ({
      uses: [...this.results]
        .filter(([, { parameters }]) => parameters.styles.some(({ id }) => id === styleId))
        .map(([id]) => ({ id, name: id, page: 'Page 1' })),
    }),
    readDraft: () => ({ draft: this.draft }),
    putDraft: ({ draft }) => {
      const rest = this.#used() - (this.draft?.checkpoint.length ?? 0);
      if (rest + draft.checkpoint.length > this.quota) {
        throw new SandboxError('QuotaError', 'the checkpoint does not fit');
      }
      this.draft = draft;
      return {};
    },
    removeDraft: () => {
      this.draft = null;
      return {};
    },
    findFrames: (filter) => {
      this.filters.push(filter);
      const frames = [...this.frames]
        .filter(([, name]) => name.includes(filter.name))
        .map(([id, name]) => ({ id, name }));
      return { frames, pages: filter.where === 'file' ? 2 : 1, barred: 1 };
    },
    putBatch: ({ recipe, ids }) => {
      const startedAt = `2026-01-01T09:30:00.${String(++this.#lastId).padStart(3, '0')}Z`;
      const left = ids.map((id, index) => ({ id, name: this.frames.get(id) ?? id, index }));
      this.batch = { version: 1, recipe, all: ids.length, done: 0, startedAt, left, failed: [] };
      return { startedAt };
    },
    markBatch: ({ startedAt, done, id, failure }) => {
      if (this.batch?.startedAt !== startedAt) return {};
      const all = Math.max(done, this.batch.done);
      const left = this.batch.left.filter((frame) => frame.index >= all && !(failure !== null && frame.id === id));
      const failed = this.batch.failed.filter((frame) => frame.id !== id);
      if (failure !== null) failed.push({ id, name: this.frames.get(id) ?? id, reason: failure });
      this.batch = { ...this.batch, done: all, left, failed };
      return {};
    },
    readBatch: () => ({
      batch: this.batch && this.batch.left.length + this.batch.failed.length > 0 ? this.batch : null,
    }),
    removeBatch: () => {
      this.batch = null;
      return {};
    },
    putSettings: ({ settings }) => {
      this.settings = settings;
      return {};
    },
    switchPanel: () => ({}),
    notify: () => ({}),
    close: () => ({}),
  };
}
