/** Undo and redo: the document as it was after each commit. */
import type { Scene, SceneState } from './scene';

export class History {
  readonly #past: SceneState[] = [];
  #future: SceneState[] = [];
  #present: SceneState;
  #version: number;

  constructor(private readonly scene: Scene) {
    this.#present = scene.state();
    this.#version = scene.version;
  }

  /** How many steps can be undone, what is not committed counting as one. */
  get undoable(): number {
    return this.#past.length + (this.#isDirty() ? 1 : 0);
  }

  get redoable(): number {
    return this.#isDirty() ? 0 : this.#future.length;
  }

  /** Forgets all steps: undo goes back to the document as it is now. */
  restart(): void {
    this.#past.length = 0;
    this.#future = [];
    this.#present = this.scene.state();
    this.#version = this.scene.version;
  }

  /** Makes what changed since the last commit one step. */
  commit(): void {
    if (!this.#isDirty()) return;
    this.#past.push(this.#present);
    this.#future = [];
    this.#present = this.scene.state();
    this.#version = this.scene.version;
  }

  /** Takes back what changed since the last commit, or else the last step. Returns whether there was any. */
  undo(): boolean {
    this.commit();
    return this.#travel(this.#past, this.#future);
  }

  redo(): boolean {
    if (this.#isDirty()) return false;
    return this.#travel(this.#future, this.#past);
  }

  /** The document in every step that can be gone back or forward to. */
  *states(): Generator<SceneState> {
    yield* this.#past;
    yield this.#present;
    yield* this.#future;
  }

  #isDirty(): boolean {
    return this.scene.version !== this.#version;
  }

  #travel(from: SceneState[], to: SceneState[]): boolean {
    const state = from.pop();
    if (!state) return false;
    to.push(this.#present);
    this.scene.restore(state);
    this.#present = state;
    this.#version = this.scene.version;
    return true;
  }
}
