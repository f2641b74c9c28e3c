/** Euler's method on the probability-flow ODE (Karras et al., arXiv 2206.00364, algorithm 1 without churn), in the form of diffusers' EulerDiscreteScheduler. */
import type { Schedule } from '../schedule';
import { checkSteps, denoisedFrom, spacedTimesteps, type LinearStep, type SamplingPlan } from './plan';
import { karrasSigmas, sigmaAt, timestepAt, trainedSigmas, withFinalSigma } from './sigmas';

/**
 * The sample is x0 + sigma noise, and sample' = sample + (sigma' - sigma) (sample - denoised) / sigma. Timestep spacing
 * defaults to 'linspace', with fractional timesteps.
 *
 * @param steps network evaluations, 1 to trainTimesteps.
 * @throws InputError as every Sampler.
 */
export function euler(schedule: Schedule, steps: number): SamplingPlan {
  checkSteps(schedule, steps);
  const trained = trainedSigmas(schedule);
  const spacing = schedule.timestepSpacing ?? 'linspace';
  let timesteps =
    spacing === 'linspace'
      ? evenTimesteps(schedule.trainTimesteps - 1, steps)
      : spacedTimesteps(schedule, spacing, steps);
  let sigmas = timesteps.map((timestep) => sigmaAt(trained, timestep));
  if (schedule.useKarrasSigmas) {
    sigmas = karrasSigmas(sigmas[0]!, sigmas.at(-1)!, steps);
    timesteps = sigmas.map((sigma) => Math.fround(timestepAt(trained, sigma)));
  }
  sigmas = withFinalSigma(schedule, sigmas, trained);

  const first = sigmas[0]!;
  return {
    // 'leading' starts below the last trained level, where the sample still has a share of image.
    initialNoiseScale: spacing === 'leading' ? Math.sqrt(first * first + 1) : first,
    steps: timesteps.map((timestep, i): LinearStep => {
      const [sigma, nextSigma] = [sigmas[i]!, sigmas[i + 1]!];
      return {
        timestep,
        inputScale: 1 / Math.sqrt(sigma * sigma + 1),
        denoised: denoisedFrom(schedule.predictionType, 1, sigma),
        next: { sample: nextSigma / sigma, denoised: 1 - nextSigma / sigma, previousDenoised: 0 },
      };
    }),
  };
}

/** `count` numbers from `last` down to 0 in equal steps, each rounded to float32. */
function evenTimesteps(last: number, count: number): number[] {
  if (count === 1) return [0];
  const step = last / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === 0 ? last : Math.fround(step * (count - 1 - i))));
}
