/** The DDIM path there and back. */
import { InputError } from '../../engine/errors';
import { ddimPath, type DdimPath } from '../../engine/diffusion/inversion-plan';
import { SAMPLERS } from '../../engine/diffusion/samplers/samplers';
import { noisedLatents, readSchedule, trainingTarget, type Schedule } from '../../engine/diffusion/schedule';

const LATENT = { _class_name: 'DDIMScheduler', beta_start: 0.00085, beta_end: 0.012, beta_schedule: 'scaled_linear' };
const schedule = (config: Record<string, unknown> = {}): Schedule => readSchedule({ ...LATENT, ...config }, 'file');
const timesteps = (path: DdimPath): number[] => path.levels.map((level) => level.timestep);

function up(path: DdimPath, z: number, epsilon: (i: number) => number): number {
  for (let i = 0; i + 1 < path.levels.length; i++) {
    const move = path.toNoisier(i);
    z = move.sample * z + move.epsilon * epsilon(i + 1);
  }
  return z;
}

function down(path: DdimPath, z: number, epsilon: (i: number) => number): number {
  for (let i = path.levels.length - 1; i > 0; i--) {
    const move = path.toCleaner(i);
    z = move.sample * z + move.epsilon * epsilon(i);
  }
  return z;
}

describe('moves', () => {
  test('there and back with the same epsilon at each level is the identity', () => {
    for (const set_alpha_to_one of [true, false]) {
      const path = ddimPath(schedule({ set_alpha_to_one, steps_offset: 1 }), 50, 1);
      const epsilon = (i: number): number => Math.sin(i) * 1.3;
      expect(down(path, up(path, 0.42, epsilon), epsilon)).toBeCloseTo(0.42, 10);
    }
  });

  test('with one epsilon throughout, the top is the noised image', () => {
    const path = ddimPath(schedule(), 20, 0.8);
    const top = path.levels.at(-1)!;
    expect(up(path, 0.42, () => -0.7)).toBeCloseTo(Math.sqrt(top.abar) * 0.42 - Math.sqrt(1 - top.abar) * 0.7, 12);
  });

  test('towards the clean end it steps as the ddim sampler', () => {
    const read = schedule({ set_alpha_to_one: false, steps_offset: 1 });
    const path = ddimPath(read, 20, 1);
    const plan = SAMPLERS.ddim(read, 20);
    expect(timesteps(path).slice(1).reverse()).toEqual(plan.steps.map((step) => step.timestep));
    plan.steps.forEach(({ denoised, next }, k) => {
      const move = path.toCleaner(20 - k);
      expect(next.sample + next.denoised * denoised.sample).toBeCloseTo(move.sample, 10);
      expect(next.denoised * denoised.output).toBeCloseTo(move.epsilon, 10);
    });
  });

  test.each(['epsilon', 'v_prediction', 'sample'])('epsilon is recovered from %s', (prediction_type) => {
    const read = schedule({ prediction_type });
    const path = ddimPath(read, 10, 1);
    path.levels.forEach(({ timestep }, i) => {
      const [x0, noise] = [0.3, -1.2];
      const [mix, target] = [noisedLatents(read, timestep), trainingTarget(read, timestep)];
      const from = path.epsilonFrom(i);
      const z = mix.latents * x0 + mix.noise * noise;
      expect(from.sample * z + from.output * (target.latents * x0 + target.noise * noise)).toBeCloseTo(noise, 10);
    });
  });
});

describe('levels', () => {
  test('by the schedule, up to start', () => {
    expect(timesteps(ddimPath(schedule({ steps_offset: 1 }), 10, 0.5))).toEqual([0, 1, 101, 201, 301, 401]);
    expect(timesteps(ddimPath(schedule(), 10, 0.5))).toEqual([0, 0, 100, 200, 300, 400, 500]);
    expect(ddimPath(schedule(), 10, 1).levels[0]).toEqual({ timestep: 0, abar: 1 });
  });

  test('a first timestep as clean as level 0 is left out', () => {
    const path = ddimPath(schedule({ set_alpha_to_one: false }), 10, 0.2);
    expect(timesteps(path)).toEqual([0, 100, 200]);
    expect(path.levels[0]!.abar).toBeCloseTo(0.99915, 6);
  });

  test('evenly, with a top that follows start', () => {
    expect(timesteps(ddimPath(schedule(), 4, 0.3, 'even'))).toEqual([0, 75, 150, 225, 300]);
    expect(timesteps(ddimPath(schedule(), 4, 1, 'even'))).toEqual([0, 250, 500, 750, 999]);
    expect(timesteps(ddimPath(schedule(), 4, 0.002, 'even'))).toEqual([0, 1, 2]);
    expect(timesteps(ddimPath(schedule(), 4, 0, 'even'))).toEqual([0]);
    for (let start = 0; start <= 1; start += 0.01) {
      const top = timesteps(ddimPath(schedule(), 8, start, 'even')).at(-1)!;
      expect(Math.abs(top - start * 1000)).toBeLessThanOrEqual(1);
    }
  });

  test('no level of pure noise', () => {
    const path = ddimPath(schedule({ rescale_betas_zero_snr: true, timestep_spacing: 'trailing' }), 4, 1);
    expect(timesteps(path)).toEqual([0, 249, 499, 749]);
  });

  test('rise in noise', () => {
    for (const spacing of ['schedule', 'even'] as const) {
      const { levels } = ddimPath(schedule({ timestep_spacing: 'trailing' }), 37, 0.9, spacing);
      levels.forEach((level, i) => i > 0 && expect(level.abar).toBeLessThan(levels[i - 1]!.abar));
    }
  });
});

test('errors', () => {
  expect(() => ddimPath(schedule(), 0, 1)).toThrow(InputError);
  expect(() => ddimPath(schedule(), 10, 1.1)).toThrow(new InputError('start is 1.1; use a number from 0 to 1'));
  expect(() => ddimPath(schedule(), 10, NaN)).toThrow(InputError);
  const path = ddimPath(schedule(), 10, 0.5);
  expect(() => path.toCleaner(0)).toThrow(RangeError);
  expect(() => path.toNoisier(path.levels.length - 1)).toThrow(RangeError);
});
