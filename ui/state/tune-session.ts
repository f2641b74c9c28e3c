/** Tune: one result while it is changed in place. The newest wishes win; what is on the canvas never goes back. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals-core';
import type { ResultParameters } from '../../common/messages';
import type { JobProgress, Png, Preview } from '../ports';
import { isCancelled, isNamed, messageOf } from './errors';
import type { Library } from './library';
import { fractionOf } from './queue';
import { changesNothing, loadStyles, parametersOf, restyleJob } from './restyle-settings';
import type { Services } from './services';

/** Long side of the instant pictures, px. */
export const PREVIEW_SIDE = 512;

export type TuneState =
  | { readonly at: 'opening' }
  | { readonly at: 'ready' }
  | { readonly at: 'failed'; readonly message: string }
  /** The layer was deleted. */
  | { readonly at: 'gone' };

/** `fraction` of the engine's work, 0 to 1; null while the engine has not begun. */
export type TuneWork = { readonly fraction: number | null };

/** A result at full quality that changes something: what instant pictures are worked out from. */
interface Made {
  readonly styled: Png;
  readonly strengths: readonly number[];
}

export class TuneSession {
  readonly id: string;
  readonly #services: Services;
  readonly #library: Library;
  readonly #state = signal<TuneState>({ at: 'opening' });
  readonly #parameters: Signal<ResultParameters>;
  readonly #work = signal<TuneWork | null>(null);
  readonly #problem = signal<string | null>(null);
  readonly #instantShown = signal(false);
  #original: Png | null = null;
  #made: Made | undefined;
  #preview: Promise<Preview> | undefined;
  /** Strengths to show next, while the slider moves. */
  #wanted: readonly number[] | undefined;
  #previewing: Promise<void> | undefined;
  /** Counts full-quality runs: only the newest may write. */
  #round = 0;
  #abort: AbortController | undefined;
  #making: Promise<void> | undefined;
  /** Writes go one after the other: an earlier picture must not arrive last. */
  #writing: Promise<unknown> = Promise.resolve();
  /** Changed by the user, and not on the layer at full quality yet. */
  #dirty = false;
  #committed: ResultParameters;
  /** The layer was changed in the editor while there was work. */
  #missed = false;
  /** What the editor last told of the layer while it was being opened: the answer may be older. */
  #told: ResultParameters | undefined;
  #over = false;

