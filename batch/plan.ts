/** From input files to jobs: where each output goes, what is there already, and what is still to be made. */
import { createReadStream } from 'node:fs';
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { dirname, extname, join, basename } from 'node:path';
import { InputError, throwIfCancelled } from '../engine/errors';
import { messageOf } from '../engine/weights/source';
import type { InputFile } from './inputs';
import { jobKey, outputId, type BatchJob, type BatchSpec } from './job';
import { findOutput } from './mark';

/** An input and its outputs, before anything is read. */
export interface PlannedInput {
  readonly path: string;
  readonly outputs: readonly { readonly path: string; readonly strengths: readonly number[] }[];
}

/**
 * Where every output goes: the input's place under DIR, as NAME.png, or NAME-STRENGTH.png where there are several.
 *
 * @throws InputError when two inputs would write one file, or an output would replace an input.
 */
export async function planOutputs(
  inputs: readonly InputFile[],
  { output, strengths }: Pick<BatchSpec, 'output' | 'strengths'>,
): Promise<PlannedInput[]> {
  const planned = inputs.map(({ path, place }) => ({
    path,
    outputs: strengths.map((values) => ({
      path: join(output, outputPlace(place, values, strengths)),
      strengths: values,
    })),
  }));
  // Some file systems do not tell upper from lower case.
  const writers = new Map<string, string>();
  for (const input of planned) {
    for (const { path } of input.outputs) {
      const other = writers.get(path.toLowerCase());
      if (other !== undefined) {
        throw new InputError(
          `${other} and ${input.path} would both be written to ${path}; put them into two batches or rename one`,
        );
      }
      writers.set(path.toLowerCase(), input.path);
    }
  }
  refuseNested(planned, output, writers);
  await refuseInputs(planned);
  return planned;
}

/** A folder a.png beside a picture a.jpg: the result of one would stand where the other's folder has to be. */
function refuseNested(planned: readonly PlannedInput[], output: string, writers: ReadonlyMap<string, string>): void {
  const sound = new Set([output]);
  for (const input of planned) {
    for (const { path } of input.outputs) {
      for (let folder = dirname(path); !sound.has(folder); folder = dirname(folder)) {
        const other = writers.get(folder.toLowerCase());
        if (other !== undefined) {
          throw new InputError(
            `${other} would be written to ${folder}, which is the folder of ${path}; put them into two batches or rename one`,
          );
        }
        sound.add(folder);
      }
    }
  }
}

function outputPlace(place: string, values: readonly number[], all: readonly (readonly number[])[]): string {
  const stem = basename(place, extname(place));
  const same = values.every((value) => value === values[0]);
  const suffix = all.length === 1 ? '' : `-${same ? values[0] : values.join('+')}`;
  return join(dirname(place), `${stem}${suffix}.png`);
}

/** An input may also be an output's file under another name, through a link. */
async function refuseInputs(planned: readonly PlannedInput[]): Promise<void> {
  const identity = async (path: string): Promise<string | undefined> => {
    const info = await stat(path).catch(() => undefined);
    return info && `${info.dev}:${info.ino}`;
  };
  const inputs = new Map<string, string>();
  await eachOf(planned, async ({ path }) => {
    const id = await identity(path);
    if (id !== undefined) inputs.set(id, path);
  });
  await eachOf(
    planned.flatMap(({ outputs }) => outputs),
    async ({ path }) => {
      const input = inputs.get((await identity(path)) ?? '');
      if (input !== undefined) throw new InputError(`${path}: would overwrite the input ${input}; choose another -o`);
    },
  );
}

export interface Survey {
  /** Inputs with an output that is missing or changed; the others of that input are left as they are. */
  readonly jobs: readonly BatchJob[];
  /** Inputs with every output there already. */
  readonly done: readonly BatchJob[];
  /** Outputs that are there from an earlier batch and will be replaced, for style, settings or input changed. */
  readonly changed: number;
}

/**
 * Reads every input once and compares the outputs that are there with what the batch would make.
 *
 * @throws InputError when an output's place is taken by a file that no batch made, and it may not be replaced.
 */
export async function surveyOutputs(
  spec: BatchSpec,
  planned: readonly PlannedInput[],
  hooks: { readonly onProgress?: (done: number) => void; readonly signal?: AbortSignal } = {},
): Promise<Survey> {
  const found: { readonly all: BatchJob; readonly whole: boolean }[] = [];
  const foreign: string[] = [];
  let changed = 0;
  let seen = 0;
  await eachOf(planned, async (input, i) => {
    throwIfCancelled(hooks.signal);
    const inputSha = await hashFile(input.path);
    const outputs = input.outputs.map(({ path, strengths }) => ({
      path,
      id: outputId(spec, inputSha, strengths),
      strengths,
    }));
    let whole = true;
    for (const output of outputs) {
      const there = await findOutput(output.path, output.id);
      if (there === 'foreign' && !spec.overwrite) foreign.push(output.path);
      if (there === 'other') changed++;
      if (there !== 'same') whole = false;
    }
    found[i] = { all: { key: jobKey(outputs), input: input.path, inputSha, outputs }, whole };
    hooks.onProgress?.(++seen);
  });
  if (foreign.length > 0) {
    const more = foreign.length > 1 ? ` and ${foreign.length - 1} more files` : '';
    const [was, it] = foreign.length === 1 ? ['was', 'it'] : ['were', 'them'];
    throw new InputError(
      `${foreign.sort()[0]}${more} ${was} there before and not made by a batch; choose another -o, or replace ${it} with --overwrite`,
    );
  }
  const jobs = (whole: boolean): BatchJob[] => found.filter((entry) => entry.whole === whole).map(({ all }) => all);
  return { jobs: jobs(false), done: jobs(true), changed };
}

/** The survey after some work: of its jobs those that are whole now are done. Inputs are not read again. */
export async function surveyAgain(survey: Survey): Promise<Survey> {
  const whole: boolean[] = [];
  await eachOf(survey.jobs, async (job, i) => {
    const found = await Promise.all(job.outputs.map(({ path, id }) => findOutput(path, id)));
    whole[i] = found.every((there) => there === 'same');
  });
  const those = (done: boolean): BatchJob[] => survey.jobs.filter((_, i) => whole[i] === done);
  return { jobs: those(false), done: [...survey.done, ...those(true)], changed: 0 };
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  } catch (error) {
    throw new InputError(`${path}: cannot be read (${messageOf(error)}); check the file or leave it out`);
  }
  return hash.digest('hex');
}

/** Files read at once: enough to keep a network disk busy. */
const AT_ONCE = 16;

/** Runs `work` on every item, a few at a time; the first error ends it. */
async function eachOf<T>(items: readonly T[], work: (item: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++;
      await work(items[i]!, i);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, runner));
}
