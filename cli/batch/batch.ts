/** `diptych batch`: many pictures, on this machine or through a queue. */
import { resolve } from 'node:path';
import { InputError } from '../../engine/errors';
import type { GuideMode } from '../../engine/requests';
import { runEmbedded } from '../../batch/embedded';
import { findInputs, foldersOf } from '../../batch/inputs';
import { sha256, type BatchSpec, type RestyleSettings, type StyleReference } from '../../batch/job';
import { Journal } from '../../batch/journal';
import { planSlots } from '../../batch/machine';
import { prepareOwnFolder } from '../../batch/output';
import { planOutputs, surveyOutputs, type PlannedInput, type Survey } from '../../batch/plan';
import { BatchProgress } from '../../batch/progress';
import { Rate } from '../../batch/rate';
import { SlotPool } from '../../batch/slot/pool';
import { pictures, secondsLeft } from '../../batch/status';
import { openBatchModel } from './model';
import { onEnding } from '../terminal/ending';
import type { Io } from '../io';
import { lockOutput } from '../outputs/lock';
import { localFolder, type EngineOptions } from '../inputs/models';
import { given, strengthPerStyle } from '../options';
import { prepareFolder } from '../outputs/output';
import { modelOfPairStyles } from '../inputs/pair-styles';
import { printableJson } from '../terminal/printable';
import { duration } from '../terminal/progress';
import { orCancelled } from '../terminal/signals';
import { readStyleFile } from '../inputs/style-files';
import { builtFile } from '../terminal/system-errors';

export interface BatchOptions extends EngineOptions {
  /** Folder for the results. */
  readonly output?: string;
  readonly with?: readonly string[];
  /** One entry for each output of a picture. */
  readonly strength?: readonly (readonly number[])[];
  readonly guide?: GuideMode;
  readonly prompt?: string;
  readonly steps?: number;
  readonly start?: number;
  readonly size?: number;
  readonly seed?: number;
  readonly force?: boolean;
  readonly name?: string;
  /** Pictures in work at once on this machine. */
  readonly concurrency?: number;
  readonly overwrite?: boolean;
  /** Pictures and results go through the queue. */
  readonly transfer?: boolean;
  readonly json?: boolean;
}

/** What a batch came to. */
export interface BatchSummary {
  readonly name: string;
  readonly output: string;
  readonly total: number;
  /** Those that were there before included. */
  readonly done: number;
  readonly failed: number;
}

/** A batch as it was asked for, with its folder made and its styles read. */
export interface AskedBatch {
  readonly spec: BatchSpec;
  /** Style files by their SHA-256. */
  readonly styles: ReadonlyMap<string, Uint8Array>;
  readonly planned: readonly PlannedInput[];
  /** Where the model lies on this machine; left out for the one that comes with Diptych. */
  readonly modelPath?: string;
  /** Size of the model's weight files. */
  readonly weightBytes: number;
}

/** The same compared with what is there. */
export interface PreparedBatch extends AskedBatch {
  readonly survey: Survey;
  readonly total: number;
}

/** The batch on this machine. */
export async function batchCommand(
  io: Io,
  style: string,
  sources: readonly string[],
  options: BatchOptions,
): Promise<BatchSummary> {
  const asked = await readBatch(io, style, sources, options);
  const lock = await lockOutput(asked.spec.output);
  try {
    return await runHere(io, await surveyBatch(io, asked), options);
  } finally {
    await lock.release();
  }
}

async function runHere(io: Io, batch: PreparedBatch, options: BatchOptions): Promise<BatchSummary> {
  const { spec, survey, total } = batch;
  const summary = { name: spec.name, output: spec.output, total, done: survey.done.length, failed: 0 };
  emit(io, options, { event: 'start', ...summary });
  describeStart(io, batch);
  if (survey.jobs.length === 0) return summary;

  const { concurrency: asked, threads, device } = options;
  const plan = planSlots(batch.weightBytes, {
    slots: asked,
    threads,
    pictures: survey.jobs.length,
    ...given({ device }),
  });
  io.err(`${plan.slots} at once, ${plan.threads} ${plan.threads === 1 ? 'thread' : 'threads'} each (${plan.reason})\n`);
  const pool = new SlotPool(plan.slots, {
    program: slotProgram(io),
    engine: given({ model: batch.modelPath, device: options.device, threads: plan.threads }),
  });
  const forget = onEnding(() => pool.killNow());
  const bar = new BatchProgress(io.err, io.interactive, duration);
  try {
    const checked = pool.check(
      spec.styles.map(({ path, sha }) => ({ name: path, sha })),
      batch.styles,
      spec.settings.force,
    );
    await orCancelled(checked, io.signal);
    const journal = await Journal.start(spec, survey.done, total);
    const rate = new Rate(Date.now());
    let { done, failed } = summary;
    const show = (): void => {
      const perSecond = rate.perSecond(Date.now());
      bar.update({ done, failed, total, perSecond, secondsLeft: secondsLeft(total - done - failed, perSecond) });
    };
    show();
    const result = await runEmbedded(spec, survey.jobs, pool, batch.styles, journal, {
      signal: io.signal,
      onDone: ({ input, outputs }, { seconds, engineSeconds }) => {
        done++;
        rate.add(Date.now());
        show();
        emit(io, options, { event: 'done', input, outputs: outputs.map(({ path }) => path), seconds, engineSeconds });
      },
      onFailed: ({ input }, reason, tries, again) => {
        if (!again) {
          failed++;
          bar.end();
          io.err(`failed: ${reason}\n`);
          show();
        }
        emit(io, options, { event: again ? 'retry' : 'failed', input, reason, tries });
      },
    });
    bar.end();
    await noteReplacedStyles(io, spec.styles);
    return { ...summary, done: summary.done + result.done, failed: result.failed };
  } finally {
    bar.end();
    await pool.kill();
    forget();
  }
}

