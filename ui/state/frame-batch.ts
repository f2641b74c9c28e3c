/**
 * Restyling a page or the whole file: which frames, and what is left of it. The frames go through the queue; the document
 * keeps those that are not over, so that the panel can go on after the plugin was closed.
 */
import { computed, signal, type ReadonlySignal } from '@preact/signals-core';
import type { FrameFilter, Params, Recipe, Result } from '../../common/messages';
import { messageOf } from './errors';
import type { Library } from './library';
import type { QueueItem, RestyleQueue } from './queue';
import type { Services } from './services';
import { listed } from './words';

type FoundFrames = Result<'findFrames'>;
type Unfinished = NonNullable<Result<'readBatch'>['batch']>;

export type Search =
  | { readonly at: 'closed' }
  | { readonly at: 'looking' }
  | { readonly at: 'found'; readonly found: FoundFrames }
  | { readonly at: 'failed'; readonly message: string };

/** While someone types, nothing is looked for, ms. */
const QUIET_MS = 300;

interface Run {
  readonly recipe: Recipe;
  readonly ids: readonly string[];
  readonly items: readonly QueueItem[];
  /** How many of the first are over. */
  done: number;
}

export class FrameBatch {
  readonly #services: Services;
  readonly #library: Library;
  readonly #queue: RestyleQueue;
  readonly #filter = signal<FrameFilter>({ where: 'page', name: '', component: '', section: '' });
  readonly #search = signal<Search>({ at: 'closed' });
  readonly #unfinished = signal<Unfinished | null>(null);
  #run: Run | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Tells an answer from one to an earlier question. */
  #asked = 0;
  #page = '';

  readonly filter: ReadonlySignal<FrameFilter> = this.#filter;
  readonly search: ReadonlySignal<Search> = this.#search;
  /** Frames that are still to be restyled, from when the plugin was last open or the queue was cancelled. */
  readonly unfinished: ReadonlySignal<Unfinished | null> = computed(() => this.#unfinished.value);

  constructor(services: Services, library: Library, queue: RestyleQueue) {
    this.#services = services;
    this.#library = library;
    this.#queue = queue;
    services.selection.subscribe(({ page }) => {
      if (page.id === this.#page) return;
      this.#page = page.id;
      if (this.#search.peek().at !== 'closed' && this.#filter.peek().where === 'page') void this.#look();
    });
  }

  /** Finds what is left to do in the document. */
  async load(): Promise<void> {
    try {
      this.#unfinished.value = (await this.#services.sandbox.call('readBatch', {})).batch;
    } catch (error) {
      this.#services.notices.error(`What is left of an earlier restyling could not be read. ${messageOf(error)}`);
    }
  }

  /** Counts the frames, and again whenever the filter changes. */
  open(): Promise<void> {
    return this.#look();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#asked++;
    this.#search.value = { at: 'closed' };
  }

  change(patch: Partial<FrameFilter>): void {
    this.#filter.value = { ...this.#filter.value, ...patch };
    clearTimeout(this.#timer);
    this.#asked++;
    this.#search.value = { at: 'looking' };
    this.#timer = setTimeout(() => void this.#look(), QUIET_MS);
  }

  /** Queues the frames that were found. */
  start(recipe: Recipe): Promise<void> {
    const search = this.#search.value;
    if (search.at !== 'found' || search.found.frames.length === 0 || this.#run) return Promise.resolve();
    return this.#begin(search.found.frames, recipe);
  }

  /** Queues what is left, as it was to be restyled. */
  async goOn(): Promise<void> {
    const unfinished = this.#unfinished.value;
    if (!unfinished || this.#run) return;
    const missing = unfinished.recipe.styles.filter(({ id }) => !this.#library.find(id)).map(({ name }) => name);
    if (missing.length > 0) {
      this.#services.notices.error(
        `${listed(missing)}: neither in your library nor in this file. Import it under Styles, then go on.`,
      );
      return;
    }
    await this.#begin(unfinished.left, unfinished.recipe);
  }

  /** Forgets what is left. */
  async discard(): Promise<void> {
    this.#unfinished.value = null;
    await this.#keep('removeBatch', {});
  }

  async #look(): Promise<void> {
    const asked = ++this.#asked;
    this.#search.value = { at: 'looking' };
    const answer = await this.#services.sandbox.call('findFrames', this.#filter.value).then(
      (found): Search => ({ at: 'found', found }),
      (error: unknown): Search => ({ at: 'failed', message: messageOf(error) }),
    );
    if (asked === this.#asked) this.#search.value = answer;
  }

  async #begin(frames: FoundFrames['frames'], recipe: Recipe): Promise<void> {
    this.#unfinished.value = null;
    const ids = frames.map(({ id }) => id);
    const layers = frames.map(({ id, name }) => ({ id, name, obstacle: null }));
    const watch = { over: (index: number) => this.#over(index), end: (stopped: boolean) => void this.#end(stopped) };
    // Kept before anything is done, and begun whatever becomes of that.
    await this.#keep('putBatch', { recipe, ids });
    this.#run = { recipe, ids, items: this.#queue.add(layers, recipe, watch), done: 0 };
  }

  #over(index: number): void {
    const run = this.#run;
    if (!run || index < run.done) return;
    run.done = index + 1;
    void this.#keep('markBatch', { done: run.done });
  }

  /** What failed is left to do; what was cancelled one by one is not. */
  async #end(stopped: boolean): Promise<void> {
    const run = this.#run;
    if (!run) return;
    if (stopped) {
      this.#run = undefined;
      return this.load();
    }
    const failed = run.ids.filter((_, i) => ['failed', 'unplaced'].includes(run.items[i]!.state.value.at));
    if (failed.length === 0) this.#run = undefined;
    await (failed.length === 0
      ? this.#keep('removeBatch', {})
      : this.#keep('putBatch', { recipe: run.recipe, ids: failed }));
  }

  async #keep<C extends 'putBatch' | 'markBatch' | 'removeBatch'>(call: C, params: Params<C>): Promise<void> {
    try {
      await this.#services.sandbox.call(call, params);
    } catch (error) {
      // Said once: the restyling itself goes on.
      if (call !== 'markBatch') {
        this.#services.notices.error(`What is left to do cannot be kept in this file. ${messageOf(error)}`);
      }
    }
  }
}
