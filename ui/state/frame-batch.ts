/**
 * Restyling a page or the whole file: which frames, and what is left of it. The frames go through the queue; the document
 * keeps those that are not over and those that failed, so that the panel can go on after the plugin was closed.
 */
import { computed, signal, type ReadonlySignal } from '@preact/signals-core';
import type { Call, FrameFilter, Params, Recipe, Result } from '../../common/messages';
import { messageOf } from './errors';
import type { Library } from './library';
import { isOpen, type ItemState, type QueueItem, type RestyleQueue } from './queue';
import type { Services } from './services';
import { listed } from './words';

type FoundFrames = Result<'findFrames'>;
export type Unfinished = NonNullable<Result<'readBatch'>['batch']>;

export type Search =
  | { readonly at: 'closed' }
  | { readonly at: 'looking' }
  | { readonly at: 'found'; readonly found: FoundFrames }
  | { readonly at: 'failed'; readonly message: string };

/** While someone types, nothing is looked for, ms. */
const QUIET_MS = 300;

interface Frame {
  readonly id: string;
  readonly name: string;
  /** Its place among all frames of the batch, unless it failed and is tried again. */
  readonly index?: number;
}

/** Frames of a batch that went into the queue together. */
interface Run {
  /** Tells the batch from others; null when the document did not take it. */
  readonly startedAt: string | null;
  readonly frames: readonly Frame[];
  /** How many of the batch's frames are over once these are: all, or 0 where they are tried again. */
  readonly end: number;
  /** Positions in `frames` of those that are over. */
  readonly over: Set<number>;
  /** The first position that is not. */
  first: number;
}

export class FrameBatch {
  readonly #services: Services;
  readonly #library: Library;
  readonly #queue: RestyleQueue;
  readonly #filter = signal<FrameFilter>({ where: 'page', name: '', component: '', section: '' });
  readonly #search = signal<Search>({ at: 'closed' });
  /** What the document keeps, as it was read last. */
  readonly #kept = signal<Unfinished | null>(null);
  /** The frames of the kept batch that this panel has queued, by their ids. */
  readonly #queued = signal<ReadonlyMap<string, QueueItem>>(new Map());
  readonly #starting = signal(false);
  readonly #asking = signal(false);
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Tells an answer from one to an earlier question. */
  #asked = 0;
  #page = '';

