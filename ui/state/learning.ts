/** Learn: one run at a time, which can be paused, taken up again after the plugin was closed, or thrown away. */
import { signal, type ReadonlySignal } from '@preact/signals-core';
import type { LossPoint } from '../../engine/requests';
import type { Draft, StyleEntry } from '../../common/messages';
import type { JobProgress, LearnedStyle, LearnJob, Png } from '../ports';
import { abortable } from '../abortable';
import { DraftKeeper } from './draft-keeper';
import { isCancelled, isNamed, messageOf } from './errors';
import { styleIdOf } from './ids';
import { fileNameOf, type Library } from './library';
import { Pace } from './pace';
import { LEARN_SIDE, type LearnSettings, type Roles } from './pair';
import { tellEditor, type Services } from './services';

export interface PairToLearn {
  readonly roles: Roles;
  readonly prompt: string;
  readonly style: string;
  readonly settings: LearnSettings;
  /** The check found the pair unusable, and the user wants it all the same. */
  readonly force: boolean;
}

export type LearningState =
  | { readonly at: 'idle' }
  | { readonly at: 'preparing'; readonly name: string }
  | {
      readonly at: 'learning';
      readonly name: string;
      readonly step: number;
      readonly steps: number;
      readonly losses: readonly LossPoint[];
      readonly sample: Png | null;
      /** Estimate; null while it is too early to say. */
      readonly secondsLeft: number | null;
      readonly stopping: 'pause' | 'cancel' | null;
    }
  | { readonly at: 'paused'; readonly draft: Draft; readonly losses: readonly LossPoint[]; readonly kept: boolean }
  | { readonly at: 'saving'; readonly name: string }
  | {
      readonly at: 'done';
      readonly entry: StyleEntry;
      readonly losses: readonly LossPoint[];
      readonly seconds: number | null;
    }
  /** Learned, but it fits nowhere yet. */
  | { readonly at: 'unsaved'; readonly entry: StyleEntry; readonly file: Uint8Array; readonly message: string }
  | { readonly at: 'failed'; readonly name: string; readonly message: string; readonly draft: Draft | null };

/** What a run is given beyond the pictures: where its checkpoints belong and what to show of it. */
interface Run {
  readonly job: LearnJob;
  readonly draft: Omit<Draft, 'done' | 'checkpoint'>;
  readonly losses: readonly LossPoint[];
  /** Where the user comes back to who cancels before the first step. */
  readonly before: LearningState;
}

/** What a style was made of. */
type FinishedPair = Pick<Draft, 'name' | 'before' | 'after' | 'beforeId' | 'afterId'>;

const THUMBNAIL_SIDE = 96;

export class Learning {
  readonly #services: Services;
  readonly #library: Library;
  readonly #keeper: DraftKeeper;
  readonly #state = signal<LearningState>({ at: 'idle' });
  #abort: AbortController | undefined;
  /** The notice that checkpoints cannot be kept: it is over with the run. */
  #complaint: number | undefined;

  readonly state: ReadonlySignal<LearningState> = this.#state;

