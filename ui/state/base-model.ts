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

interface Opening {
  readonly name: string;
  readonly done: Promise<EngineDescription>;
  settled: boolean;
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
  #opening: Opening | undefined;

  constructor(engine: EnginePort) {
    this.#engine = engine;
  }

  choose(name: string): void {
    this.#chosen.value = name;
  }

  /** Opens the chosen model unless it is open. Throws what EnginePort.open throws. */
  async ready(): Promise<ModelIdentity> {
    const name = this.#chosen.value;
    const { state } = this.#engine.status.peek();
    const gone = this.#opening?.settled && (state === 'failed' || state === 'closed');
    if (this.#opening?.name !== name || gone) this.#opening = this.#open(name);
    const { model, fingerprint } = await this.#opening.done;
    return { name: model, fingerprint };
  }

  #open(name: string): Opening {
    const opening: Opening = { name, done: this.#engine.open(name), settled: false };
    const settle = (): void => void (opening.settled = true);
    opening.done.then(settle, settle);
    return opening;
  }
}
