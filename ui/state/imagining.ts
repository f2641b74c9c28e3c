/** Imagine: a prompt and styles become a new frame. */
import { signal, type ReadonlySignal } from '@preact/signals-core';
import { IMAGINE_DEFAULTS } from '../../engine/defaults';
import { isCancelled, messageOf } from './errors';
import { newSeed } from './ids';
import { loadStyles, parametersOf, type RestyleSettings } from './restyle-settings';
import type { ChosenStyle, ResultParameters } from '../../common/messages';
import type { Png } from '../ports';
import type { Library } from './library';
import { pngSize } from './png';
import type { Services } from './services';
import { pictureFileName } from './words';

export type ImagineState =
  | { readonly at: 'idle' }
  /** `fraction` of the engine's work, 0 to 1; null while the frame is placed or the engine has not begun. */
  | { readonly at: 'working'; readonly fraction: number | null }
  | { readonly at: 'done'; readonly id: string; readonly picture: Uint8Array }
  | { readonly at: 'failed'; readonly message: string }
  /** Drawn, but the document did not take it: kept here until it is placed, saved as a file or given up. */
  | {
      readonly at: 'unplaced';
      readonly message: string;
      readonly picture: Png;
      readonly parameters: ResultParameters;
    };

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
    if (['working', 'unplaced'].includes(this.#state.value.at) || prompt === '') return;
    const { engine, model } = this.#services;
    const abort = (this.#abort = new AbortController());
    const recipe: RestyleSettings = {
      styles: chosen,
      prompt,
      guide: 'style',
      steps: IMAGINE_DEFAULTS.steps,
      seed: this.seed.value,
    };
    const pair = chosen.find(({ id }) => this.#library.find(id)?.kind === 'pair');
    if (pair) {
      const message = `“${pair.name}” is used by its pair, for layers only. Choose a learned style, or none`;
      return void (this.#state.value = { at: 'failed', message });
    }
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
      await this.#place(picture, parameters);
    } catch (error) {
      this.#state.value = isCancelled(error) ? { at: 'idle' } : { at: 'failed', message: messageOf(error) };
    }
  }
  /** Tries again to put a picture into the document that did not take it. */
  async placeAgain(): Promise<void> {
    const state = this.#state.value;
    if (state.at !== 'unplaced') return;
    this.#state.value = { at: 'working', fraction: null };
    await this.#place(state.picture, state.parameters);
  }

  /** Hands it to the user as a file; it stays here as well. */
  save(): void {
    const state = this.#state.value;
    if (state.at === 'unplaced')
      this.#services.saveFile(pictureFileName(state.parameters.prompt.slice(0, 60)), state.picture);
  }

  discard(): void {
    if (this.#state.value.at === 'unplaced') this.#state.value = { at: 'idle' };
  }

  async #place(picture: Png, parameters: ResultParameters): Promise<void> {
    try {
      const { id } = await this.#services.sandbox.call('insertImagined', {
        picture,
        ...pngSize(picture),
        parameters,
      });
      this.#state.value = { at: 'done', id, picture };
    } catch (error) {
      this.#state.value = { at: 'unplaced', message: messageOf(error), picture, parameters };
    }
  }
}
