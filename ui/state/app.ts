/** The panel's state: every flow over the same services, and which of them is on screen. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals-core';
import { RESTYLE_DEFAULTS } from '../../engine/defaults';
import type { GuideMode } from '../../engine/requests';
import type { Command, Recipe, Selection } from '../../common/messages';
import type { Bridge } from '../bridge';
import type { EnginePort, ModelsPort, PanelAssets } from '../ports';
import { BaseModel } from './base-model';
import { obey } from './commands';
import { messageOf } from './errors';
import { FrameBatch } from './frame-batch';
import { newSeed } from './ids';
import { Imagining } from './imagining';
import { Learning } from './learning';
import { Library } from './library';
import { ModelFlow } from './models';
import { Notices } from './notices';
import { PairFlow } from './pair';
import { RestyleQueue } from './queue';
import type { Services } from './services';
import { StyleChoice } from './style-choice';
import { Tuning } from './tuning';

export type Tab = 'learn' | 'restyle' | 'library' | 'imagine' | 'model';

export interface AppOptions {
  readonly bridge: Pick<Bridge, 'call' | 'on'>;
  readonly engine: EnginePort;
  readonly models: ModelsPort;
  readonly build: PanelAssets['build'];
  readonly saveFile: Services['saveFile'];
}

export type Start =
  { readonly at: 'starting' } | { readonly at: 'ready' } | { readonly at: 'failed'; readonly message: string };

export class App {
  readonly build: PanelAssets['build'];
  readonly services: Services;
  readonly library: Library;
  readonly pair: PairFlow;
  readonly learning: Learning;
  readonly choice: StyleChoice;
  readonly queue: RestyleQueue;
  readonly frames: FrameBatch;
  readonly tuning: Tuning;
  readonly imagining: Imagining;
  readonly models: ModelFlow;
  readonly #bridge: AppOptions['bridge'];
  readonly #selection = signal<Selection>({ page: { id: '0', name: '' }, nodes: [] });
  readonly #place = signal<Tab>('learn');
  readonly #start = signal<Start>({ at: 'starting' });
  readonly #host = signal<string | null>(null);

  readonly place: ReadonlySignal<Tab> = this.#place;
  readonly start: ReadonlySignal<Start> = this.#start;
  /** The address of the hosted panel; null when there is none. */
  readonly host: ReadonlySignal<string | null> = this.#host;
  /** Settings of the next restyling, besides the styles. */
  readonly prompt: Signal<string> = signal('');
  readonly guide: Signal<GuideMode> = signal<GuideMode>(RESTYLE_DEFAULTS.guide);

  constructor({ bridge, engine, models, build, saveFile }: AppOptions) {
    this.#bridge = bridge;
    this.build = build;
    const model = new BaseModel(engine);
    this.services = { sandbox: bridge, engine, model, notices: new Notices(), selection: this.#selection, saveFile };
    this.library = new Library(this.services);
    this.learning = new Learning(this.services, this.library);
    const pairing = computed(
      () =>
        this.#start.value.at === 'ready' && this.#place.value === 'learn' && this.learning.state.value.at === 'idle',
    );
    this.pair = new PairFlow(this.services, pairing, () => this.library.freeName());
    this.choice = new StyleChoice(this.library);
    this.tuning = new Tuning(this.services, this.library);
    this.queue = new RestyleQueue(this.services, this.library, (id) => this.tuning.reload(id));
    this.frames = new FrameBatch(this.services, this.library, this.queue);
    this.imagining = new Imagining(this.services, this.library);
    this.models = new ModelFlow(this.services, models);
    bridge.on('selection', (selection) => (this.#selection.value = selection));
    bridge.on('command', (command) => this.obey(command));
  }

  /** Greets the sandbox and loads what is kept. The panel can be used once this resolves; the engine opens behind it. */
  async open(): Promise<void> {
    this.#start.value = { at: 'starting' };
    try {
      const hello = await this.#bridge.call('hello', { panel: this.build });
      const before = this.#selection.value;
      this.#host.value = hello.host;
      if (hello.fallback) {
        this.services.notices.error(
          `${hello.host ?? 'The server of the panel'} could not be reached, so the graphics card cannot be used. Everything works, more slowly.`,
        );
      }
      void this.models.start(hello.settings);
      await Promise.all([this.library.load(), this.learning.load(), this.frames.load()]);
      // What the editor told meanwhile is newer.
      if (this.#selection.value === before) this.#selection.value = hello.selection;
      this.obey(hello.command);
      this.#start.value = { at: 'ready' };
    } catch (error) {
      this.#start.value = { at: 'failed', message: messageOf(error) };
    }
  }

  show = (place: Tab): void => {
    this.#place.value = place;
    // Another window on the file may have changed it.
    if (place === 'library') void this.library.load();
  };

  obey(command: Command): void {
    obey(this, command);
  }

  /** Queues what is selected with the styles and settings as they are now. */
  restyleSelection(): void {
    const { nodes } = this.#selection.value;
    const recipe = this.#recipe();
    if (nodes.length > 0 && recipe) this.queue.add(nodes, recipe);
  }

  /** The same with the frames that match. @param instead of frames that an earlier call has left. */
  restyleFrames({ instead = false } = {}): void {
    const recipe = this.#recipe();
    if (recipe) void this.frames.start(recipe, instead);
  }

  /** Undefined while no style is chosen. */
  #recipe(): Recipe | undefined {
    const styles = this.choice.chosen.value;
    if (styles.length === 0) return undefined;
    return {
      styles: [...styles],
      prompt: this.prompt.value.trim(),
      guide: this.guide.value,
      steps: RESTYLE_DEFAULTS.steps,
      seed: this.guide.value === 'sdedit' ? newSeed() : RESTYLE_DEFAULTS.seed,
    };
  }
}
