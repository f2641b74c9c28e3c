/** Imagine: a prompt and styles become a new frame. */
import { signal, type ReadonlySignal } from '@preact/signals-core';
import { IMAGINE_DEFAULTS } from '../../engine/defaults';
import { isCancelled, messageOf } from './errors';
import { newSeed } from './ids';
import { loadStyles, parametersOf, type RestyleSettings } from './restyle-settings';
import type { ChosenStyle } from '../../common/messages';
import type { Library } from './library';
import { pngSize } from './png';
import type { Services } from './services';

export type ImagineState =
  | { readonly at: 'idle' }
  /** `fraction` of the engine's work, 0 to 1; null while the frame is placed or the engine has not begun. */
  | { readonly at: 'working'; readonly fraction: number | null }
  | { readonly at: 'done'; readonly id: string; readonly picture: Uint8Array }
  | { readonly at: 'failed'; readonly message: string };

export class Imagining {
  readonly #services: Services;
  readonly #library: Library;
  readonly #state = signal<ImagineState>({ at: 'idle' });
  #abort: AbortController | undefined;

  readonly state: ReadonlySignal<ImagineState> = this.#state;
  readonly prompt = signal('');
  readonly seed = signal<number>(IMAGINE_DEFAULTS.seed);

  constructor(services: Services, library: Library) {
    this.#services = services;
    this.#library = library;
  }

  otherSeed(): void {
    this.seed.value = newSeed();
  }

  /** Selects in the editor what was drawn last. */
  async reveal(): Promise<void> {
    const state = this.#state.value;
    if (state.at !== 'done') return;
    try {
      await this.#services.sandbox.call('reveal', { ids: [state.id] });
    } catch (error) {
      this.#services.notices.error(messageOf(error));
    }
  }

  cancel(): void {
    this.#abort?.abort();
  }

  async start(chosen: readonly ChosenStyle[]): Promise<void> {
    const prompt = this.prompt.value.trim();
    if (this.#state.value.at === 'working' || prompt === '') return;
    const { engine, model, sandbox } = this.#services;
    const abort = (this.#abort = new AbortController());
    const recipe: RestyleSettings = {
      styles: chosen,
      prompt,
      guide: 'style',
      steps: IMAGINE_DEFAULTS.steps,
      seed: this.seed.value,
    };
    this.#state.value = { at: 'working', fraction: null };
    try {
      const styles = await loadStyles(this.#library, recipe);
      const { steps, seed } = recipe;
      const picture = await engine.imagine(
        { prompt, styles, steps, seed },
        {
          signal: abort.signal,
          onProgress: ({ phase, step, steps }) => {
            if (phase === 'restyle') this.#state.value = { at: 'working', fraction: step / steps };
          },
        },
      );
      this.#state.value = { at: 'working', fraction: null };
      const parameters = parametersOf('imagined', recipe, null, await model.ready());
      const { id } = await sandbox.call('insertImagined', { picture, ...pngSize(picture), parameters });
      this.#state.value = { at: 'done', id, picture };
    } catch (error) {
      this.#state.value = isCancelled(error) ? { at: 'idle' } : { at: 'failed', message: messageOf(error) };
    }
  }
}