/** Everything that can be wrong with a batch's names and settings is found here, before any picture is read. */
export async function readBatch(
  io: Io,
  style: string,
  sources: readonly string[],
  options: BatchOptions,
): Promise<AskedBatch> {
  if (options.output === undefined) throw new InputError('-o DIR is missing: the folder for the results');
  if (sources.length === 0) throw new InputError('no pictures are given; name a folder, a pattern, a list or -');
  const paths = [style, ...(options.with ?? [])];
  const files = await Promise.all(paths.map((path) => readStyleFile(path)));
  const styles = paths.map((path, i): StyleReference => ({ path: resolve(path), sha: sha256(files[i]!) }));
  const strengths = (options.strength ?? [undefined]).map((values) => strengthPerStyle(values, styles.length));
  const settings: RestyleSettings = given({
    guide: options.guide,
    prompt: options.prompt,
    steps: options.steps,
    start: options.start,
    size: options.size,
    seed: options.seed,
    force: options.force,
  });
  const named = paths.map((name, i) => ({ name, file: files[i]! }));
  const pairModel = await modelOfPairStyles(io, named, settings);
  const { folder, path: modelPath } = await localFolder(io, options.model ?? pairModel);
  const model = await openBatchModel(folder, io.signal);
  model.checkSize(options.size);
  const output = resolve(options.output);
  const inputs = await findInputs(sources, output, readStandardInput);
  const spec: BatchSpec = {
    name: options.name ?? batchName(output, styles, settings, strengths),
    version: io.version,
    model: { name: model.name, fingerprint: model.fingerprint },
    styles,
    settings,
    strengths,
    inputs: foldersOf(inputs),
    output,
    overwrite: options.overwrite ?? false,
    ...(options.transfer && { transfer: true }),
    created: Date.now(),
  };
  const planned = await planOutputs(inputs, spec);
  await prepareFolder(output);
  await prepareOwnFolder(output);
  return {
    spec,
    styles: new Map(styles.map(({ sha }, i) => [sha, files[i]!])),
    planned,
    ...given({ modelPath }),
    weightBytes: model.weightBytes,
  };
}

/** Compares a batch with what is there. */
export async function surveyBatch(io: Io, asked: AskedBatch): Promise<PreparedBatch> {
  const { spec, planned } = asked;
  const total = planned.length;
  const bar = new BatchProgress(io.err, io.interactive, duration);
  try {
    const survey = await surveyOutputs(spec, planned, {
      signal: io.signal,
      // A short look needs no bar.
      ...(total > 200 && { onProgress: (done) => bar.update({ done, failed: 0, total }) }),
    });
    return { ...asked, survey, total };
  } finally {
    bar.end();
  }
}

export function describeStart(io: Io, { spec, survey, total }: PreparedBatch): void {
  const there = survey.done.length;
  const parts = [pictures(total)];
  if (there > 0) parts.push(`${there} done already`);
  if (survey.changed > 0) parts.push(`${survey.changed} to be made again, for style, settings or input changed`);
  io.err(`batch ${spec.name}: ${parts.join(', ')}\n`);
}

/** The same command gives the same name, so that it goes on with the same batch. */
function batchName(
  output: string,
  styles: readonly StyleReference[],
  settings: RestyleSettings,
  strengths: readonly (readonly number[])[],
): string {
  const digest = sha256(JSON.stringify([output, styles.map(({ sha }) => sha), settings, strengths])).slice(0, 6);
  const word = output
    .split(/[\\/]/)
    .at(-1)!
    .replace(/[^\w.-]+/g, '-')
    .slice(0, 40);
  return `${word || 'batch'}-${digest}`;
}

async function noteReplacedStyles(io: Io, styles: readonly StyleReference[]): Promise<void> {
  for (const { path, sha } of styles) {
    const now = await readStyleFile(path).then(sha256, () => undefined);
    if (now === sha) continue;
    io.err(`note: ${path} was replaced or removed meanwhile; all results are of the file as it was at the start\n`);
  }
}

export function slotProgram(io: Io): string {
  return builtFile(io.root, 'dist/cli/batch-slot.mjs');
}

async function readStandardInput(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk as string;
  return text;
}

/** One line of JSON for programs. */
export function emit(io: Io, options: { readonly json?: boolean }, event: object): void {
  if (options.json) io.out(`${printableJson(event)}\n`);
}
