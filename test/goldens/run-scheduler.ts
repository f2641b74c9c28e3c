/** Golden cases of kind `scheduler` (docs/golden.md): the engine's plans, carried out in double precision. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SAMPLERS } from '../../engine/diffusion/samplers/samplers';
import { noisedLatents, parseSchedule, type Schedule } from '../../engine/diffusion/schedule';
import { openSafetensors, readFloats } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import { runPlan } from '../support/run-plan';

export interface TensorError {
  readonly tensor: string;
  /** max |got - expected| / max |expected|; infinite when the engine has no such tensor or another size. */
  readonly error: number;
}

interface SchedulerCase {
  readonly kind: string;
  readonly inputs: string;
  readonly expected: string;
  readonly scheduler: string;
  readonly parameters: { readonly task: 'trajectory'; readonly steps: number } | { readonly task: 'add_noise' };
}

type Tensors = Map<string, ArrayLike<number>>;

/** Runs the case in a folder; one entry per expected tensor. Throws when the folder is not such a case. */
export async function runSchedulerCase(dir: string): Promise<TensorError[]> {
  const golden = JSON.parse(await readFile(join(dir, 'case.json'), 'utf8')) as SchedulerCase;
  if (golden.kind !== 'scheduler') throw new Error(`${dir} is a case of kind ${golden.kind}`);
  const file = join(dir, golden.scheduler, 'scheduler_config.json');
  const schedule = parseSchedule(await readFile(file, 'utf8'), file);
  const inputs = await readTensors(join(dir, golden.inputs));
  const got =
    golden.parameters.task === 'trajectory'
      ? trajectory(schedule, golden.parameters.steps, inputs)
      : addNoise(schedule, inputs);
  const expected = await readTensors(join(dir, golden.expected));
  return [...expected].map(([tensor, numbers]) => ({ tensor, error: relativeError(got.get(tensor), numbers) }));
}

function trajectory(schedule: Schedule, steps: number, given: Tensors): Tensors {
  const plan = SAMPLERS[schedule.preferredSampler](schedule, steps);
  const noise = Array.from(given.get('noise')!);
  const { inputs, samples } = runPlan(plan, noise, (i) => Array.from(given.get(`model_outputs.${i}`)!));
  return new Map<string, ArrayLike<number>>([
    ['alphas_cumprod', schedule.alphasCumprod],
    ['timesteps', plan.steps.map((step) => step.timestep)],
    ['initial_sample', noise.map((x) => x * plan.initialNoiseScale)],
    ...inputs.map((input, i) => [`model_inputs.${i}`, input] as const),
    ...samples.map((sample, i) => [`samples.${i}`, sample] as const),
  ]);
}

function addNoise(schedule: Schedule, given: Tensors): Tensors {
  const [sample, noise, timestep] = ['sample', 'noise', 'timestep'].map((name) => Array.from(given.get(name)!));
  const perRow = sample!.length / timestep!.length;
  const coefficients = timestep!.map((t) => noisedLatents(schedule, t));
  const at = (k: number): { latents: number; noise: number } => coefficients[Math.floor(k / perRow)]!;
  return new Map([
    ['noisy', sample!.map((x, k) => at(k).latents * x + at(k).noise * noise![k]!)],
    ['velocity', sample!.map((x, k) => at(k).latents * noise![k]! - at(k).noise * x)],
  ]);
}

async function readTensors(path: string): Promise<Tensors> {
  const file = await openSafetensors(bytesSource(path, new Uint8Array(await readFile(path))));
  const tensors: Tensors = new Map();
  for (const name of file.tensors.keys()) tensors.set(name, await readFloats(file, name));
  return tensors;
}

function relativeError(got: ArrayLike<number> | undefined, expected: ArrayLike<number>): number {
  if (got?.length !== expected.length) return Infinity;
  let [largest, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(got[i]! - expected[i]!);
    if (Number.isNaN(difference)) return Infinity;
    largest = Math.max(largest, difference);
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return scale > 0 ? largest / scale : largest;
}
