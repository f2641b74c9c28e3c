/** A model's noise schedule, read from its scheduler_config.json (the keys of diffusers 0.42). */
import { InputError } from '../errors';
import { ConfigReader } from '../weights/config';
import { isObject, ownValue, parseJson, showJson } from '../weights/json';
import { betasOf, cumulativeAlphas, rescaleToZeroTerminalSnr, type BetaSchedule } from './betas';

/**
 * What the network's output means, with z = sqrt(abar) x0 + sqrt(1 - abar) noise: the noise; the velocity
 * sqrt(abar) noise - sqrt(1 - abar) x0 (Salimans and Ho, arXiv 2202.00512); or x0 itself.
 */
export type PredictionType = 'epsilon' | 'v_prediction' | 'sample';

/** How timesteps are picked out of the trained ones (Lin et al., arXiv 2305.08891, table 2). */
export type TimestepSpacing = 'leading' | 'trailing' | 'linspace';

const PREDICTION_TYPES: readonly PredictionType[] = ['epsilon', 'v_prediction', 'sample'];
const SPACINGS: readonly TimestepSpacing[] = ['leading', 'trailing', 'linspace'];

export type SamplerName = 'ddim' | 'euler' | 'dpm++2m' | 'lcm';

export interface Schedule {
  /** Timesteps the model was trained on: 0 (least noise) to trainTimesteps - 1. */
  readonly trainTimesteps: number;
  /** Share of the image's variance left at each timestep, falling, in [0, 1]; abar in the papers. */
  readonly alphasCumprod: Float64Array;
  readonly predictionType: PredictionType;
  /** The last timestep is pure noise (abar is 0 there). */
  readonly zeroTerminalSnr: boolean;
  /** The solver of ours nearest to the scheduler the model ships with. */
  readonly preferredSampler: SamplerName;
  /** Undefined where the file is silent: then each sampler has its own default, as in diffusers. */
  readonly timestepSpacing: TimestepSpacing | undefined;
  /** Added to every timestep of 'leading' spacing. */
  readonly stepsOffset: number;
  /** Whether DDIM's last step goes to abar = 1; otherwise to the abar of timestep 0. */
  readonly setAlphaToOne: boolean;
  /** Whether noise levels follow Karras et al. (arXiv 2206.00364, equation 5). Read by euler and dpm++2m. */
  readonly useKarrasSigmas: boolean;
  /** The noise level after the last step of euler and dpm++2m: none, or that of timestep 0. */
  readonly finalSigmasType: 'zero' | 'sigma_min';
  /** dpm++2m: first-order last step below 15 steps. */
  readonly lowerOrderFinal: boolean;
  /** dpm++2m: first-order last step always. */
  readonly eulerAtFinal: boolean;
  /** dpm++2m: timesteps whose half log-SNR is below this are left out. */
  readonly lambdaMinClipped: number;
  readonly betaSchedule: BetaSchedule | 'trained';
  /** lcm: how many steps the model was distilled from, and what timesteps are multiplied by in its boundary condition. */
  readonly consistency: { readonly originalSteps: number; readonly timestepScaling: number };
  /** Where a run departs from the scheduler the file names, one sentence each; for showing to a person. */
  readonly notes: readonly string[];
}

/**
 * Solver for each scheduler class. The trained betas are the same thing in all of them, so a class we have no solver
 * for gets the nearest deterministic one: PNDM has DDIM's timesteps; the ancestral, linear multistep and Heun kinds
 * step in sigma like Euler; the remaining kinds integrate the same data prediction as DPM-Solver++. Ancestral and SDE
 * kinds lose their added noise.
 */
const SAMPLER_OF_CLASS: ReadonlyMap<string, SamplerName> = new Map([
  ['DDIMScheduler', 'ddim'],
  ['DDIMInverseScheduler', 'ddim'],
  ['DDPMScheduler', 'ddim'],
  ['PNDMScheduler', 'ddim'],
  ['EulerDiscreteScheduler', 'euler'],
  ['EulerAncestralDiscreteScheduler', 'euler'],
  ['HeunDiscreteScheduler', 'euler'],
  ['LMSDiscreteScheduler', 'euler'],
  ['KDPM2DiscreteScheduler', 'euler'],
  ['KDPM2AncestralDiscreteScheduler', 'euler'],
  ['DPMSolverMultistepScheduler', 'dpm++2m'],
  ['DPMSolverSinglestepScheduler', 'dpm++2m'],
  ['DPMSolverSDEScheduler', 'dpm++2m'],
  ['DEISMultistepScheduler', 'dpm++2m'],
  ['UniPCMultistepScheduler', 'dpm++2m'],
  ['LCMScheduler', 'lcm'],
]);