  constructor(services: Services, library: Library) {
    this.#services = services;
    this.#library = library;
    this.#keeper = new DraftKeeper(services.sandbox, (why) => {
      this.#complaint = services.notices.error(`Learning goes on, but only while the plugin is open. ${why}`);
    });
  }

  /** Finds what was interrupted when the plugin was last closed. */
  async load(): Promise<void> {
    try {
      const { draft } = await this.#services.sandbox.call('readDraft', {});
      if (draft && this.#state.value.at === 'idle') {
        this.#keeper.hold(draft);
        this.#state.value = { at: 'paused', draft, losses: [], kept: true };
      }
    } catch (error) {
      this.#services.notices.error(`An interrupted learning could not be read. ${messageOf(error)}`);
    }
  }

  get running(): boolean {
    return ['preparing', 'learning', 'saving'].includes(this.#state.value.at);
  }

  /** What was learned is nowhere but in this panel: it must not be left. */
  get unkept(): boolean {
    const state = this.#state.value;
    return state.at === 'unsaved' || (state.at === 'paused' && !state.kept);
  }

  /** Begins a run, unless one is under way or waits for a decision. */
  async start(request: PairToLearn): Promise<void> {
    if (!['idle', 'done'].includes(this.#state.value.at)) return;
    const { roles, settings, force } = request;
    const name = request.style.trim();
    const prompt = request.prompt.trim();
    this.#state.value = { at: 'preparing', name };
    const abort = (this.#abort = new AbortController());
    try {
      const model = await abortable(this.#services.model.ready(), abort.signal);
      const draw = (id: string): Promise<Png> => abortable(this.#draw(id), abort.signal);
      const [before, after] = [await draw(roles.before.id), await draw(roles.after.id)];
      const sample = roles.sample && { picture: await draw(roles.sample.id), every: settings.sampleEvery };
      const { steps, contentSteps, rank, learningRate, seed } = settings;
      const shared = { before, after, prompt, steps, contentSteps, rank, learningRate, seed };
      await this.#run({
        job: { ...shared, style: name, force, ...(sample && { sample }) },
        draft: { ...shared, name, model, beforeId: roles.before.id, afterId: roles.after.id },
        losses: [],
        before: { at: 'idle' },
      });
    } catch (error) {
      if (isCancelled(error)) this.#state.value = { at: 'idle' };
      else this.#fail(name, error);
    }
  }

  /** Keeps the pair as a style that is used as it is, without learning. */
  async keepPair({ roles, style, force }: Pick<PairToLearn, 'roles' | 'style' | 'force'>): Promise<void> {
    if (!['idle', 'done'].includes(this.#state.value.at)) return;
    const name = style.trim();
    this.#state.value = { at: 'saving', name };
    try {
      const [beforeId, afterId] = [roles.before.id, roles.after.id];
      const [before, after] = [await this.#draw(beforeId), await this.#draw(afterId)];
      const kept = await this.#services.engine.keep({ before, after, style: name, force });
      await this.#finish({ name, before, after, beforeId, afterId }, kept);
    } catch (error) {
      this.#fail(name, error);
    }
  }

  /** Goes on with what was paused or failed. */
  async resume(): Promise<void> {
    const state = this.#state.value;
    const draft = state.at === 'paused' || state.at === 'failed' ? state.draft : null;
    if (!draft) return;
    const losses = state.at === 'paused' ? state.losses : [];
    this.#state.value = { at: 'preparing', name: draft.name };
    const abort = (this.#abort = new AbortController());
    try {
      const { fingerprint } = await abortable(this.#services.model.ready(), abort.signal);
      if (fingerprint !== draft.model.fingerprint) {
        throw new Error(
          `“${draft.name}” was begun on the model ${draft.model.name}. Choose it under Model, then resume.`,
        );
      }
      const { name, model, beforeId, afterId, done, checkpoint, ...shared } = draft;
      await this.#run({
        // The pair was accepted when it was begun.
        job: { ...shared, style: name, resume: checkpoint, force: true },
        draft: { ...shared, name, model, beforeId, afterId },
        losses,
        before: state,
      });
    } catch (error) {
      if (isCancelled(error)) this.#state.value = state;
      else this.#fail(draft.name, error);
    }
  }

  /** Stops and keeps what is learned so far. */
  pause(): void {
    this.#stop('pause');
  }

  /** Stops and throws away what is learned so far. */
  cancel(): void {
    this.#stop('cancel');
  }

  /** Throws away what was paused or failed. */
  async discard(): Promise<void> {
    if (this.running) return;
    this.#state.value = { at: 'idle' };
    await this.#dropDraft();
  }

  /** Back to choosing a pair. */
  dismiss(): void {
    const { at } = this.#state.value;
    if (at === 'done') this.#state.value = { at: 'idle' };
  }

  /** Keeps a style that did not fit: in the library once there is room, or in the document. */
  async keep(place: 'library' | 'document'): Promise<void> {
    const state = this.#state.value;
    if (state.at !== 'unsaved') return;
    try {
      await this.#library.put(state.entry, state.file, place);
      this.#state.value = { at: 'done', entry: state.entry, losses: [], seconds: null };
      await this.#dropDraft();
    } catch (error) {
      this.#state.value = { ...state, message: messageOf(error) };
    }
  }

  /** Hands a style that did not fit to the user as a file. */
  exportUnsaved(): void {
    const state = this.#state.value;
    if (state.at === 'unsaved') this.#services.saveFile(fileNameOf(state.entry.name), state.file);
  }

  async #draw(id: string): Promise<Png> {
    return (await this.#services.sandbox.call('exportNode', { id, size: LEARN_SIDE })).png;
  }

  #stop(stopping: 'pause' | 'cancel'): void {
    const state = this.#state.value;
    if (state.at === 'learning') this.#state.value = { ...state, stopping };
    if (state.at === 'learning' || state.at === 'preparing') this.#abort?.abort();
  }

  async #run(run: Run): Promise<void> {
    const { name } = run.draft;
    const pace = new Pace(run.draft.contentSteps);
    const losses = [...run.losses];
    try {
      const learned = await this.#services.engine.learn(run.job, {
        signal: this.#abort!.signal,
        onProgress: (progress) => this.#progress(name, progress, losses, pace),
        onCheckpoint: (checkpoint, done) => this.#keeper.keep({ ...run.draft, done, checkpoint }),
      });
      await this.#finish(run.draft, learned);
    } catch (error) {
      if (!isCancelled(error)) throw error;
      await this.#stopped(run, losses);
    } finally {
      if (this.#complaint !== undefined) this.#services.notices.close(this.#complaint);
      this.#complaint = undefined;
    }
  }

  #progress(name: string, { phase, step, steps, loss, sample }: JobProgress, losses: LossPoint[], pace: Pace): void {
    if (phase !== 'learn') return;
    const state = this.#state.value;
    const now = state.at === 'learning' ? state : undefined;
    // A restarted engine takes up an earlier checkpoint: what came after it is learned again.
    if (loss) losses.splice(lowerBound(losses, loss.step), Infinity, loss);
    this.#state.value = {
      at: 'learning',
      name,
      step,
      steps,
      losses: [...losses],
      sample: sample ?? now?.sample ?? null,
      secondsLeft: pace.note(step, steps, performance.now()),
      stopping: now?.stopping ?? null,
    };
  }

  async #stopped(run: Run, losses: readonly LossPoint[]): Promise<void> {
    const state = this.#state.value;
    const draft = this.#keeper.draft;
    if (state.at !== 'learning') {
      this.#state.value = run.before;
    } else if (state.stopping === 'cancel' || !draft) {
      this.#state.value = { at: 'idle' };
      await this.#dropDraft();
    } else {
      this.#state.value = { at: 'paused', draft, losses, kept: await this.#keeper.flush() };
    }
  }

  async #finish(draft: FinishedPair, { file, losses, seconds, ...facts }: LearnedStyle): Promise<void> {
    const { sandbox, engine } = this.#services;
    this.#state.value = { at: 'saving', name: draft.name };
    const entry: StyleEntry = {
      id: styleIdOf(file),
      name: facts.name,
      ...(facts.kind && { kind: facts.kind }),
      prompt: facts.prompt,
      model: facts.model && { ...facts.model },
      createdAt: new Date().toISOString(),
      rank: facts.rank,
      steps: facts.steps,
      bytes: file.length,
      thumbnail: await engine.thumbnail(draft.before, draft.after, THUMBNAIL_SIDE).catch(() => null),
    };
    try {
      await this.#put(entry, file);
      this.#state.value = { at: 'done', entry, losses, seconds };
      tellEditor(this.#services, `“${entry.name}” is ${entry.kind ? 'kept' : 'learned'}`);
    } catch (error) {
      this.#state.value = { at: 'unsaved', entry, file, message: messageOf(error) };
      return;
    }
    await this.#dropDraft();
    // Layers of the pair may be gone by now; the shortcut on them is a convenience.
    await sandbox.call('markPair', { beforeId: draft.beforeId, afterId: draft.afterId }).catch(() => undefined);
  }

  /** Puts a style into the library; when it is full, the room that the checkpoint takes is given up for it. */
  async #put(entry: StyleEntry, file: Uint8Array): Promise<void> {
    try {
      await this.#library.put(entry, file, 'library');
    } catch (error) {
      if (!isNamed(error, 'QuotaError')) throw error;
      await this.#dropDraft();
      await this.#library.put(entry, file, 'library');
    }
  }

  async #dropDraft(): Promise<void> {
    try {
      await this.#keeper.drop();
    } catch (error) {
      this.#services.notices.error(`A checkpoint could not be removed. ${messageOf(error)}`);
    }
  }

  #fail(name: string, error: unknown): void {
    this.#state.value = { at: 'failed', name, message: messageOf(error), draft: this.#keeper.draft ?? null };
  }
}

/** Index of the first point at or after a step. */
function lowerBound(losses: readonly LossPoint[], step: number): number {
  let at = losses.length;
  while (at > 0 && losses[at - 1]!.step >= step) at--;
  return at;
}
