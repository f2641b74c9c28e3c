/** Model: which base model is used, where it comes from and runs, and what it costs. */
import { signal, type ReadonlySignal } from '@preact/signals-core';
import type { MemoryNeeds } from '../../engine/preflight';
import type { MemoryReport } from '../../engine/runtime/memory';
import type { PanelKind, Settings } from '../../common/messages';
import type { MachineFacts, ModelFacts, ModelsPort } from '../ports';
import { EMBEDDED_MODEL } from './base-model';
import { isCancelled, messageOf } from './errors';
import type { Services } from './services';

export type Download =
  | { readonly at: 'none' }
  | { readonly at: 'looking'; readonly name: string }
  /** Sizes are known; nothing is fetched before the user agrees. */
  | { readonly at: 'offered'; readonly facts: ModelFacts }
  | { readonly at: 'fetching'; readonly facts: ModelFacts; readonly have: number }
  /** Stopped with what it has kept. */
  | { readonly at: 'stopped'; readonly facts: ModelFacts; readonly have: number }
  | { readonly at: 'failed'; readonly name: string; readonly message: string; readonly facts: ModelFacts | null };

/** What work on a model takes, or why it cannot be used. */
export type Needs = MemoryNeeds | { readonly problem: string };

export class ModelFlow {
  readonly #services: Services;
  readonly #port: ModelsPort;
  readonly #list = signal<readonly ModelFacts[]>([]);
  readonly #download = signal<Download>({ at: 'none' });
  readonly #machine = signal<MachineFacts | null>(null);
  readonly #memory = signal<MemoryReport | null>(null);
  readonly #needs = signal<ReadonlyMap<string, Needs>>(new Map());
  /** Models whose needs are being found out. */
  readonly #estimating = new Set<string>();
  #settings: Settings = { panel: 'embedded', model: EMBEDDED_MODEL };
  #abort: AbortController | undefined;
  #asking = false;

  /** Models from outside that are here, whole or in part. */
  readonly list: ReadonlySignal<readonly ModelFacts[]> = this.#list;
  readonly download: ReadonlySignal<Download> = this.#download;
  readonly memory: ReadonlySignal<MemoryReport | null> = this.#memory;
  /** What this computer has; null until it is known. */
  readonly machine: ReadonlySignal<MachineFacts | null> = this.#machine;
  /** By model, as far as it is known. */
  readonly needs: ReadonlySignal<ReadonlyMap<string, Needs>> = this.#needs;
  readonly lasting: ReadonlySignal<boolean>;

  constructor(services: Services, port: ModelsPort) {
    this.#services = services;
    this.#port = port;
    this.lasting = port.lasting;
  }

  /** Opens the model of the last session. One that is not here any more is not fetched unasked. */
  async start(settings: Settings): Promise<void> {
    this.#settings = settings;
    const { model, notices } = this.#services;
    this.#machine.value = await this.#port.machine().catch(() => null);
    await this.#relist();
    const wanted = settings.model;
    const here = wanted === EMBEDDED_MODEL || this.#list.value.some((each) => each.name === wanted && isWhole(each));
    if (!here) notices.info(`${wanted} is not on this computer any more. The built-in model is used.`);
    model.choose(here ? wanted : EMBEDDED_MODEL);
    // What goes wrong is in the engine's status, which the panel shows.
    await model.ready().catch(() => undefined);
  }

  /** Uses another base model from now on. */
  async use(name: string): Promise<void> {
    const { model, notices } = this.#services;
    model.choose(name);
    // A folder's files are known to this page only, not to the next start.
    if (!name.startsWith('folder:')) await this.#keep({ ...this.#settings, model: name });
    try {
      await model.ready();
    } catch (error) {
      if (!isCancelled(error)) notices.error(`${name} could not be opened. ${messageOf(error)}`);
    }
  }

