/** Library: the styles that are kept for the user and in the document. */
import { signal, type ReadonlySignal } from '@preact/signals-core';
import type { ChosenStyle, ListedStyle, StylePlace, Storage, StyleEntry } from '../../common/messages';
import type { ModelIdentity } from './base-model';
import { isNamed, messageOf } from './errors';
import { styleIdOf } from './ids';
import type { Services } from './services';
import { fileStem } from './words';

export type LibraryState =
  { readonly at: 'loading' } | { readonly at: 'ready' } | { readonly at: 'failed'; readonly message: string };

export type Use = { readonly id: string; readonly name: string; readonly page: string };

export type Uses =
  | { readonly at: 'looking' }
  | { readonly at: 'known'; readonly uses: readonly Use[] }
  | { readonly at: 'failed'; readonly message: string };

/** Files held in memory, newest last: enough for a blend and its neighbours. */
const FILES_HELD = 6;

export class Library {
  readonly #services: Services;
  readonly #state = signal<LibraryState>({ at: 'loading' });
  readonly #styles = signal<readonly ListedStyle[]>([]);
  readonly #storage = signal<Storage | null>(null);
  readonly #uses = signal<{ readonly styleId: string; readonly uses: Uses } | null>(null);
  readonly #files = new Map<string, Uint8Array>();

  readonly state: ReadonlySignal<LibraryState> = this.#state;
  /** Newest first. */
  readonly styles: ReadonlySignal<readonly ListedStyle[]> = this.#styles;
  readonly storage: ReadonlySignal<Storage | null> = this.#storage;
  /** Where the style that was last asked for is used. */
  readonly uses: ReadonlySignal<{ readonly styleId: string; readonly uses: Uses } | null> = this.#uses;

  constructor(services: Services) {
    this.#services = services;
  }

  async load(): Promise<void> {
    try {
      const { styles, storage } = await this.#services.sandbox.call('listStyles', {});
      this.#styles.value = [...styles].sort((a, b) => b.createdAt.localeCompare(a.createdAt));
      this.#storage.value = storage;
      this.#state.value = { at: 'ready' };
    } catch (error) {
      this.#state.value = { at: 'failed', message: messageOf(error) };
    }
  }

  find(id: string): ListedStyle | undefined {
    return this.#styles.value.find((style) => style.id === id);
  }

