/** Reading scheduler_config.json: files as checkpoints have them, defaults, and refusals. */
import { InputError } from '../../engine/errors';
import { parseSchedule, readSchedule } from '../../engine/diffusion/schedule';

const FILE = 'scheduler/scheduler_config.json';
const read = (config: Record<string, unknown>): ReturnType<typeof readSchedule> =>
  readSchedule({ _class_name: 'DDIMScheduler', ...config }, FILE);

describe('as checkpoints ship it', () => {
  test('Stable Diffusion 1.x: PNDM, whose betas serve DDIM', () => {
    const schedule = parseSchedule(
      `{"_class_name": "PNDMScheduler", "_diffusers_version": "0.7.0.dev0", "beta_end": 0.012,
        "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000, "set_alpha_to_one": false,
        "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null, "clip_sample": false}`,
      FILE,
    );
    expect(schedule).toMatchObject({
      trainTimesteps: 1000,
      predictionType: 'epsilon',
      preferredSampler: 'ddim',
      timestepSpacing: undefined,
      stepsOffset: 1,
      setAlphaToOne: false,
      notes: ['PNDMScheduler runs as ddim.'],
    });
    // The two ends of the published schedule.
    expect(schedule.alphasCumprod[0]).toBeCloseTo(0.99915, 7);
    expect(schedule.alphasCumprod[999]).toBeCloseTo(0.0046601, 6);
  });

  test('SDXL Turbo: ancestral Euler, without its noise', () => {
    const schedule = read({
      _class_name: 'EulerAncestralDiscreteScheduler',
      beta_schedule: 'scaled_linear',
      timestep_spacing: 'trailing',
      interpolation_type: 'linear',
      use_karras_sigmas: false,
      clip_sample: false,
      rescale_betas_zero_snr: false,
      sample_max_value: 1.0,
      skip_prk_steps: true,
    });
    expect(schedule).toMatchObject({ preferredSampler: 'euler', timestepSpacing: 'trailing' });
    expect(schedule.notes).toEqual(['EulerAncestralDiscreteScheduler runs as euler.']);
  });

  test('DPM-Solver as diffusers saves it, with a bare -Infinity', () => {
    const text = `{"_class_name": "DPMSolverMultistepScheduler", "algorithm_type": "sde-dpmsolver++",
      "lambda_min_clipped": -Infinity, "solver_order": 2, "variance_type": null}`;
    const schedule = parseSchedule(text, FILE);
    expect(schedule.lambdaMinClipped).toBe(-Infinity);
    expect(schedule.notes).toEqual(['sde-dpmsolver++ 2 midpoint runs as dpmsolver++ 2 midpoint.']);
    expect(
      parseSchedule('{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -5.1}', FILE),
    ).toMatchObject({
      lambdaMinClipped: -5.1,
      notes: [],
    });
  });

  test('clip_sample is passed over with a note', () => {
    expect(read({ clip_sample: true }).notes).toEqual(['clip_sample is not carried out: latents go past its range.']);
  });
});

describe('betas', () => {
  test('zero terminal SNR: the last level is pure noise, the first as before', () => {
    const [plain, rescaled] = [read({}), read({ rescale_betas_zero_snr: true })];
    expect(rescaled.alphasCumprod[999]).toBe(0);
    expect(rescaled.alphasCumprod[0]).toBeCloseTo(plain.alphasCumprod[0]!, 6);
  });

  test('trained betas', () => {
    const schedule = read({ trained_betas: [0.1, 0.5], num_train_timesteps: 2 });
    expect(schedule.trainTimesteps).toBe(2);
    expect(schedule.alphasCumprod[1]).toBeCloseTo(0.45, 6);
    expect(read({ trained_betas: new Array<number>(1000).fill(0.01) }).trainTimesteps).toBe(1000);
  });

  test('one timestep', () => {
    expect([...read({ num_train_timesteps: 1, beta_start: 0.25 }).alphasCumprod]).toEqual([0.75]);
  });

  test.each(['linear', 'scaled_linear', 'squaredcos_cap_v2'])('%s falls from nearly 1', (beta_schedule) => {
    const { alphasCumprod } = read({ beta_schedule });
    expect(alphasCumprod[0]).toBeGreaterThan(0.99);
    alphasCumprod.forEach((abar, i) => {
      if (i > 0) expect(abar).toBeLessThan(alphasCumprod[i - 1]!);
      expect(abar).toBe(Math.fround(abar));
    });
  });
});

