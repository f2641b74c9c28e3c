/**
 * Noise levels as sigma = sqrt((1 - abar) / abar), the scale of euler and dpm++2m: a sample over its signal's scale is
 * x0 + sigma noise. Rounded to float32 where diffusers rounds.
 */
import type { Schedule } from '../schedule';

const round32 = Math.fround;

/** abar at which diffusers holds the last timestep of a zero-terminal-SNR schedule, so that its sigma is finite. */
const LEAST_ALPHA = 2 ** -24;

/** sigma of every trained timestep, rising. */
export function trainedSigmas(schedule: Schedule): Float64Array {
  const last = schedule.trainTimesteps - 1;
  return schedule.alphasCumprod.map((abar, timestep) => {
    const alpha = schedule.zeroTerminalSnr && timestep === last ? LEAST_ALPHA : abar;
    return round32(Math.sqrt(round32(round32(1 - alpha) / alpha)));
  });
}

/** sigma at a timestep that may be fractional: between its neighbours in a straight line, held at the ends. */
export function sigmaAt(sigmas: Float64Array, timestep: number): number {
  const last = sigmas.length - 1;
  if (timestep <= 0) return sigmas[0]!;
  if (timestep >= last) return sigmas[last]!;
  const below = Math.floor(timestep);
  return sigmas[below]! + (sigmas[below + 1]! - sigmas[below]!) * (timestep - below);
}

/** The timestep, mostly fractional, whose log sigma this is; the nearest end outside the trained range. */
export function timestepAt(sigmas: Float64Array, sigma: number): number {
  const log = Math.log(Math.max(sigma, 1e-10));
  const logs = sigmas.map((s) => round32(Math.log(s)));
  const below = Math.min(
    Math.max(
      logs.findLastIndex((l) => l <= log),
      0,
    ),
    logs.length - 2,
  );
  const fraction = (logs[below]! - log) / (logs[below]! - logs[below + 1]!);
  return below + Math.min(Math.max(fraction, 0), 1);
}

/** `count` sigmas, falling from `max` to `min`, spaced evenly in sigma^(1/7) (Karras et al., arXiv 2206.00364, eq. 5). */
export function karrasSigmas(max: number, min: number, count: number): number[] {
  const rho = 7;
  const [from, to] = [max ** (1 / rho), min ** (1 / rho)];
  return Array.from({ length: count }, (_, i) => (from + (count === 1 ? 0 : i / (count - 1)) * (to - from)) ** rho);
}

/** The plan's sigmas with the one after the last step, rounded to float32. */
export function withFinalSigma(schedule: Schedule, sigmas: readonly number[], trained: Float64Array): number[] {
  return [...sigmas, schedule.finalSigmasType === 'zero' ? 0 : trained[0]!].map(round32);
}
