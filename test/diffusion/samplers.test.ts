/** Samplers against diffusers over a grid of configurations (fixtures/make_schedules.py), and their properties. */
import { readFileSync } from 'node:fs';
import { InputError } from '../../engine/errors';
import { SAMPLERS } from '../../engine/diffusion/samplers/samplers';
import type { SamplingPlan } from '../../engine/diffusion/samplers/plan';
import {
  noisedLatents,
  readSchedule,
  trainingTarget,
  type Schedule,
  type SamplerName,
} from '../../engine/diffusion/schedule';
import { runPlan } from '../support/run-plan';

interface Run {
  config: { _class_name: string; [key: string]: unknown };
  steps: number;
  initial: number;
  timesteps: number[];
  inputs: number[];
  samples: number[];
}

const fixture = JSON.parse(readFileSync(`${__dirname}/fixtures/schedules.json`, 'utf8')) as {
  runs: Run[];
  timesteps: Record<string, (number | null)[]>;
};

const LATENT = { beta_start: 0.00085, beta_end: 0.012, beta_schedule: 'scaled_linear' };
const DDIM = { _class_name: 'DDIMScheduler', ...LATENT };

function schedule(config: Record<string, unknown>): Schedule {
  return readSchedule({ ...DDIM, ...config }, 'scheduler_config.json');
}

describe('as diffusers', () => {
  test.each(fixture.runs.map((run) => [describeRun(run), run] as const))('%s', (_, run) => {
    const read = readSchedule(run.config, 'scheduler_config.json');
    const plan = SAMPLERS[read.preferredSampler](read, run.steps);
    expect(plan.steps.map((step) => step.timestep)).toEqual(run.timesteps.map((t) => expect.closeTo(t, 3)));
    expectClose([plan.initialNoiseScale], [run.initial], 1e-6);
    const { inputs, samples } = runPlan(plan, [0.8], (i) => [Math.cos(1 + 0.7 * i)]);
    // float32 in the reference: a whole trajectory loses a few digits, and large noise its own last digits.
    const floor = 2 ** -23 * plan.initialNoiseScale;
    expectClose(inputs.flat(), run.inputs, 3e-5, floor);
    expectClose(samples.flat(), run.samples, 3e-5, floor);
  });

  test.each(Object.entries(fixture.timesteps))('timesteps for 1 to 250 steps: %s', (name, expected) => {
    const [sampler, spacing] = name.split(' ') as [SamplerName, string];
    const read = schedule({ timestep_spacing: spacing });
    const sums = expected.map((sum, i) => {
      const { steps } = SAMPLERS[sampler](read, i + 1);
      expect(steps).toHaveLength(i + 1);
      // Null: diffusers takes a step too many there, at timestep -1.
      return sum === null ? null : steps.reduce((total, { timestep }, k) => total + (k + 1) * timestep, 0);
    });
    expect(sums).toEqual(expected);
  });
});

describe('properties', () => {
  const configs = Object.keys(SAMPLERS).flatMap((sampler) =>
    ['leading', 'trailing', 'linspace'].flatMap((spacing) =>
      ['epsilon', 'v_prediction', 'sample'].map((prediction) => [sampler as SamplerName, spacing, prediction] as const),
    ),
  );

  test.each(configs)('%s %s %s: a network that knows x0 is brought to x0', (sampler, spacing, prediction) => {
    const read = schedule({ timestep_spacing: spacing, prediction_type: prediction });
    const plan = SAMPLERS[sampler](read, 12);
    const x0 = 0.37;
    const { samples } = runPlan(plan, [-1.1], (i, [input]) => {
      // What the network sees is a variance-preserving mixture, so its noise is what is left of it.
      const alpha = alphaOf(read, plan, i);
      const sigma = Math.sqrt(1 - alpha * alpha);
      const noise = (input! - alpha * x0) / sigma;
      return [{ epsilon: noise, v_prediction: alpha * noise - sigma * x0, sample: x0 }[prediction]!];
    });
    expect(samples.at(-1)![0]).toBeCloseTo(x0, 5);
  });

  // x0 ~ N(mean, deviation^2): the exact flow keeps (z - alpha mean) / sqrt(alpha^2 deviation^2 + sigma^2) constant.
  test.each([
    ['ddim', 200, 0.05],
    ['euler', 200, 0.05],
    ['dpm++2m', 30, 0.03],
  ] as const)('%s solves the Gaussian case', (sampler, steps, tolerance) => {
    const [mean, deviation] = [0.6, 0.5];
    const read = schedule({ timestep_spacing: 'trailing' });
    const plan = SAMPLERS[sampler](read, steps);
    const { inputs, samples } = runPlan(plan, [0.9], (i, [input]) => [gaussianEpsilon(alphaOf(read, plan, i), input!)]);
    const alpha = alphaOf(read, plan, 0);
    const quantile = (inputs[0]![0]! - alpha * mean) / Math.sqrt(alpha ** 2 * deviation ** 2 + 1 - alpha ** 2);
    expect(Math.abs(samples.at(-1)![0]! - (mean + deviation * quantile))).toBeLessThan(tolerance);

    function gaussianEpsilon(a: number, z: number): number {
      const variance = a ** 2 * deviation ** 2 + 1 - a ** 2;
      return (Math.sqrt(1 - a ** 2) * (z - a * mean)) / variance;
    }
  });

  test('dpm++2m is of second order: twice the steps, about a quarter of the error', () => {
    // Without a last step to sigma 0, which is of first order.
    const read = schedule({ timestep_spacing: 'trailing', final_sigmas_type: 'sigma_min', lower_order_final: false });
    const deviation = 0.5;
    const spreadAt = (a: number): number => Math.sqrt(a ** 2 * deviation ** 2 + 1 - a ** 2);
    const error = (steps: number): number => {
      const plan = SAMPLERS['dpm++2m'](read, steps);
      const { inputs, samples } = runPlan(plan, [0.9], (i, [z]) => {
        const a = alphaOf(read, plan, i);
        return [(Math.sqrt(1 - a ** 2) * z!) / spreadAt(a) ** 2];
      });
      const exact = (inputs[0]![0]! / spreadAt(alphaOf(read, plan, 0))) * spreadAt(Math.sqrt(read.alphasCumprod[0]!));
      return Math.abs(samples.at(-1)![0]! - exact);
    };
    expect(error(100) / error(200)).toBeGreaterThan(3);
  });

  test('euler and ddim take the same steps between the same levels', () => {
    // With 1000 / 8 whole and alpha_to_one, both go through the same timesteps, and the last to clean latents.
    const config = { timestep_spacing: 'trailing' };
    const ddim = SAMPLERS.ddim(schedule(config), 8);
    const euler = SAMPLERS.euler(schedule(config), 8);
    ddim.steps.forEach((step, i) => {
      const [here, next] = [euler.steps[i]!, euler.steps[i + 1]];
      expect(here.timestep).toBe(step.timestep);
      const nextScale = next?.inputScale ?? 1;
      expect((step.next.sample * here.inputScale) / nextScale).toBeCloseTo(here.next.sample, 5);
      expect(step.next.denoised / nextScale).toBeCloseTo(here.next.denoised, 5);
    });
  });
});

