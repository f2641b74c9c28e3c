/** Runs golden cases: finds them, computes each with the engine, and compares. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { compare, readCase, type GoldenCase, type TensorError } from './case';
import { runLoraGradients, runTrain } from './kinds/training';
import { runText, runUNet, runVae } from './kinds/nets';
import type { HostTensor } from '../../engine/tensor/tensor';

type Run = (golden: GoldenCase) => Promise<ReadonlyMap<string, HostTensor>>;

const KINDS: Readonly<Record<string, Run>> = {
  unet: runUNet,
  text: runText,
  vae: runVae,
  'lora-gradients': runLoraGradients,
  train: runTrain,
};

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

export async function runCase(dir: string): Promise<CaseResult> {
  const golden = await readCase(dir);
  const run = KINDS[golden.kind];
  if (!run) throw new Error(`${dir}: kind ${golden.kind} is not known; docs/golden.md lists the kinds`);
  const errors = compare(golden.expected, await run(golden));
  const passed = errors.length > 0 && errors.every(({ error }) => error <= golden.tolerance);
  return { dir, kind: golden.kind, tolerance: golden.tolerance, errors, passed };
}