/** The class each solver follows. */
const CLASS_OF_SAMPLER: Readonly<Record<SamplerName, string>> = {
  ddim: 'DDIMScheduler',
  euler: 'EulerDiscreteScheduler',
  'dpm++2m': 'DPMSolverMultistepScheduler',
  lcm: 'LCMScheduler',
};

/** Why the other classes one meets cannot be run. */
const REFUSED_CLASSES: ReadonlyMap<string, string> = new Map([
  ['TCDScheduler', 'is for consistency-distilled models'],
  ['FlowMatchEulerDiscreteScheduler', 'is for flow-matching models'],
  ['FlowMatchHeunDiscreteScheduler', 'is for flow-matching models'],
  ['EDMEulerScheduler', 'is for EDM-preconditioned models'],
  ['EDMDPMSolverMultistepScheduler', 'is for EDM-preconditioned models'],
]);

/** Options that would change the solution and that no solver here has. A value of true is refused. */
const REFUSED_OPTIONS: Readonly<Record<string, string>> = {
  thresholding: 'thresholding suits models of pixels, and latents go past it; set it to false',
  use_exponential_sigmas: 'only the Karras spacing of sigmas is implemented; set it to false',
  use_beta_sigmas: 'only the Karras spacing of sigmas is implemented; set it to false',
  use_lu_lambdas: 'only the Karras spacing of sigmas is implemented; set it to false',
  use_flow_sigmas: 'flow-matching models are not supported',
};

/**
 * Reads the text of a scheduler_config.json. diffusers writes an unbounded number as a bare `-Infinity`
 * (lambda_min_clipped of every DPMSolverMultistepScheduler), which is not JSON, so such words are quoted first.
 *
 * @param name what errors call the file.
 * @throws InputError as parseJson and readSchedule.
 */
export function parseSchedule(text: string, name: string): Schedule {
  const quoted = text.replace(/(:\s*)(-?Infinity|NaN)(?=\s*[,}])/g, '$1"$2"');
  return readSchedule(parseJson(quoted, name), name);
}

/**
 * The schedule a scheduler config describes. Keys it lacks have diffusers' defaults. clip_sample is passed over, with a
 * note when it is true: it suits models of pixels, and diffusers' own Stable Diffusion pipelines turn it off.
 *
 * @param config the parsed file; an unbounded number stands there as its name, '-Infinity'.
 * @throws InputError naming file and key when a value is of the wrong kind or asks for what is not implemented.
 */
export function readSchedule(config: unknown, name: string): Schedule {
  const read = new ConfigReader(config, name);
  const preferredSampler = readSampler(read);
  for (const [key, reason] of Object.entries(REFUSED_OPTIONS)) {
    if (read.boolean(key, false)) throw new InputError(`${name}: "${key}" is true, but ${reason}`);
  }
  read.only('variance_type', [null, 'fixed_small', 'fixed_small_log', 'fixed_large', 'fixed_large_log']);
  read.only('interpolation_type', [null, 'linear']);
  read.only('timestep_type', [null, 'discrete']);
  const useKarrasSigmas = read.boolean('use_karras_sigmas', false);
  if (useKarrasSigmas) {
    // Here sigmas are bounded by the betas alone.
    read.only('sigma_min', [null]);
    read.only('sigma_max', [null]);
  }

  const zeroTerminalSnr = read.boolean('rescale_betas_zero_snr', false);
  const { betas, betaSchedule } = readBetas(config, read);
  const alphasCumprod = cumulativeAlphas(zeroTerminalSnr ? rescaleToZeroTerminalSnr(betas) : betas);
  // Such as a single timestep that is asked to be both the first and the last one.
  if (!alphasCumprod.every((share) => share >= 0 && share <= 1)) {
    throw new InputError(`${name}: its betas make no noise schedule; fetch the model again`);
  }
  return {
    trainTimesteps: betas.length,
    alphasCumprod,
    predictionType: read.oneOf('prediction_type', PREDICTION_TYPES, 'epsilon'),
    zeroTerminalSnr,
    preferredSampler,
    timestepSpacing: read.has('timestep_spacing') ? read.oneOf('timestep_spacing', SPACINGS) : undefined,
    stepsOffset: read.integer('steps_offset', 0),
    setAlphaToOne: read.boolean('set_alpha_to_one', true),
    useKarrasSigmas,
    finalSigmasType: read.oneOf('final_sigmas_type', ['zero', 'sigma_min'], 'zero'),
    lowerOrderFinal: read.boolean('lower_order_final', true),
    eulerAtFinal: read.boolean('euler_at_final', false),
    lambdaMinClipped:
      rawValue(config, 'lambda_min_clipped') === '-Infinity' ? -Infinity : read.number('lambda_min_clipped', -Infinity),
    betaSchedule,
    consistency: {
      originalSteps: read.integer('original_inference_steps', 50, { min: 1, max: betas.length }),
      timestepScaling: read.number('timestep_scaling', 10, { min: 0 }),
    },
    notes: notesOn(read, preferredSampler),
  };
}

