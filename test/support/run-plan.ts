/** Carries out a sampling plan in double precision, a number at a time. */
import type { SamplingPlan } from '../../engine/diffusion/samplers/plan';

export interface PlanRun {
  /** What the network saw at each step. */
  readonly inputs: number[][];
  /** The sample after each step. */
  readonly samples: number[][];
}

/** @param output the network: step and scaled sample to its output, of the sample's length. */
export function runPlan(
  plan: SamplingPlan,
  noise: readonly number[],
  output: (step: number, input: readonly number[]) => readonly number[],
): PlanRun {
  const inputs: number[][] = [];
  const samples: number[][] = [];
  let sample = noise.map((x) => x * plan.initialNoiseScale);
  let previous = noise.map(() => 0);
  plan.steps.forEach((step, i) => {
    const input = sample.map((x) => x * step.inputScale);
    const out = output(i, input);
    const denoised = sample.map((x, k) => x * step.denoised.sample + out[k]! * step.denoised.output);
    const { next } = step;
    sample = sample.map(
      (x, k) => x * next.sample + denoised[k]! * next.denoised + previous[k]! * next.previousDenoised,
    );
    previous = denoised;
    inputs.push(input);
    samples.push(sample);
  });
  return { inputs, samples };
}
