/** The styles picked for the next restyling or imagining, each with its strength. */
import { effect, signal, untracked, type ReadonlySignal } from '@preact/signals-core';
import type { ChosenStyle } from '../../common/messages';
import type { Library } from './library';
import { MAX_STRENGTH, MAX_STYLES } from './restyle-settings';

export class StyleChoice {
  readonly #library: Library;
  readonly #chosen = signal<readonly ChosenStyle[]>([]);
  readonly chosen: ReadonlySignal<readonly ChosenStyle[]> = this.#chosen;
  /** Until the user picks, the newest style that fits the model is taken. */
  #picked = false;

  constructor(library: Library) {
    this.#library = library;
    effect(() => {
      const styles = library.styles.value;
      void library.fingerprint.value;
      untracked(() => {
        const names = new Map(styles.map(({ id, name }) => [id, name]));
        const left = this.#chosen.value.filter(({ id }) => names.has(id));
        const first = styles.find((style) => library.fits(style)) ?? styles[0];
        this.#chosen.value =
          !this.#picked && first
            ? [{ id: first.id, name: first.name, strength: 1 }]
            : left.map((style) => ({ ...style, name: names.get(style.id)! }));
      });
    });
  }

  has(id: string): boolean {
    return this.#chosen.value.some((style) => style.id === id);
  }

  /** Takes one style alone. */
  only(id: string, strength = 1): void {
    this.#picked = true;
    this.#chosen.value = [];
    this.#add(id, strength);
  }

  /** Adds a style to the blend, or takes it out. One that cannot be blended with those chosen takes their place. */
  toggle(id: string): void {
    const kind = this.#library.find(id)?.kind;
    if (this.#chosen.value.some((style) => this.#library.find(style.id)?.kind !== kind)) return this.only(id);
    this.#picked = true;
    if (this.has(id)) this.#chosen.value = this.#chosen.value.filter((style) => style.id !== id);
    else this.#add(id, 1);
  }

  setStrength(id: string, strength: number): void {
    this.#picked = true;
    this.#chosen.value = this.#chosen.value.map((style) => (style.id === id ? { ...style, strength } : style));
  }

  #add(id: string, strength: number): void {
    const style = this.#library.find(id);
    if (!style || this.#chosen.value.length >= MAX_STYLES) return;
    const within = Math.min(MAX_STRENGTH, Math.max(0, strength));
    this.#chosen.value = [...this.#chosen.value, { id, name: style.name, strength: within }];
  }
}
