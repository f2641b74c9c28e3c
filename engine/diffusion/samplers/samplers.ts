/** The samplers by name. */
import type { SamplerName } from '../schedule';
import { ddim } from './ddim';
import { dpmSolverPlusPlus2M } from './dpm-solver-plus-plus-2m';
import { euler } from './euler';
import { lcm } from './lcm';
import type { Sampler } from './plan';

export const SAMPLERS: Readonly<Record<SamplerName, Sampler>> = {
  ddim,
  euler,
  'dpm++2m': dpmSolverPlusPlus2M,
  lcm,
};