function notesOn(read: ConfigReader, sampler: SamplerName): string[] {
  const notes: string[] = [];
  const className = read.text('_class_name');
  if (CLASS_OF_SAMPLER[sampler] !== className) notes.push(`${className} runs as ${sampler}.`);
  if (read.boolean('clip_sample', false)) notes.push('clip_sample is not carried out: latents go past its range.');
  if (sampler === 'dpm++2m') {
    const asked = [
      read.text('algorithm_type', 'dpmsolver++'),
      String(read.integer('solver_order', 2)),
      read.text('solver_type', 'midpoint'),
    ].join(' ');
    if (asked !== 'dpmsolver++ 2 midpoint') notes.push(`${asked} runs as dpmsolver++ 2 midpoint.`);
  }
  return notes;
}

function readSampler(read: ConfigReader): SamplerName {
  const className = read.text('_class_name');
  const sampler = SAMPLER_OF_CLASS.get(className);
  if (sampler) return sampler;
  const reason = REFUSED_CLASSES.get(className) ?? 'is not a scheduler known here';
  const known = [...SAMPLER_OF_CLASS.keys()].join(', ');
  throw new InputError(`${read.name}: "_class_name" ${className} ${reason}; choose a model with one of ${known}`);
}

function readBetas(config: unknown, read: ConfigReader): Pick<Schedule, 'betaSchedule'> & { betas: Float64Array } {
  if (read.has('trained_betas')) {
    const trained = rawValue(config, 'trained_betas');
    const isBeta = (x: unknown): boolean => typeof x === 'number' && x > 0 && x < 1;
    if (!Array.isArray(trained) || trained.length === 0 || !trained.every(isBeta)) {
      throw new InputError(
        `${read.name}: "trained_betas" must be a list of numbers between 0 and 1, not ${showJson(trained)}`,
      );
    }
    if (read.integer('num_train_timesteps', trained.length) !== trained.length) {
      throw new InputError(
        `${read.name}: "num_train_timesteps" must be ${trained.length}, the number of "trained_betas"`,
      );
    }
    return { betas: Float64Array.from(trained as number[], Math.fround), betaSchedule: 'trained' };
  }
  const count = read.integer('num_train_timesteps', 1000, { min: 1, max: 100_000 });
  const start = read.number('beta_start', 0.0001, { min: 0, max: 1 });
  const end = read.number('beta_end', 0.02, { min: 0, max: 1 });
  const betaSchedule = read.oneOf('beta_schedule', ['linear', 'scaled_linear', 'squaredcos_cap_v2'], 'linear');
  return { betas: betasOf(betaSchedule, start, end, count), betaSchedule };
}

/** A value the typed reader has no method for: a list longer than it allows, or a number's name. */
function rawValue(config: unknown, key: string): unknown {
  return isObject(config) ? ownValue(config, key) : undefined;
}

/** Coefficients of a sum of the clean latents and the noise. */
export interface LatentsAndNoise {
  readonly latents: number;
  readonly noise: number;
}

/** The noised latents at a timestep: sqrt(abar) latents + sqrt(1 - abar) noise (Ho et al., arXiv 2006.11239). */
export function noisedLatents(schedule: Schedule, timestep: number): LatentsAndNoise {
  const abar = alphaAt(schedule, timestep);
  return { latents: Math.sqrt(abar), noise: Math.sqrt(1 - abar) };
}

/** What the network is trained to give at a timestep, by the schedule's prediction type. */
export function trainingTarget(schedule: Schedule, timestep: number): LatentsAndNoise {
  const { latents, noise } = noisedLatents(schedule, timestep);
  switch (schedule.predictionType) {
    case 'epsilon':
      return { latents: 0, noise: 1 };
    case 'v_prediction':
      return { latents: -noise, noise: latents };
    case 'sample':
      return { latents: 1, noise: 0 };
  }
}

/** abar of a timestep; throws a RangeError outside the trained ones. */
export function alphaAt(schedule: Schedule, timestep: number): number {
  const abar = schedule.alphasCumprod[timestep];
  if (abar === undefined) {
    throw new RangeError(`timestep ${timestep} is not one of the ${schedule.trainTimesteps} trained ones`);
  }
  return abar;
}
