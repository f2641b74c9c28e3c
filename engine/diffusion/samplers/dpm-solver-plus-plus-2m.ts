/** DPM-Solver++(2M) (Lu et al., arXiv 2211.01095, algorithm 2), in the form of diffusers' DPMSolverMultistepScheduler with solver_order 2 and solver_type midpoint. */
import { InputError } from '../../errors';
import type { Schedule } from '../schedule';
import { checkSteps, denoisedFrom, roundHalfEven, spacedTimesteps, type LinearStep, type SamplingPlan } from './plan';
import { karrasSigmas, sigmaAt, timestepAt, trainedSigmas, withFinalSigma } from './sigmas';

/** Below this many steps the last one is of first order when lower_order_final is set. */
const FEW_STEPS = 15;

/**
 * With lambda = log(alpha / sigma), h = lambda' - lambda and r = (lambda - lambda of the step before) / h:
 *   D = denoised + (denoised - previous denoised) / (2 r);  sample' = (sigma' / sigma) sample - alpha' (exp(-h) - 1) D.
 * The first step, and the last by the schedule's options, take D = denoised, which is DDIM. Timestep spacing defaults
 * to 'linspace'.
 *
 * @param steps network evaluations, 1 to trainTimesteps.
 * @throws InputError as every Sampler.
 */
export function dpmSolverPlusPlus2M(schedule: Schedule, steps: number): SamplingPlan {
  checkSteps(schedule, steps);
  const trained = trainedSigmas(schedule);
  const { timesteps, sigmas } = levels(schedule, steps, trained);
  const last = timesteps.length - 1;
  const firstOrderLast =
    schedule.eulerAtFinal ||
    (schedule.lowerOrderFinal && timesteps.length < FEW_STEPS) ||
    schedule.finalSigmasType === 'zero';
  return {
    initialNoiseScale: 1,
    steps: timesteps.map((timestep, i): LinearStep => {
      const [sigma, nextSigma] = [sigmas[i]!, sigmas[i + 1]!];
      const [alpha, nextAlpha] = [signalScale(sigma), signalScale(nextSigma)];
      // sigmas are relative to the signal, so log sigma is -lambda and exp(-h) is their quotient.
      const gain = nextAlpha * (1 - nextSigma / sigma);
      const firstOrder = i === 0 || (i === last && firstOrderLast);
      const inverseR = firstOrder ? 0 : Math.log(sigma / nextSigma) / Math.log(sigmas[i - 1]! / sigma);
      return {
        timestep,
        inputScale: 1,
        denoised: denoisedFrom(schedule.predictionType, alpha, sigma * alpha),
        next: {
          sample: (nextSigma * nextAlpha) / (sigma * alpha),
          denoised: gain * (1 + inverseR / 2),
          previousDenoised: (-gain * inverseR) / 2,
        },
      };
    }),
  };
}

/** The plan's timesteps and sigmas, falling; one more sigma than timesteps. */
function levels(schedule: Schedule, steps: number, trained: Float64Array): { timesteps: number[]; sigmas: number[] } {
  let timesteps: number[];
  let sigmas: number[];
  if (schedule.useKarrasSigmas) {
    sigmas = karrasSigmas(trained.at(-1)!, trained[0]!, steps);
    // The network is told a whole timestep; diffusers rounds it, but for the cosine schedule cuts it off.
    const whole = schedule.betaSchedule === 'squaredcos_cap_v2' ? Math.trunc : roundHalfEven;
    timesteps = sigmas.map((sigma) => whole(timestepAt(trained, sigma)));
  } else {
    timesteps = wholeTimesteps(schedule, steps, trained);
    sigmas = timesteps.map((timestep) => sigmaAt(trained, timestep));
  }
  if (sigmas.some((sigma, i) => i > 0 && sigma >= sigmas[i - 1]!)) {
    throw new InputError(
      `${steps} steps are too many for dpm++2m on ${schedule.trainTimesteps} timesteps; use fewer steps`,
    );
  }
  return { timesteps, sigmas: withFinalSigma(schedule, sigmas, trained) };
}

/** 'linspace' and 'leading' place one more timestep than there are steps, at the clean end, and leave it out. */
function wholeTimesteps(schedule: Schedule, steps: number, trained: Float64Array): number[] {
  const spacing = schedule.timestepSpacing ?? 'linspace';
  // lambda falls as the timestep rises, so the timesteps that are left out are the last ones.
  const clipped = trained.findIndex((sigma) => -Math.log(sigma) < schedule.lambdaMinClipped);
  const end = clipped < 0 ? schedule.trainTimesteps : clipped;
  if (spacing === 'trailing') return spacedTimesteps(schedule, spacing, steps, end);
  return spacedTimesteps(schedule, spacing, steps + 1, end).slice(0, -1);
}

/** alpha of a variance-preserving sample whose noise is sigma times its signal. */
function signalScale(sigma: number): number {
  return 1 / Math.sqrt(sigma * sigma + 1);
}
