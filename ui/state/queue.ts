/** Restyle: layers wait their turn; the failure of one does not stop the rest. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals-core';
import type { NodeSummary, ResultParameters } from '../../common/messages';
import type { JobProgress, Png } from '../ports';
import { abortable } from '../abortable';
import { isCancelled, isNamed, messageOf } from './errors';
import type { Library } from './library';
import { changesNothing, loadStyles, parametersOf, restyleJob, type RestyleSettings } from './restyle-settings';
import { tellEditor, type Services } from './services';
import { counted, pictureFileName } from './words';

export type ItemState =
  | { readonly at: 'waiting' }
  /** `fraction` of the engine's work, 0 to 1; null while the layer is drawn or the result is placed. */
  | { readonly at: 'working'; readonly fraction: number | null }
  | { readonly at: 'done'; readonly resultId: string }
  | { readonly at: 'failed'; readonly reason: string }
  /** Made, but the document did not take it: kept here until it is placed, saved as a file or given up. */
  | { readonly at: 'unplaced'; readonly reason: string; readonly original: Png; readonly styled: Png }
  | { readonly at: 'cancelled' };

export interface QueueItem {
  readonly id: number;
  readonly name: string;
  /** How, as it was set when the layer was added: later changes of the settings are for layers added later. */
  readonly recipe: RestyleSettings;
  /** A new layer above this one, or a result that is made anew from its source as it looks now. */
  readonly target: { readonly kind: 'new'; readonly sourceId: string } | AgainTarget;
  readonly state: Signal<ItemState>;
  readonly watched?: { readonly by: QueueWatch; readonly index: number };
}

/** Who wants to know what becomes of the layers of one call of add. */
export interface QueueWatch {
  /** The layer of that index is done, has failed, or was cancelled by itself; after a retry it is so again. */
  readonly over: (index: number, state: ItemState) => void;
  /** The queue has come to rest, also after a retry. */
  readonly end: () => void;
}

interface AgainTarget {
  readonly kind: 'again';
  readonly resultId: string;
  readonly parameters: ResultParameters;
}

export interface QueueCount {
  readonly all: number;
  readonly left: number;
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
}

export class RestyleQueue {
  readonly #services: Services;
  readonly #library: Library;
  readonly #onRemade: (resultId: string) => void;
  readonly #items = signal<readonly QueueItem[]>([]);
  readonly items: ReadonlySignal<readonly QueueItem[]> = this.#items;
  readonly count: ReadonlySignal<QueueCount> = computed(() => {
    const at = this.#items.value.map(({ state }) => state.value.at);
    const of = (...kinds: ItemState['at'][]): number => at.filter((each) => kinds.includes(each)).length;
    return {
      all: at.length,
      left: of('waiting', 'working'),
      done: of('done'),
      failed: of('failed', 'unplaced'),
      cancelled: of('cancelled'),
    };
  });
  #running = false;
  #stopped = false;
  /** Pictures of items in line that are only to be placed. */
  readonly #made = new Map<number, { readonly original: Png; readonly styled: Png }>();
  #current: { readonly id: number; readonly abort: AbortController } | undefined;
  /** Those of layers in line. */
  readonly #watches = new Set<QueueWatch>();
  #lastId = 0;

  /** @param onRemade told of a result that was made anew in place. */
  constructor(services: Services, library: Library, onRemade: (resultId: string) => void) {
    this.#services = services;
    this.#library = library;
    this.#onRemade = onRemade;
  }

