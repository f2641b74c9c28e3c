/** Which result is tuned: the one that is selected alone. */
import { effect, signal, untracked, type ReadonlySignal } from '@preact/signals-core';
import type { Library } from './library';
import type { Services } from './services';
import { TuneSession } from './tune-session';

export class Tuning {
  readonly #services: Services;
  readonly #library: Library;
  readonly #session = signal<TuneSession | null>(null);
  /** Sessions the user left before their last change was on the layer. */
  readonly #ending = new Map<string, TuneSession>();

  readonly #asNew = signal(false);

  /** Null while no result is selected alone. */
  readonly session: ReadonlySignal<TuneSession | null> = this.#session;
  /** The result that is selected is to be restyled like any layer, under a new one, instead of being tuned. */
  readonly asNew: ReadonlySignal<boolean> = this.#asNew;

  constructor(services: Services, library: Library) {
    this.#services = services;
    this.#library = library;
    effect(() => {
      const { nodes } = services.selection.value;
      untracked(() => this.#follow(nodes));
    });
  }

  /** Treats the selected result like any other layer, until something else is selected. */
  useAsSource(): void {
    this.#asNew.value = true;
  }

  backToTune(): void {
    this.#asNew.value = false;
  }

  /** A result was made anew outside its session. */
  reload(id: string): void {
    if (this.#session.value?.id === id) void this.#session.value.reload();
  }

  #follow(nodes: Services['selection']['value']['nodes']): void {
    const [node] = nodes;
    const result = nodes.length === 1 && node ? node.result : null;
    const now = this.#session.value;
    if (now && result && now.id === node!.id) return now.follow(result);
    if (now) this.#leave(now);
    this.#asNew.value = false;
    this.#session.value = result ? this.#enter(node!.id, result) : null;
  }

  #enter(id: string, result: ConstructorParameters<typeof TuneSession>[3]): TuneSession {
    const ending = this.#ending.get(id);
    this.#ending.delete(id);
    ending?.stay();
    return ending ?? new TuneSession(this.#services, this.#library, id, result);
  }

  #leave(session: TuneSession): void {
    this.#ending.set(session.id, session);
    void session.leave().finally(() => {
      if (this.#ending.get(session.id) === session) this.#ending.delete(session.id);
    });
  }
}
