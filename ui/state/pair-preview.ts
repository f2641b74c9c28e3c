/** What a pair makes of a picture at once, with nothing learned: shown as soon as the pair is selected. */
import { signal, type ReadonlySignal } from '@preact/signals-core';
import type { EnginePort, PairJob, Png } from '../ports';
import { isCancelled, messageOf } from './errors';

export type Shown =
  | { readonly at: 'none' }
  | { readonly at: 'working' }
  | { readonly at: 'shown'; readonly picture: Png }
  | { readonly at: 'failed'; readonly message: string };

/** Long side of the picture, px. */
const SIDE = 256;

export class PairPreview {
  readonly #engine: EnginePort;
  readonly #state = signal<Shown>({ at: 'none' });
  #abort: AbortController | undefined;

  readonly state: ReadonlySignal<Shown> = this.#state;

  constructor(engine: EnginePort) {
    this.#engine = engine;
  }

  /** Shows another pair or picture; what was asked for before is given up. */
  async show(job: Omit<PairJob, 'side'>): Promise<void> {
    this.clear();
    const abort = (this.#abort = new AbortController());
    this.#state.value = { at: 'working' };
    let shown: Shown;
    try {
      shown = { at: 'shown', picture: await this.#engine.showPair({ ...job, side: SIDE }, abort.signal) };
    } catch (error) {
      if (isCancelled(error)) return;
      shown = { at: 'failed', message: messageOf(error) };
    }
    if (this.#abort === abort) this.#state.value = shown;
  }

  clear(): void {
    this.#abort?.abort();
    this.#abort = undefined;
    this.#state.value = { at: 'none' };
  }
}
