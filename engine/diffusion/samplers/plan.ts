/**
 * What a sampler is: a pure function of a schedule and a number of steps that returns a plan of numbers. Every solver
 * here is linear in (sample, network output, previous denoised, fresh noise), so one graph carries out any of them, and what differs
 * is computed on the host in double precision.
 */
import { InputError } from '../../errors';
import type { PredictionType, Schedule, TimestepSpacing } from '../schedule';

/** One evaluation of the network and the move that follows it. */
export interface LinearStep {
  /** What the network is told: 0 to trainTimesteps - 1; fractional from euler with 'linspace' or Karras spacing. */
  readonly timestep: number;
  /** The network sees sample * inputScale. */
  readonly inputScale: number;
  /** Weights of the sample and of the network's output in the estimate of the clean latents. */
  readonly denoised: { readonly sample: number; readonly output: number };
  /** Weights in the next sample; previousDenoised, the step before's estimate, has weight 0 in the first step. */
  readonly next: {
    readonly sample: number;
    readonly denoised: number;
    readonly previousDenoised: number;
    /** Weight of fresh standard normal noise; none where it is left out. */
    readonly noise?: number;
  };
}

export interface SamplingPlan {
  /** The first sample is standard normal noise times this. */
  readonly initialNoiseScale: number;
  /** From noise to image; the last step's next sample is the result. */
  readonly steps: readonly LinearStep[];
}

/**
 * @param steps network evaluations, 1 to trainTimesteps.
 * @throws InputError when the schedule has no such number of steps, or starts from pure noise with a network that
 *   predicts noise.
 */
export type Sampler = (schedule: Schedule, steps: number) => SamplingPlan;

/**
 * Weights of (sample, output) in the estimate of x0, where sample = alpha x0 + sigma noise.
 *
 * @param alpha in (0, 1], or 0 for a network that does not predict epsilon.
 */
export function denoisedFrom(prediction: PredictionType, alpha: number, sigma: number): LinearStep['denoised'] {
  switch (prediction) {
    case 'epsilon':
      return { sample: 1 / alpha, output: -sigma / alpha };
    case 'v_prediction': {
      // alpha^2 + sigma^2 is 1 for a variance-preserving sample and may be anything for a scaled one.
      const variance = alpha * alpha + sigma * sigma;
      return { sample: alpha / variance, output: -sigma / Math.sqrt(variance) };
    }
    case 'sample':
      return { sample: 0, output: 1 };
  }
}

/** Throws an InputError unless 1 <= steps <= trainTimesteps. */
export function checkSteps(schedule: Schedule, steps: number): void {
  if (!Number.isInteger(steps) || steps < 1 || steps > schedule.trainTimesteps) {
    throw new InputError(`steps is ${steps}; use a whole number from 1 to ${schedule.trainTimesteps}`);
  }
}

/** Throws an InputError when a network that predicts noise would be asked for the image in pure noise. */
export function checkSignal(schedule: Schedule, timestep: number, abar: number): void {
  if (abar === 0 && schedule.predictionType === 'epsilon') {
    throw new InputError(
      `timestep ${timestep} is pure noise (rescale_betas_zero_snr), where a model with prediction_type epsilon says nothing; use euler, dpm++2m or leading timesteps`,
    );
  }
}

/**
 * Whole timesteps, falling, as diffusers picks them: `count` of those below `end`, and fewer where 'trailing', whose
 * stride does not depend on `end`, reaches 0 sooner.
 *
 * @param end one past the last timestep in use, at most trainTimesteps.
 * @throws InputError when steps_offset pushes one past the trained timesteps.
 */
export function spacedTimesteps(
  schedule: Schedule,
  spacing: TimestepSpacing,
  count: number,
  end = schedule.trainTimesteps,
): number[] {
  const timesteps = Array.from({ length: count }, () => 0);
  switch (spacing) {
    case 'linspace': {
      const step = count === 1 ? 0 : (end - 1) / (count - 1);
      return timesteps.map((_, i) => (i === 0 && count > 1 ? end - 1 : roundHalfEven(step * (count - 1 - i))));
    }
    case 'leading': {
      const step = Math.floor(end / count);
      return checkedTimesteps(
        schedule,
        timesteps.map((_, i) => (count - 1 - i) * step + schedule.stepsOffset),
      );
    }
    case 'trailing': {
      // The step is rounded as NumPy's arange rounds it, which decides the timesteps that fall halfway. Where that
      // rounding makes arange run one past the end, diffusers adds a step at timestep -1; here there is none.
      const stride = schedule.trainTimesteps / count;
      const step = end - stride - end;
      const within = Math.min(count, Math.ceil(end / stride));
      return timesteps.slice(0, within).map((_, i) => roundHalfEven(end + i * step) - 1);
    }
  }
}

/** Throws an InputError when steps_offset pushes the first timestep past the trained ones. */
function checkedTimesteps(schedule: Schedule, timesteps: number[]): number[] {
  if (timesteps[0]! >= schedule.trainTimesteps) {
    throw new InputError(
      `${timesteps.length} steps with steps_offset ${schedule.stepsOffset} start at timestep ${timesteps[0]} of ${schedule.trainTimesteps}; use fewer steps`,
    );
  }
  return timesteps;
}

/** Rounds to the nearest integer, halves to the even one, as NumPy does. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