  readonly state: ReadonlySignal<TuneState> = this.#state;
  /** As the controls show them; on the layer once the work is done. */
  readonly parameters: ReadonlySignal<ResultParameters>;
  /** Work at full quality; null when there is none. */
  readonly work: ReadonlySignal<TuneWork | null> = this.#work;
  /** Why the last change did not reach the layer. */
  readonly problem: ReadonlySignal<string | null> = this.#problem;
  /** The canvas shows an instant picture, or is about to. */
  readonly previewing: ReadonlySignal<boolean> = this.#instantShown;
  /** Names of the styles that are neither in the library nor in the document. */
  readonly missing: ReadonlySignal<readonly string[]> = computed(() => {
    const present = new Set(this.#library.styles.value.map(({ id }) => id));
    return this.#parameters.value.styles.filter(({ id }) => !present.has(id)).map(({ name }) => name);
  });

  constructor(services: Services, library: Library, id: string, parameters: ResultParameters) {
    this.#services = services;
    this.#library = library;
    this.id = id;
    this.#parameters = signal(parameters);
    this.parameters = this.#parameters;
    this.#committed = parameters;
    void this.#open();
  }

  /** True while the layer is not yet what the controls show. */
  get busy(): boolean {
    return this.#dirty || this.#work.value !== null || this.#previewing !== undefined;
  }

  /** Moves a strength while the slider is dragged: an instant picture, not yet a step of undo. */
  drag(index: number, strength: number): void {
    if (this.#state.value.at !== 'ready') return;
    this.#setStrength(index, strength);
    this.#dirty = true;
    this.#stopWork();
    this.#instantShown.value = true;
    this.#wanted = this.#parameters.value.styles.map((style) => style.strength);
    this.#previewing ??= this.#showWanted().finally(() => (this.#previewing = undefined));
  }

  /** The slider was let go, or a value was typed: full quality. */
  async release(index: number, strength: number): Promise<void> {
    if (this.#state.value.at !== 'ready') return;
    this.#setStrength(index, strength);
    if (!same(this.#parameters.value, this.#committed)) await this.#make();
    else if (this.#dirty) await this.cancel();
  }

  /** Makes the result anew with other settings or styles. */
  async change(changes: Partial<Pick<ResultParameters, 'styles' | 'prompt' | 'guide' | 'seed'>>): Promise<void> {
    if (this.#state.value.at !== 'ready') return;
    this.#parameters.value = { ...this.#parameters.value, ...changes };
    if (!same(this.#parameters.value, this.#committed)) await this.#make();
  }

  /** Tries again what did not reach the layer. */
  async retry(): Promise<void> {
    if (this.#state.value.at === 'failed') return this.#open();
    await this.#make();
  }

  /** Gives up the work under way; the layer and the controls go back to what was there last at full quality. */
  async cancel(): Promise<void> {
    this.#stopWork();
    this.#wanted = undefined;
    await this.#previewing;
    const shown = this.#dirty;
    this.#parameters.value = this.#committed;
    this.#dirty = false;
    this.#instantShown.value = false;
    const styled = changesNothing(this.#committed) ? this.#original : this.#made?.styled;
    try {
      if (shown && styled) await this.#write(styled, this.#committed, false);
    } catch (error) {
      this.#took(error);
    }
    this.#catchUp();
  }

  /**
   * The layer changed in the editor, e.g. by undo: looks again, unless it is our own change that comes back. While there
   * is work, that is brought to its end first.
   */
  follow(parameters: ResultParameters): void {
    if (this.#state.value.at === 'opening') this.#told = parameters;
    if (this.#state.value.at !== 'ready') return;
    const known = same(parameters, this.#committed);
    this.#missed = !known && this.busy;
    if (known || this.busy) return;
    this.#parameters.value = parameters;
    this.#committed = parameters;
    void this.#open();
  }

  /** The user turned to something else: what was begun is brought to its end first. */
  async leave(): Promise<void> {
    this.#over = true;
    if (this.#dirty && !this.#making) await this.#make();
    while (this.#making) await this.#making;
    if (this.#over) this.#dropPreview();
  }

  /** The result was made anew by someone else of the panel. */
  async reload(): Promise<void> {
    if (!this.busy) await this.#open();
  }

  /** Back before `leave` was done. */
  stay(): void {
    this.#over = false;
  }

  async #open(): Promise<void> {
    this.#state.value = { at: 'opening' };
    this.#told = undefined;
    try {
      const { original, styled, parameters } = await this.#services.sandbox.call('openResult', { id: this.id });
      if (this.#told && !same(this.#told, parameters)) return await this.#open();
      this.#original = original;
      this.#parameters.value = parameters;
      this.#committed = parameters;
      this.#dropPreview();
      this.#made = changesNothing(parameters) ? undefined : { styled, strengths: strengthsOf(parameters) };
      this.#state.value = { at: 'ready' };
      // A teammate may have shared the style since the library was read.
      if (this.missing.value.length > 0) void this.#library.load();
    } catch (error) {
      this.#state.value = isNamed(error, 'NodeGoneError')
        ? { at: 'gone' }
        : { at: 'failed', message: messageOf(error) };
    }
  }

  async #showWanted(): Promise<void> {
    for (let strengths = this.#wanted; strengths; strengths = this.#wanted) {
      this.#wanted = undefined;
      try {
        const styled = await this.#instant(strengths);
        if (styled && this.#dirty) await this.#write(styled, this.#parameters.value, false);
      } catch (error) {
        this.#took(error);
      }
    }
  }

  async #instant(strengths: readonly number[]): Promise<Png | undefined> {
    const [original, made] = [this.#original, this.#made];
    if (original && strengths.every((strength) => strength === 0)) return original;
    if (!original || made?.strengths.length !== strengths.length) return undefined;
    this.#preview ??= this.#services.engine.preview(original, made.styled, made.strengths, PREVIEW_SIDE);
    return (await this.#preview).at(strengths);
  }

  #make(): Promise<void> {
    this.#stopWork();
    this.#wanted = undefined;
    const making = this.#makeRound(this.#round, (this.#abort = new AbortController())).finally(() => {
      if (this.#making === making) this.#making = undefined;
    });
    this.#making = making;
    return making;
  }

  async #makeRound(round: number, abort: AbortController): Promise<void> {
    this.#dirty = true;
    this.#instantShown.value = false;
    this.#problem.value = null;
    this.#work.value = { fraction: null };
    const newest = (): boolean => round === this.#round;
    try {
      const wanted = this.#parameters.value;
      const styled = await this.#full(wanted, abort.signal, ({ phase, step, steps }) => {
        const fraction = fractionOf(phase, step, steps);
        if (newest() && fraction !== null) this.#work.value = { fraction };
      });
      const model = await this.#library.modelFor(wanted.styles);
      // An instant picture under way must not land on top of the full one.
      await this.#previewing;
      if (!newest()) return;
      const parameters = parametersOf(wanted.kind, wanted, wanted.sourceId, model);
      this.#parameters.value = parameters;
      this.#dirty = false;
      // Noted before it is written: the editor tells of the change before it answers.
      this.#committed = parameters;
      await this.#write(styled, parameters, true);
      if (!changesNothing(parameters)) {
        this.#dropPreview();
        this.#made = { styled, strengths: strengthsOf(parameters) };
      }
    } catch (error) {
      if (newest()) this.#took(error);
    } finally {
      if (newest()) {
        this.#work.value = null;
        this.#catchUp();
      }
    }
  }

  #catchUp(): void {
    if (!this.#missed || this.busy) return;
    this.#missed = false;
    void this.#open();
  }

  async #full(wanted: ResultParameters, signal: AbortSignal, onProgress: (now: JobProgress) => void): Promise<Png> {
    const { engine } = this.#services;
    if (this.#original && changesNothing(wanted)) return this.#original;
    const styles = await loadStyles(this.#library, wanted);
    const { prompt, steps, seed } = wanted;
    return this.#original
      ? engine.restyle(restyleJob(this.#original, styles, wanted), { signal, onProgress })
      : engine.imagine({ prompt, styles, steps, seed }, { signal, onProgress });
  }

  #write(styled: Png, parameters: ResultParameters, final: boolean): Promise<unknown> {
    const write = (): Promise<unknown> =>
      this.#services.sandbox.call('updateResult', { id: this.id, styled, parameters, final });
    this.#writing = this.#writing.then(write, write);
    return this.#writing;
  }

  #took(error: unknown): void {
    if (isCancelled(error)) return;
    this.#dirty = !isNamed(error, 'NodeGoneError');
    if (this.#dirty) this.#problem.value = messageOf(error);
    else this.#state.value = { at: 'gone' };
  }

  #setStrength(index: number, strength: number): void {
    const now = this.#parameters.value;
    const styles = now.styles.map((style, i) => (i === index ? { ...style, strength } : style));
    this.#parameters.value = { ...now, styles };
  }

  #stopWork(): void {
    this.#round++;
    this.#abort?.abort();
    this.#abort = undefined;
    this.#work.value = null;
  }

  #dropPreview(): void {
    const preview = this.#preview;
    this.#preview = undefined;
    preview?.then(
      (made) => made.dispose(),
      () => undefined,
    );
  }
}

function strengthsOf({ styles }: ResultParameters): number[] {
  return styles.map(({ strength }) => strength);
}

function same(a: ResultParameters, b: ResultParameters): boolean {
  const plain = ({ styles, prompt, guide, steps, seed }: ResultParameters): string =>
    JSON.stringify([styles.map(({ id, strength }) => [id, strength]), prompt, guide, steps, seed]);
  return plain(a) === plain(b);
}