  /** Restyles layers as new layers above them. @returns their items. */
  add(
    nodes: readonly Pick<NodeSummary, 'id' | 'name' | 'obstacle'>[],
    recipe: RestyleSettings,
    watch?: QueueWatch,
  ): readonly QueueItem[] {
    return this.#enqueue(
      nodes.map(({ id, name, obstacle }, index) => ({
        ...{ name, recipe, obstacle },
        target: { kind: 'new', sourceId: id },
        ...(watch && { watched: { by: watch, index } }),
      })),
    );
  }

  /** Makes results anew, in place, from their sources as they look now. */
  addAgain(nodes: readonly NodeSummary[]): void {
    this.#enqueue(
      nodes.flatMap(({ id, name, result }) =>
        result?.kind === 'restyled'
          ? [{ name, recipe: result, obstacle: null, target: { kind: 'again', resultId: id, parameters: result } }]
          : [],
      ),
    );
  }

  cancel(id: number): void {
    const item = this.#items.value.find((each) => each.id === id);
    if (item?.state.value.at === 'waiting') {
      const made = this.#made.get(id);
      this.#made.delete(id);
      item.state.value = made ? { at: 'unplaced', reason: 'It was not placed.', ...made } : { at: 'cancelled' };
      this.#tell(item);
    }
    if (this.#current?.id === id) this.#current.abort.abort();
  }

  cancelAll(): void {
    this.#stopped = true;
    for (const { id } of this.#items.value) this.cancel(id);
  }

  /**
   * Puts an item that failed or was cancelled back in line; without an id, every one that failed. A picture that was
   * made already is only placed again.
   */
  retry(id?: number): void {
    for (const item of this.#items.value) {
      const now = item.state.value;
      const again = id === undefined ? now.at === 'failed' || now.at === 'unplaced' : item.id === id;
      if (!again || !['failed', 'unplaced', 'cancelled'].includes(now.at)) continue;
      if (now.at === 'unplaced') this.#made.set(item.id, { original: now.original, styled: now.styled });
      item.state.value = { at: 'waiting' };
      if (item.watched) this.#watches.add(item.watched.by);
    }
    void this.#work();
  }

  /** Hands a picture that the document did not take to the user as a file. It stays in the list. */
  save(id: number): void {
    const item = this.#items.value.find((each) => each.id === id);
    if (item?.state.value.at === 'unplaced')
      this.#services.saveFile(pictureFileName(item.name), item.state.value.styled);
  }

  /** Drops one item that is over, with its picture. */
  dismiss(id: number): void {
    this.#items.value = this.#items.value.filter((item) => item.id !== id || isOpen(item));
  }

  /** Drops from the list what is over, but for pictures that are kept nowhere else. */
  clear(): void {
    this.#items.value = this.#items.value.filter((item) => isOpen(item) || item.state.value.at === 'unplaced');
  }

  /** Selects in the editor what was made. */
  async reveal(): Promise<void> {
    const ids = this.#items.value.flatMap(({ state: { value } }) => (value.at === 'done' ? [value.resultId] : []));
    try {
      await this.#services.sandbox.call('reveal', { ids });
    } catch (error) {
      this.#services.notices.error(messageOf(error));
    }
  }

  #enqueue(entries: readonly (Omit<QueueItem, 'id' | 'state'> & { obstacle: string | null })[]): readonly QueueItem[] {
    // The list of a round that is over makes room for the next.
    if (!this.#running) this.clear();
    const items = entries.map(({ obstacle, ...entry }) => ({
      ...entry,
      id: ++this.#lastId,
      state: signal<ItemState>(obstacle ? { at: 'failed', reason: obstacle } : { at: 'waiting' }),
    }));
    this.#items.value = [...this.#items.value, ...items];
    for (const { watched } of items) if (watched) this.#watches.add(watched.by);
    void this.#work();
    return items;
  }

  async #work(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    this.#stopped = false;
    for (;;) {
      const item = this.#items.value.find(({ state }) => state.value.at === 'waiting');
      if (!item) break;
      await this.#make(item);
      this.#tell(item);
    }
    this.#running = false;
    const watches = [...this.#watches];
    this.#watches.clear();
    for (const { end } of watches) end();
    this.#report();
  }

  /** What was cancelled with all others is not over: it is left to do. */
  #tell({ watched, state }: QueueItem): void {
    if (this.#stopped && state.value.at === 'cancelled') return;
    watched?.by.over(watched.index, state.value);
  }

  async #make({ id, recipe, target, state }: QueueItem): Promise<void> {
    const abort = new AbortController();
    this.#current = { id, abort };
    state.value = { at: 'working', fraction: null };
    let made = this.#made.get(id);
    this.#made.delete(id);
    const onProgress = ({ phase, step, steps }: JobProgress): void => {
      const fraction = fractionOf(phase, step, steps);
      if (state.value.at === 'working' && fraction !== null) state.value = { at: 'working', fraction };
    };
    try {
      if (!made) {
        const original = await abortable(this.#draw(target), abort.signal);
        const styled = changesNothing(recipe)
          ? original
          : await this.#services.engine.restyle(restyleJob(original, await loadStyles(this.#library, recipe), recipe), {
              signal: abort.signal,
              onProgress,
            });
        if (abort.signal.aborted) throw abort.signal.reason;
        made = { original, styled };
      }
      state.value = { at: 'working', fraction: null };
      state.value = { at: 'done', resultId: await this.#place(target, recipe, made.original, made.styled) };
    } catch (error) {
      if (isCancelled(error)) state.value = { at: 'cancelled' };
      else state.value = { at: made ? 'unplaced' : 'failed', reason: messageOf(error), ...made } as ItemState;
    } finally {
      this.#current = undefined;
    }
  }

  /** The picture to restyle: a layer, or a result's source; the original kept with the result when the source is gone. */
  async #draw(target: QueueItem['target']): Promise<Png> {
    const { sandbox } = this.#services;
    const source = target.kind === 'new' ? target.sourceId : target.parameters.sourceId;
    try {
      if (source !== null) return (await sandbox.call('exportNode', { id: source, size: 'full' })).png;
    } catch (error) {
      if (target.kind === 'new' || !isNamed(error, 'NodeGoneError')) throw error;
    }
    if (target.kind === 'new') throw new Error('There is no layer to restyle');
    const { original } = await sandbox.call('openResult', { id: target.resultId });
    if (!original) throw new Error('The layer it was made from is gone');
    return original;
  }

  async #place(target: QueueItem['target'], recipe: RestyleSettings, original: Png, styled: Png): Promise<string> {
    const { sandbox } = this.#services;
    const sourceId = target.kind === 'new' ? target.sourceId : target.parameters.sourceId;
    const parameters = parametersOf('restyled', recipe, sourceId, await this.#library.modelFor(recipe.styles));
    if (target.kind === 'new') {
      return (await sandbox.call('insertResult', { sourceId: target.sourceId, original, styled, parameters })).id;
    }
    await sandbox.call('updateResult', { id: target.resultId, styled, original, parameters, final: true });
    this.#onRemade(target.resultId);
    return target.resultId;
  }

  #report(): void {
    const { done, failed } = this.count.value;
    if (done === 0 && failed === 0) return;
    const text = [`${counted(done, 'layer')} restyled`, ...(failed ? [`${failed} not`] : [])].join(', ');
    tellEditor(this.#services, text, failed > 0);
  }
}

export function isOpen({ state }: QueueItem): boolean {
  return state.value.at === 'waiting' || state.value.at === 'working';
}

/** Share of the whole that is done: inversion and the way back take about as long. */
export function fractionOf(phase: JobProgress['phase'], step: number, steps: number): number | null {
  const within = steps > 0 ? step / steps : 0;
  if (phase === 'invert') return 0.5 * within;
  if (phase === 'restyle') return 0.5 + 0.45 * within;
  return phase === 'decode' ? 0.95 + 0.05 * within : null;
}