  readonly filter: ReadonlySignal<FrameFilter> = this.#filter;
  readonly search: ReadonlySignal<Search> = this.#search;
  /** Frames are being queued or restyled: no others can be started. */
  readonly busy: ReadonlySignal<boolean> = computed(
    () => this.#starting.value || [...this.#queued.value.values()].some(isOpen),
  );
  /**
   * Frames that are left or failed, from when the plugin was last open, or since the queue has come to rest. Null also
   * when all of them are failures that the queue still lists, where they can be tried again.
   */
  readonly unfinished: ReadonlySignal<Unfinished | null> = computed(() => {
    const kept = this.#kept.value;
    if (!kept || this.busy.value) return null;
    const inList = new Set(this.#queue.items.value);
    const shown = ({ id }: Frame): boolean => inList.has(this.#queued.value.get(id)!);
    return kept.left.length === 0 && kept.failed.every(shown) ? null : kept;
  });
  /** Set when others were to be started: what would be forgotten for them. */
  readonly inTheWay: ReadonlySignal<Unfinished | null> = computed(() =>
    this.#asking.value && !this.busy.value ? this.#kept.value : null,
  );

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

  /** Finds what is left to do in the document. @returns whether it could be read. */
  async load(): Promise<boolean> {
    try {
      const { batch } = await this.#services.sandbox.call('readBatch', {});
      // Without what was cancelled with all others and then tried again by itself.
      const isDone = ({ id }: Frame): boolean => this.#queued.peek().get(id)?.state.peek().at === 'done';
      const left = batch?.left.filter((frame) => !isDone(frame)) ?? [];
      this.#kept.value = batch && left.length + batch.failed.length > 0 ? { ...batch, left } : null;
      return true;
    } catch (error) {
      this.#services.notices.error(`What is left of an earlier restyling could not be read. ${messageOf(error)}`);
      return false;
    }
  }

  /** Counts the frames, and again whenever the filter changes. */
  open(): Promise<void> {
    return this.#look();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#asked++;
    this.#asking.value = false;
    this.#search.value = { at: 'closed' };
  }

  change(patch: Partial<FrameFilter>): void {
    this.#filter.value = { ...this.#filter.value, ...patch };
    clearTimeout(this.#timer);
    this.#asked++;
    this.#asking.value = false;
    this.#search.value = { at: 'looking' };
    this.#timer = setTimeout(() => void this.#look(), QUIET_MS);
  }

  /** Queues the frames that were found. Where others are left from before it asks, unless they are to be forgotten. */
  start(recipe: Recipe, instead = false): Promise<void> {
    return this.#alone(async () => {
      const search = this.#search.value;
      if (search.at !== 'found' || search.found.frames.length === 0) return;
      // Another window may have begun or ended some.
      await this.load();
      this.#asking.value = this.#kept.value !== null && !instead;
      if (this.#asking.value) return;
      const frames = search.found.frames.map((frame, index) => ({ ...frame, index }));
      // Kept before anything is done, and begun whatever becomes of that.
      const kept = await this.#keep('putBatch', { recipe, ids: frames.map(({ id }) => id) });
      this.#kept.value = null;
      this.#queued.value = new Map();
      this.#enqueue(frames, recipe, kept?.startedAt ?? null, frames.length);
    });
  }

  /** Queues what is left, as it was to be restyled. */
  goOn(): Promise<void> {
    return this.#resume(({ left, recipe, startedAt, all }) => this.#enqueue(left, recipe, startedAt, all));
  }

  /** Queues what failed once more, as it was to be restyled. A picture that was made already is only placed again. */
  tryAgain(): Promise<void> {
    return this.#resume(({ failed, recipe, startedAt }) => {
      const inList = new Set(this.#queue.items.peek());
      const itemOf = ({ id }: Frame): QueueItem | undefined => {
        const item = this.#queued.peek().get(id);
        return item && inList.has(item) ? item : undefined;
      };
      const items = failed.flatMap((frame) => itemOf(frame) ?? []);
      const others = failed.filter((frame) => !itemOf(frame));
      for (const { id } of items) this.#queue.retry(id);
      if (others.length > 0) this.#enqueue(others, recipe, startedAt, 0);
    });
  }

  /** Forgets what is left and what failed. */
  discard(): Promise<void> {
    return this.#alone(async () => {
      this.#kept.value = null;
      this.#asking.value = false;
      await this.#keep('removeBatch', {});
    });
  }

  /** One at a time: a second click does nothing while the first is at work, or the frames it queued. */
  async #alone(task: () => Promise<void>): Promise<void> {
    if (this.busy.value) return;
    this.#starting.value = true;
    try {
      await task();
    } finally {
      this.#starting.value = false;
    }
  }

  #resume(begin: (kept: Unfinished) => void): Promise<void> {
    return this.#alone(async () => {
      await this.load();
      const kept = this.#kept.value;
      if (!kept) return;
      const missing = kept.recipe.styles.filter(({ id }) => !this.#library.find(id)).map(({ name }) => name);
      if (missing.length > 0) {
        this.#services.notices.error(
          `${listed(missing)}: neither in your library nor in this file. Import it under Styles, then go on.`,
        );
        return;
      }
      this.#asking.value = false;
      this.#kept.value = null;
      begin(kept);
    });
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

  #enqueue(frames: readonly Frame[], recipe: Recipe, startedAt: string | null, end: number): void {
    if (frames.length === 0) return;
    const run: Run = { startedAt, frames, end, over: new Set(), first: 0 };
    const layers = frames.map(({ id, name }) => ({ id, name, obstacle: null }));
    const items = this.#queue.add(layers, recipe, {
      over: (position, state) => this.#over(run, position, state),
      end: () => void this.#end(),
    });
    this.#queued.value = new Map([...this.#queued.value, ...items.map((item, i) => [frames[i]!.id, item] as const)]);
  }

  #over(run: Run, position: number, state: ItemState): void {
    run.over.add(position);
    while (run.over.has(run.first)) run.first++;
    if (run.startedAt === null) return;
    const next = run.frames[run.first];
    const done = next ? (next.index ?? 0) : run.end;
    const failure = state.at === 'failed' || state.at === 'unplaced' ? state.reason : null;
    void this.#keep('markBatch', { startedAt: run.startedAt, done, id: run.frames[position]!.id, failure });
  }

  async #end(): Promise<void> {
    if ((await this.load()) && !this.#kept.value) await this.#keep('removeBatch', {});
  }

  /** Undefined when the document did not take it. */
  async #keep<C extends Call & ('putBatch' | 'markBatch' | 'removeBatch')>(
    call: C,
    params: Params<C>,
  ): Promise<Result<C> | undefined> {
    try {
      return await this.#services.sandbox.call(call, params);
    } catch (error) {
      // Said once: the restyling itself goes on.
      if (call !== 'markBatch') {
        this.#services.notices.error(`What is left to do cannot be kept in this file. ${messageOf(error)}`);
      }
      return undefined;
    }
  }
}
