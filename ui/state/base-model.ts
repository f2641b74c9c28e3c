/** The base model the user chose, opened when a job needs it. */
import { computed, signal, type ReadonlySignal } from '@preact/signals-core';
import type { EngineDescription } from '../../engine/engine';
import type { EnginePort } from '../ports';

export const EMBEDDED_MODEL = 'embedded';

/** How results and styles name a model: fingerprints tell models apart whatever they are called. */
export interface ModelIdentity {
  readonly name: string;
  readonly fingerprint: string;
}

export class BaseModel {
  readonly #engine: EnginePort;
  readonly #chosen = signal<string>(EMBEDDED_MODEL);
  /** "embedded", "hub:ORG/NAME" or "folder:NAME". */
  readonly chosen: ReadonlySignal<string> = this.#chosen;
  /** Fingerprint of the model that is open; null while none is. */
  readonly fingerprint: ReadonlySignal<string | null> = computed(() => {
    const status = this.#engine.status.value;
    return status.state === 'ready' ? status.description.fingerprint : null;
  });
  #opening: { readonly name: string; readonly done: Promise<EngineDescription> } | undefined;

  constructor(engine: EnginePort) {
    this.#engine = engine;
  }

  choose(name: string): void {
    this.#chosen.value = name;
  }

  /** Opens the chosen model unless it is open. Throws what EnginePort.open throws. */
  async ready(): Promise<ModelIdentity> {
    const name = this.#chosen.value;
    const state = this.#engine.status.value.state;
    if (this.#opening?.name !== name || state === 'failed' || state === 'closed') {
      const opening = { name, done: this.#engine.open(name) };
      this.#opening = opening;
      opening.done.catch(() => {
        if (this.#opening === opening) this.#opening = undefined;
      });
    }
    const { model, fingerprint } = await this.#opening!.done;
    return { name: model, fingerprint };
  }
}