  /** Asks the hub for a model's size. The first time anything goes over the network. */
  async look(typed: string): Promise<void> {
    const name = hubName(typed);
    if (!name) {
      const message = 'Write it as on huggingface.co: organisation/name';
      this.#download.value = { at: 'failed', name: typed.trim(), message, facts: null };
      return;
    }
    const abort = (this.#abort = new AbortController());
    this.#download.value = { at: 'looking', name };
    try {
      this.#download.value = { at: 'offered', facts: await this.#port.look(name, abort.signal) };
      void this.findNeeds(name);
    } catch (error) {
      this.#download.value = isCancelled(error)
        ? { at: 'none' }
        : { at: 'failed', name, message: messageOf(error), facts: null };
    }
  }

  /** Fetches what was offered, or goes on with what was stopped. */
  async fetch(): Promise<void> {
    const now = this.#download.value;
    const facts = now.at === 'offered' || now.at === 'stopped' || now.at === 'failed' ? now.facts : null;
    if (!facts) return;
    const abort = (this.#abort = new AbortController());
    let have = now.at === 'stopped' ? now.have : facts.have;
    this.#download.value = { at: 'fetching', facts, have };
    try {
      await this.#port.fetch(facts.name, {
        signal: abort.signal,
        onProgress: (bytes) => {
          have = bytes;
          if (!abort.signal.aborted) this.#download.value = { at: 'fetching', facts, have };
        },
      });
      this.#download.value = { at: 'none' };
      await this.#relist();
      this.#services.notices.info(`${facts.name} is ready`);
      await this.use(facts.name);
    } catch (error) {
      this.#download.value = isCancelled(error)
        ? { at: 'stopped', facts, have }
        : { at: 'failed', name: facts.name, message: messageOf(error), facts };
      await this.#relist();
    }
  }

  /** Stops asking or fetching; what is here already is kept. */
  cancel(): void {
    this.#abort?.abort();
  }

  dismiss(): void {
    if (!['looking', 'fetching'].includes(this.#download.value.at)) this.#download.value = { at: 'none' };
  }

  /** Deletes a model's files from this computer. */
  async purge(name: string): Promise<void> {
    try {
      if (this.#services.model.chosen.value === name) await this.use(EMBEDDED_MODEL);
      await this.#port.purge(name);
      await this.#relist();
      this.dismiss();
      this.#services.notices.info(`${name} is deleted from this computer`);
    } catch (error) {
      this.#services.notices.error(`${name} could not be deleted. ${messageOf(error)}`);
    }
  }

  /**
   * Uses a diffusers folder as it lies on the user's disk.
   *
   * @param files by path within the folder.
   */
  async useFolder(name: string, files: ReadonlyMap<string, File>): Promise<void> {
    try {
      const facts = this.#port.useFolder(name, files);
      this.#list.value = [...this.#list.value.filter((each) => each.name !== facts.name), facts];
      await this.use(facts.name);
    } catch (error) {
      this.#services.notices.error(messageOf(error));
    }
  }

  /** Finds out what work on a model takes. One on the hub must have been named by the user. */
  async findNeeds(name: string): Promise<void> {
    if (this.#needs.value.has(name) || this.#estimating.has(name)) return;
    this.#estimating.add(name);
    try {
      const needs = await this.#services.engine
        .needs(name)
        .catch((error: unknown): Needs => ({ problem: messageOf(error) }));
      this.#needs.value = new Map(this.#needs.value).set(name, needs);
    } finally {
      this.#estimating.delete(name);
    }
  }

  async refreshMemory(): Promise<void> {
    // An engine at work answers late: ask no more often than it answers.
    if (this.#asking) return;
    this.#asking = true;
    this.#memory.value = await this.#services.engine.memory().catch(() => null);
    this.#asking = false;
  }

  /** Opens the other build of the panel, now and at the next starts. */
  async switchPanel(panel: PanelKind): Promise<void> {
    try {
      await this.#services.sandbox.call('putSettings', { settings: { ...this.#settings, panel } });
      this.#settings = { ...this.#settings, panel };
      await this.#services.sandbox.call('switchPanel', { panel });
    } catch (error) {
      this.#services.notices.error(messageOf(error));
    }
  }

  async #keep(settings: Settings): Promise<void> {
    this.#settings = settings;
    try {
      await this.#services.sandbox.call('putSettings', { settings });
    } catch (error) {
      this.#services.notices.error(`The choice holds until the plugin is closed. ${messageOf(error)}`);
    }
  }

  async #relist(): Promise<void> {
    const folders = this.#list.value.filter(({ name }) => name.startsWith('folder:'));
    const stored = await this.#port.list().catch(() => []);
    this.#list.value = [...stored, ...folders.filter(({ name }) => stored.every((each) => each.name !== name))];
  }
}

export function isWhole({ have, bytes }: ModelFacts): boolean {
  return have >= bytes;
}

/** "hub:ORG/NAME" from what people type or paste: a name, with or without "hub:", or the model's address. */
export function hubName(typed: string): string | null {
  const bare = typed
    .trim()
    .replace(/^(https?:\/\/)?huggingface\.co\//, '')
    .replace(/^hub:/, '');
  const match = /^([\w.-]+\/[\w.-]+)(@[\w./-]+)?\/?$/.exec(bare.replace(/\/tree\/([\w.-]+)$/, '@$1'));
  return match ? `hub:${match[1]}${match[2] ?? ''}` : null;
}
