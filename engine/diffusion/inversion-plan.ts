/**
 * DDIM's path between an image and its noise, walked both ways (Song et al., arXiv 2010.02502, section 4.3). A move
 * from level i to level j holds the noise estimate epsilon fixed:
 *   x0 = (z - sqrt(1 - abar_i) epsilon) / sqrt(abar_i);  z' = sqrt(abar_j) x0 + sqrt(1 - abar_j) epsilon,
 * so that walking there and back with the same epsilon is the identity.
 */
import { InputError } from '../errors';
import { ddimTimesteps, finalAlpha } from './samplers/ddim';
import { lcmTimesteps } from './samplers/lcm';
import { checkSteps } from './samplers/plan';
import { alphaAt, type Schedule } from './schedule';

export interface NoiseLevel {
  /** What the network is told at this level. */
  readonly timestep: number;
  /** Share of the image's variance in the latents here. */
  readonly abar: number;
}

/** z' = sample z + epsilon noise estimate. */
export interface Move {
  readonly sample: number;
  readonly epsilon: number;
}

export interface DdimPath {
  /** Level 0 is the clean latents; the others rise in noise. Level 0's timestep is 0, the nearest that was trained. */
  readonly levels: readonly NoiseLevel[];
  /** From level i to level i + 1. Throws a RangeError at the last level. */
  toNoisier(i: number): Move;
  /** From level i to level i - 1. Throws a RangeError at level 0. */
  toCleaner(i: number): Move;
  /**
   * Weights of the sample and of the network's output in epsilon, for a network that was told level i's timestep,
   * whatever level the sample is at.
   */
  epsilonFrom(i: number): { readonly sample: number; readonly output: number };
}

/**
 * 'schedule' takes the timesteps of a DDIM run of `steps` steps that are not above start * trainTimesteps, so a lower
 * start has fewer levels. 'even' spreads `steps` timesteps evenly over (0, start * trainTimesteps], rounded, so that
 * the top level follows `start` smoothly; timesteps that round to the same one are taken once.
 */
export type PathSpacing = 'schedule' | 'even';

/**
 * The path from clean latents to the noise level at `start`. A level of pure noise (zero terminal SNR) is left out, for
 * no image comes back from it; so is a first timestep as clean as level 0.
 *
 * @param steps 1 to trainTimesteps.
 * @param start share of the trained timesteps, 0 (level 0 alone) to 1 (all).
 * @throws InputError outside these ranges.
 */
export function ddimPath(
  schedule: Schedule,
  steps: number,
  start: number,
  spacing: PathSpacing = 'schedule',
): DdimPath {
  checkSteps(schedule, steps);
  if (!(start >= 0 && start <= 1)) throw new InputError(`start is ${start}; use a number from 0 to 1`);
  const highest = start * schedule.trainTimesteps;
  const timesteps =
    spacing === 'even'
      ? evenTimesteps(schedule, steps, highest)
      : ddimTimesteps(schedule, steps)
          .filter((timestep) => timestep <= highest)
          .reverse();
  const clean = { timestep: 0, abar: finalAlpha(schedule) };
  const noisy = timesteps.map((timestep) => ({ timestep, abar: alphaAt(schedule, timestep) }));
  const levels = [clean, ...noisy.filter(({ abar }) => abar > 0 && abar < clean.abar)];
  return {
    levels,
    toNoisier: (i) => move(levels, i, i + 1),
    toCleaner: (i) => move(levels, i, i - 1),
    epsilonFrom: (i) => epsilonFrom(schedule, levelAt(levels, i).timestep),
  };
}

/**
 * The path of a latent consistency model, whose levels are timesteps it was distilled at, at most `start` of all. Its
 * way down adds fresh noise, the same to both pictures, so that of the difference only the clean estimates' is left: no
 * noise estimate is carried over (Xu et al., arXiv 2312.04965, section 3).
 *
 * @param steps 1 to the number of steps the model was distilled from.
 * @throws InputError outside these ranges.
 */
export function consistencyPath(schedule: Schedule, steps: number, start: number): DdimPath {
  lcmTimesteps(schedule, steps);
  const stride = Math.floor(schedule.trainTimesteps / schedule.consistency.originalSteps);
  const even = ddimPath(schedule, steps, start, 'even');
  const grid = even.levels
    .slice(1)
    .map(({ timestep }) => Math.max(1, Math.round((timestep + 1) / stride)) * stride - 1);
  const within = [...new Set(grid)].map((timestep) => Math.min(timestep, schedule.trainTimesteps - 1));
  const levels = [
    { timestep: 0, abar: 1 },
    ...within.map((timestep) => ({ timestep, abar: alphaAt(schedule, timestep) })),
  ];
  return {
    levels,
    toNoisier: (i) => move(levels, i, i + 1),
    toCleaner(i) {
      const { abar } = levelAt(levels, i);
      const sample = Math.sqrt(levelAt(levels, i - 1).abar / abar);
      return { sample, epsilon: -sample * Math.sqrt(1 - abar) };
    },
    epsilonFrom: (i) => epsilonFrom(schedule, levelAt(levels, i).timestep),
  };
}

function evenTimesteps(schedule: Schedule, steps: number, highest: number): number[] {
  const rounded = Array.from({ length: steps }, (_, i) => Math.round(((i + 1) * highest) / steps));
  const within = rounded.map((timestep) => Math.min(timestep, schedule.trainTimesteps - 1));
  return [...new Set(within)].filter((timestep) => timestep > 0);
}

function move(levels: readonly NoiseLevel[], from: number, to: number): Move {
  const { abar } = levelAt(levels, from);
  const { abar: nextAbar } = levelAt(levels, to);
  const sample = Math.sqrt(nextAbar / abar);
  return { sample, epsilon: Math.sqrt(1 - nextAbar) - sample * Math.sqrt(1 - abar) };
}

function levelAt(levels: readonly NoiseLevel[], i: number): NoiseLevel {
  const level = levels[i];
  if (!level) throw new RangeError(`level ${i} is not one of the path's ${levels.length}`);
  return level;
}

function epsilonFrom(schedule: Schedule, timestep: number): { sample: number; output: number } {
  const abar = alphaAt(schedule, timestep);
  const [alpha, sigma] = [Math.sqrt(abar), Math.sqrt(1 - abar)];
  switch (schedule.predictionType) {
    case 'epsilon':
      return { sample: 0, output: 1 };
    case 'v_prediction':
      return { sample: sigma, output: alpha };
    case 'sample':
      return { sample: 1 / sigma, output: -alpha / sigma };
  }
}
