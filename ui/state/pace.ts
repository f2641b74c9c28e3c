/** How long learning still takes, from the steps so far. */

/** A step of both losses against one on the before image alone: it runs twice the batch. */
const JOINT_COST = 2;
const REMEMBERED = 15;

export class Pace {
  readonly #contentSteps: number;
  readonly #costs: number[] = [];
  #last: { readonly step: number; readonly time: number } | undefined;

  /** @param contentSteps steps at the start that train on the before image alone. */
  constructor(contentSteps: number) {
    this.#contentSteps = contentSteps;
  }

  /**
   * Notes that a step is done.
   *
   * @param step steps done, over all phases.
   * @param time ms on any clock.
   * @returns seconds left; null while it is too early to say.
   */
  note(step: number, steps: number, time: number): number | null {
    const last = this.#last;
    this.#last = { step, time };
    if (last && step > last.step) {
      this.#costs.push((time - last.time) / this.#units(last.step, step));
      if (this.#costs.length > REMEMBERED) this.#costs.shift();
    }
    if (this.#costs.length < 3) return null;
    const sorted = [...this.#costs].sort((a, b) => a - b);
    // The median: a live sample between two steps does not count as a slow step.
    return (sorted[sorted.length >> 1]! * this.#units(step, steps)) / 1000;
  }

  #units(from: number, to: number): number {
    const content = Math.max(0, Math.min(to, this.#contentSteps) - Math.min(from, this.#contentSteps));
    return content + JOINT_COST * (to - from - content);
  }
}
