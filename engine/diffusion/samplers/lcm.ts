/** Multistep sampling of a latent consistency model (Luo et al., arXiv 2310.04378, algorithm 3), in the form of diffusers' LCMScheduler. */
import { InputError } from '../../errors';
import { alphaAt, type Schedule } from '../schedule';
import { checkSignal, checkSteps, denoisedFrom, type LinearStep, type SamplingPlan } from './plan';

/** Standard deviation of the data that the boundary condition assumes. */
const SIGMA_DATA = 0.5;

/**
 * denoised = c_out x0 + c_skip sample, which is the sample itself at timestep 0; sample' = sqrt(abar') denoised +
 * sqrt(1 - abar') fresh noise, and denoised after the last step.
 *
 * @param steps network evaluations, 1 to the number of steps the model was distilled from.
 * @throws InputError as every Sampler.
 */
export function lcm(schedule: Schedule, steps: number): SamplingPlan {
  const timesteps = lcmTimesteps(schedule, steps);
  return {
    initialNoiseScale: 1,
    steps: timesteps.map((timestep, i): LinearStep => {
      const abar = alphaAt(schedule, timestep);
      checkSignal(schedule, timestep, abar);
      const next = timesteps[i + 1];
      const nextAbar = next === undefined ? 1 : alphaAt(schedule, next);
      const scaled = timestep * schedule.consistency.timestepScaling;
      const skip = SIGMA_DATA ** 2 / (scaled ** 2 + SIGMA_DATA ** 2);
      const out = scaled / Math.sqrt(scaled ** 2 + SIGMA_DATA ** 2);
      const estimate = denoisedFrom(schedule.predictionType, Math.sqrt(abar), Math.sqrt(1 - abar));
      return {
        timestep,
        inputScale: 1,
        denoised: { sample: out * estimate.sample + skip, output: out * estimate.output },
        next: { sample: 0, denoised: Math.sqrt(nextAbar), previousDenoised: 0, noise: Math.sqrt(1 - nextAbar) },
      };
    }),
  };
}

/** The timesteps of `steps` evaluations, falling: of those the model was distilled at, spread evenly. */
export function lcmTimesteps(schedule: Schedule, steps: number): number[] {
  checkSteps(schedule, steps);
  const { originalSteps } = schedule.consistency;
  if (steps > originalSteps)
    throw new InputError(
      `steps is ${steps}; this model was distilled from ${originalSteps}, use at most as many (4 serve)`,
    );
  const stride = Math.floor(schedule.trainTimesteps / originalSteps);
  return Array.from(
    { length: steps },
    (_, i) => (originalSteps - Math.floor((i * originalSteps) / steps)) * stride - 1,
  );
}