  /** "Style 1", or the first such name that no style has. */
  freeName(): string {
    const taken = new Set(this.#styles.value.map(({ name }) => name));
    let number = 1;
    while (taken.has(`Style ${number}`)) number++;
    return `Style ${number}`;
  }

  /** Fingerprint of the base model that is open; null while none is. */
  get fingerprint(): ReadonlySignal<string | null> {
    return this.#services.model.fingerprint;
  }

  /** False when a style is known to be of another base model than the one that is open. */
  fits({ kind, model }: ListedStyle): boolean {
    // The model that reads pairs is always there.
    if (kind === 'pair') return true;
    const open = this.fingerprint.value;
    return open === null || model === null || model.fingerprint === open;
  }

  /** The model that styles are applied by: the one that reads pairs, or the one that was chosen, opened if need be. */
  async modelFor(styles: readonly ChosenStyle[]): Promise<ModelIdentity> {
    const first = styles.map(({ id }) => this.find(id)).find((style) => style?.kind === 'pair');
    return first?.model ?? this.#services.model.ready();
  }

  /** A style's file. Rejects when it is kept nowhere, and when a file of the document is not the one its id names. */
  async file(id: string): Promise<Uint8Array> {
    const held = this.#files.get(id) ?? (await this.#services.sandbox.call('readStyle', { id })).file;
    const style = this.find(id);
    // Whoever edits the document can change what lies in it; the user's own library is written by the panel alone.
    if (style?.inDocument && !style.inLibrary && styleIdOf(held) !== id)
      throw new Error(
        `“${style.name}” was changed after it was shared with this file; remove it, and ask who made it to share it again`,
      );
    this.#files.delete(id);
    this.#files.set(id, held);
    for (const oldest of [...this.#files.keys()].slice(0, -FILES_HELD)) this.#files.delete(oldest);
    return held;
  }

  /** Keeps a style. Rejects with a QuotaError, and changes nothing, when it does not fit. */
  async put(entry: StyleEntry, file: Uint8Array, place: StylePlace): Promise<void> {
    const { storage } = await this.#services.sandbox.call('putStyle', { entry, file, place });
    this.#storage.value = storage;
    const now = this.find(entry.id);
    const listed: ListedStyle = {
      ...entry,
      inLibrary: place === 'library' || (now?.inLibrary ?? false),
      inDocument: place === 'document' || (now?.inDocument ?? false),
    };
    this.#styles.value = now ? this.#with(listed) : [listed, ...this.#styles.value];
  }

  async rename(id: string, name: string): Promise<void> {
    const style = this.find(id);
    const wanted = name.trim();
    if (!style || wanted === '' || wanted === style.name) return;
    this.#styles.value = this.#with({ ...style, name: wanted });
    try {
      await this.#services.sandbox.call('renameStyle', { id, name: wanted });
    } catch (error) {
      const now = this.find(id);
      if (now) this.#styles.value = this.#with({ ...now, name: style.name });
      this.#services.notices.error(`“${style.name}” could not be renamed. ${messageOf(error)}`);
    }
  }

  /** Takes a style from a place at once, and offers to bring it back for a while. */
  async remove(id: string, place: StylePlace): Promise<void> {
    const style = this.find(id);
    if (!style) return;
    const { sandbox, notices } = this.#services;
    try {
      const file = await this.file(id);
      const { storage } = await sandbox.call('removeStyle', { id, place });
      this.#storage.value = storage;
      this.#forget(style, place);
      const text = place === 'library' ? `“${style.name}” deleted` : `“${style.name}” is no longer in this file`;
      notices.info(text, { label: 'Undo', run: () => void this.#bringBack(style, file, place) });
    } catch (error) {
      notices.error(`“${style.name}” could not be removed. ${messageOf(error)}`);
    }
  }

  /** Copies a style to the other place: into the document for teammates, or from there into the user's library. */
  async copyTo(id: string, place: StylePlace): Promise<void> {
    const style = this.find(id);
    if (!style) return;
    try {
      await this.put(entryOf(style), await this.file(id), place);
      this.#services.notices.info(
        place === 'document'
          ? `Everyone who opens this file can use “${style.name}” now`
          : `“${style.name}” is in your library now`,
      );
    } catch (error) {
      this.#services.notices.error(this.#cannotKeep(style.name, place, error));
    }
  }

  async exportFile(id: string): Promise<void> {
    const style = this.find(id);
    if (!style) return;
    try {
      this.#services.saveFile(fileNameOf(style.name), await this.file(id));
    } catch (error) {
      this.#services.notices.error(`“${style.name}” could not be exported. ${messageOf(error)}`);
    }
  }

  /**
   * Takes in files that somebody gave the user: styles, and PEFT's adapter_config.json beside those that need it.
   */
  async importFiles(files: readonly { readonly name: string; readonly bytes: Uint8Array }[]): Promise<void> {
    const isConfig = ({ name }: { readonly name: string }): boolean => name.endsWith('.json');
    const configs = files.filter(isConfig);
    const styles = files.filter((file) => !isConfig(file));
    if (configs.length > 0 && (configs.length > 1 || styles.length !== 1)) {
      return void this.#services.notices.error('Import an adapter_config.json together with the one style it is for.');
    }
    for (const { name, bytes } of styles) await this.importFile(name, bytes, configs[0]?.bytes);
  }

  /** Takes in a style file, with the adapter_config.json that lies beside it. */
  async importFile(fileName: string, given: Uint8Array, config?: Uint8Array): Promise<void> {
    const { engine, notices } = this.#services;
    try {
      const style = await engine.inspectStyle(fileName, given, config);
      const { name, kind, prompt, model, rank, steps, file, note } = style;
      const id = styleIdOf(file);
      const present = this.find(id);
      if (present?.inLibrary) return void notices.info(`“${present.name}” is in your library already`);
      const entry: StyleEntry = {
        ...{ id, name, ...(kind && { kind }), prompt, model: model && { ...model }, rank, steps },
        createdAt: new Date().toISOString(),
        bytes: file.length,
        thumbnail: present?.thumbnail ?? null,
      };
      await this.put(entry, file, 'library');
      notices.info(note ? `“${name}” imported: ${note}` : `“${name}” imported`);
    } catch (error) {
      notices.error(
        isNamed(error, 'QuotaError')
          ? this.#cannotKeep(fileName, 'library', error)
          : `${fileName} could not be imported. ${messageOf(error)}`,
      );
    }
  }

  async findUses(styleId: string): Promise<void> {
    const set = (uses: Uses): void => {
      if (this.#uses.value?.styleId === styleId) this.#uses.value = { styleId, uses };
    };
    this.#uses.value = { styleId, uses: { at: 'looking' } };
    try {
      const { uses } = await this.#services.sandbox.call('findUses', { styleId, everywhere: true });
      set({ at: 'known', uses });
    } catch (error) {
      set({ at: 'failed', message: messageOf(error) });
    }
  }

  closeUses(): void {
    this.#uses.value = null;
  }

  async #bringBack(style: ListedStyle, file: Uint8Array, place: StylePlace): Promise<void> {
    try {
      await this.put(entryOf(style), file, place);
    } catch (error) {
      // The only copy may be in our hands: let the user keep it.
      this.#services.notices.error(this.#cannotKeep(style.name, place, error), {
        label: 'Export',
        run: () => this.#services.saveFile(fileNameOf(style.name), file),
      });
    }
  }

  #cannotKeep(name: string, place: StylePlace, error: unknown): string {
    if (!isNamed(error, 'QuotaError')) return `“${name}” could not be kept. ${messageOf(error)}`;
    return place === 'library'
      ? `“${name}” does not fit into your library. Export or delete a style there first.`
      : `“${name}” does not fit into this file. ${messageOf(error)}`;
  }

  #forget(style: ListedStyle, place: StylePlace): void {
    const left = { ...style, ...(place === 'library' ? { inLibrary: false } : { inDocument: false }) };
    if (left.inLibrary || left.inDocument) {
      this.#styles.value = this.#with(left);
    } else {
      this.#styles.value = this.#styles.value.filter(({ id }) => id !== style.id);
      this.#files.delete(style.id);
    }
  }

  #with(style: ListedStyle): readonly ListedStyle[] {
    return this.#styles.value.map((each) => (each.id === style.id ? style : each));
  }
}

export function fileNameOf(styleName: string): string {
  return `${fileStem(styleName, 'style')}.safetensors`;
}

function entryOf({ inLibrary, inDocument, ...entry }: ListedStyle): StyleEntry {
  return entry;
}
