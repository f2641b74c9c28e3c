/** DDIM (Song et al., arXiv 2010.02502, equation 12 with eta 0), in the form of diffusers' DDIMScheduler. */
import { alphaAt, type Schedule } from '../schedule';
import { checkSignal, checkSteps, denoisedFrom, spacedTimesteps, type LinearStep, type SamplingPlan } from './plan';

/**
 * sample' = sqrt(abar') denoised + sqrt(1 - abar') epsilon, where epsilon is the noise that `denoised` leaves in the
 * sample. Timestep spacing defaults to 'leading'.
 *
 * @param steps network evaluations, 1 to trainTimesteps.
 * @throws InputError as every Sampler.
 */
export function ddim(schedule: Schedule, steps: number): SamplingPlan {
  const timesteps = ddimTimesteps(schedule, steps);
  const stride = Math.floor(schedule.trainTimesteps / steps);
  return {
    initialNoiseScale: 1,
    steps: timesteps.map((timestep): LinearStep => {
      const abar = alphaAt(schedule, timestep);
      checkSignal(schedule, timestep, abar);
      // Counted back by the stride and not to the plan's next timestep: with 'trailing' and 'linspace' they differ.
      const previous = timestep - stride;
      const previousAbar = previous >= 0 ? alphaAt(schedule, previous) : finalAlpha(schedule);
      const noiseKept = Math.sqrt((1 - previousAbar) / (1 - abar));
      return {
        timestep,
        inputScale: 1,
        denoised: denoisedFrom(schedule.predictionType, Math.sqrt(abar), Math.sqrt(1 - abar)),
        next: {
          sample: noiseKept,
          denoised: Math.sqrt(previousAbar) - Math.sqrt(abar) * noiseKept,
          previousDenoised: 0,
        },
      };
    }),
  };
}

/** DDIM's timesteps, falling. Throws an InputError as ddim. */
export function ddimTimesteps(schedule: Schedule, steps: number): number[] {
  checkSteps(schedule, steps);
  return spacedTimesteps(schedule, schedule.timestepSpacing ?? 'leading', steps);
}

/** abar of the clean end of DDIM's path. */
export function finalAlpha(schedule: Schedule): number {
  return schedule.setAlphaToOne ? 1 : alphaAt(schedule, 0);
}
