/** How fast a batch goes, from the times at which its latest pictures were done. */

const KEPT = 200;

export class Rate {
  readonly #times: number[] = [];

  /** @param start ms; the first picture's time counts from here. */
  constructor(start: number) {
    this.#times.push(start);
  }

  add(time: number): void {
    this.#times.push(time);
    if (this.#times.length > KEPT) this.#times.shift();
  }

  /** Pictures a second up to `now`; undefined before the first. */
  perSecond(now: number): number | undefined {
    return ratePerSecond(this.#times, now);
  }
}

/**
 * Pictures a second over the times at which the latest were done, the first being where the count starts. The wait since
 * the last one counts once it is longer than the mean, so that a batch that stands still is seen to slow down.
 */
export function ratePerSecond(times: readonly number[], now: number): number | undefined {
  const [first, last] = [times[0], times.at(-1)];
  if (first === undefined || last === undefined || times.length < 2 || last <= first) return undefined;
  const mean = (last - first) / (times.length - 1);
  const span = now - last > mean ? now - first - mean : last - first;
  return (1000 * (times.length - 1)) / Math.max(span, last - first);
}

/** "4.2 pictures/s", or per minute or hour where that reads better. */
export function describeRate(perSecond: number): string {
  if (perSecond >= 1) return `${perSecond.toFixed(1)} pictures/s`;
  if (perSecond >= 1 / 60) return `${(60 * perSecond).toFixed(1)} pictures/min`;
  return `${(3600 * perSecond).toFixed(1)} pictures/h`;
}
