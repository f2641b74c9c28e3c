/** Means and bootstrapped intervals. */
import { Random } from '../../../engine/tensor/random';

/** A mean with its 95% interval. */
export interface Estimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * The mean of some values and its percentile bootstrap interval (Efron), the same in every run. With few values the
 * interval is too narrow, and with one it is empty.
 *
 * @param values at least one, independent of each other: means of tasks, not pictures of one task.
 */
export function bootstrap(values: readonly number[]): Estimate {
  const random = new Random(1);
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += values[random.integer(values.length)]!;
    return sum / values.length;
  }).sort((a, b) => a - b);
  const at = (share: number): number => means[Math.round(share * (RESAMPLES - 1))]!;
  return { mean: meanOf(values), low: at(0.025), high: at(0.975) };
}