describe('refusals name the file and the key', () => {
  const refused: [string, Record<string, unknown>, RegExp][] = [
    ['no class', { _class_name: null }, /"_class_name" is missing/],
    [
      'an unknown class',
      { _class_name: 'MyScheduler' },
      /"_class_name" MyScheduler is not a scheduler known here; choose a model with one of DDIM/,
    ],
    [
      'a key of Object.prototype',
      { _class_name: 'constructor' },
      /"_class_name" constructor is not a scheduler known here/,
    ],
    ['a consistency model', { _class_name: 'TCDScheduler' }, /TCDScheduler is for consistency-distilled models/],
    ['a flow-matching model', { _class_name: 'FlowMatchEulerDiscreteScheduler' }, /is for flow-matching models/],
    [
      'another beta schedule',
      { beta_schedule: 'sigmoid' },
      /"beta_schedule" must be one of linear, scaled_linear, squaredcos_cap_v2/,
    ],
    ['another prediction', { prediction_type: 'flow_prediction' }, /"prediction_type" must be one of epsilon/],
    ['another spacing', { timestep_spacing: 'even' }, /"timestep_spacing" must be one of leading, trailing, linspace/],
    ['no timesteps', { num_train_timesteps: 0 }, /"num_train_timesteps" must be a whole number from 1/],
    ['endless timesteps', { num_train_timesteps: 1e9 }, /"num_train_timesteps" must be a whole number from 1/],
    ['a beta past 1', { beta_end: 1.5 }, /"beta_end" must be a number from 0 to 1/],
    ['trained betas past 1', { trained_betas: [0.1, 2] }, /"trained_betas" must be a list of numbers between 0 and 1/],
    [
      'trained betas of another count',
      { trained_betas: [0.1], num_train_timesteps: 2 },
      /"num_train_timesteps" must be 1/,
    ],
    ['thresholding', { thresholding: true }, /"thresholding" is true, but/],
    ['flow sigmas', { use_flow_sigmas: true }, /"use_flow_sigmas" is true, but/],
    ['exponential sigmas', { use_exponential_sigmas: true }, /"use_exponential_sigmas" is true, but/],
    ['log-linear interpolation', { interpolation_type: 'log_linear' }, /"interpolation_type" is "log_linear"/],
    ['continuous timesteps', { timestep_type: 'continuous' }, /"timestep_type" is "continuous"/],
    ['a learned variance', { variance_type: 'learned_range' }, /"variance_type" is "learned_range"/],
    ['bounded Karras sigmas', { use_karras_sigmas: true, sigma_max: 10 }, /"sigma_max" is 10/],
    ['a number as a name', { lambda_min_clipped: 'NaN' }, /"lambda_min_clipped" must be a number/],
    ['a flag as a word', { set_alpha_to_one: 'no' }, /"set_alpha_to_one" must be true or false/],
  ];
  test.each(refused)('%s', (_, config, message) => {
    expect(() => read(config)).toThrow(InputError);
    expect(() => read(config)).toThrow(message);
    expect(() => read(config)).toThrow(new RegExp(`^${FILE}: `));
  });

  test.each([
    ['not JSON', '{'],
    ['not an object', '[1]'],
    ['NaN', '{"_class_name": "DDIMScheduler", "beta_start": NaN}'],
  ])('%s', (_, text) => expect(() => parseSchedule(text, FILE)).toThrow(InputError));
});