describe('bad input', () => {
  test.each([0, -1, 1.5, 1001, NaN])('%p steps', (steps) => {
    for (const sampler of Object.values(SAMPLERS)) {
      expect(() => sampler(schedule({}), steps)).toThrow(
        new InputError(`steps is ${steps}; use a whole number from 1 to 1000`),
      );
    }
  });

  test('pure noise and a network that predicts noise', () => {
    const read = schedule({ rescale_betas_zero_snr: true, timestep_spacing: 'trailing' });
    expect(() => SAMPLERS.ddim(read, 4)).toThrow(/timestep 999 is pure noise/);
    expect(SAMPLERS.euler(read, 4).initialNoiseScale).toBeCloseTo(4096, 0);
  });

  test('steps_offset past the trained timesteps', () => {
    const read = schedule({ timestep_spacing: 'leading', steps_offset: 1 });
    expect(() => SAMPLERS.ddim(read, 1000)).toThrow(/1000 steps with steps_offset 1 start at timestep 1000 of 1000/);
  });

  test('more steps than dpm++2m can tell apart', () => {
    expect(() => SAMPLERS['dpm++2m'](schedule({}), 1000)).toThrow(/1000 steps are too many/);
  });
});

test('noising and the training target agree with each other', () => {
  for (const prediction_type of ['epsilon', 'v_prediction', 'sample']) {
    const read = schedule({ prediction_type });
    for (const timestep of [0, 400, 999]) {
      const [x0, noise] = [0.3, -1.2];
      const noised = noisedLatents(read, timestep);
      const target = trainingTarget(read, timestep);
      const z = noised.latents * x0 + noised.noise * noise;
      const output = target.latents * x0 + target.noise * noise;
      const recovered = {
        epsilon: (z - noised.noise * output) / noised.latents,
        v_prediction: noised.latents * z - noised.noise * output,
        sample: output,
      };
      expect(recovered[read.predictionType]).toBeCloseTo(x0, 10);
    }
  }
  expect(() => noisedLatents(schedule({}), 1000)).toThrow(RangeError);
});

/** sqrt(abar) that step i's network input has, from the plan alone: x0 weighs -output / sample times alpha / sigma. */
function alphaOf(read: Schedule, plan: SamplingPlan, i: number): number {
  const { inputScale, timestep } = plan.steps[i]!;
  if (inputScale !== 1) return inputScale;
  return Math.sqrt(read.alphasCumprod[timestep]!);
}

function expectClose(actual: readonly number[], expected: readonly number[], tolerance: number, floor = 0): void {
  const allowed = tolerance * Math.max(...expected.map(Math.abs)) + floor;
  expect(actual).toHaveLength(expected.length);
  actual.forEach((x, i) => expect(Math.abs(x - expected[i]!)).toBeLessThanOrEqual(allowed));
}

function describeRun({ config: { _class_name, trained_betas, ...rest }, steps }: Run): string {
  const options = Object.entries(rest).map(([key, value]) => `${key}=${String(value)}`);
  return [`${_class_name}, ${steps} steps:`, ...(trained_betas ? ['trained_betas'] : []), ...options].join(' ');
}
