/** Runs golden cases: finds them, computes each with the engine, and compares. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compare, readCase, type GoldenCase, type TensorError } from './case';
import { runText, runUNet, runVae } from './kinds/nets';
import { runAreaNet, runAreas, runClosedForm, runPair, runPairGradients } from './kinds/pair';
import { runPipeline } from './kinds/pipeline';
import { runGuided, runInversion, runLoraFile } from './kinds/sampling';
import { runLoraGradients, runTrain } from './kinds/training';
import { runSchedulerCase } from './run-scheduler';
import type { HostTensor } from '../../engine/tensor/tensor';

const computed =
  (run: (golden: GoldenCase) => Promise<ReadonlyMap<string, HostTensor>>) =>
  async (dir: string): Promise<TensorError[]> => {
    const golden = await readCase(dir);
    return compare(golden.expected, await run(golden));
  };

const KINDS: ReadonlyMap<string, (dir: string) => Promise<TensorError[]>> = new Map([
  ['unet', computed(runUNet)],
  ['text', computed(runText)],
  ['vae', computed(runVae)],
  ['scheduler', runSchedulerCase],
  ['lora-gradients', computed(runLoraGradients)],
  ['train', computed(runTrain)],
  ['guided', computed(runGuided)],
  ['inversion', computed(runInversion)],
  ['lora-file', computed(runLoraFile)],
  ['pipeline', computed(runPipeline)],
  ['pair', computed(runPair)],
  ['pair-gradients', computed(runPairGradients)],
  ['pair-closed-form', computed(runClosedForm)],
  ['pair-areas', computed(runAreas)],
  ['pair-area-net', computed(runAreaNet)],
]);

export interface CaseResult {
  readonly dir: string;
  readonly kind: string;
  readonly tolerance: number;
  readonly errors: readonly TensorError[];
  readonly passed: boolean;
}

/** Every folder at any depth under `dir` that holds a case.json, in order of name. */
export async function findCases(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  if (entries.some((entry) => entry.name === 'case.json')) return [dir];
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => join(dir, entry.name));
  return (await Promise.all(folders.sort().map(findCases))).flat();
}

/** Runs one case. Throws an Error naming the folder when it is not a case of a known kind. */
export async function runCase(dir: string): Promise<CaseResult> {
  const { kind, tolerance } = await readCase(dir);
  const run = KINDS.get(kind);
  if (!run) throw new Error(`${dir}: kind ${kind} is not one of ${[...KINDS.keys()].join(', ')}; see docs/golden.md`);
  const errors = await run(dir);
  const passed = errors.length > 0 && errors.every(({ error }) => error <= tolerance);
  return { dir, kind, tolerance, errors, passed };
}
