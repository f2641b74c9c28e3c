/** `diptych restyle`: learned styles, or a style that pairs show, applied to images. */
import { join } from 'node:path';
import { CancelledError, DeviceError, InputError } from '../../engine/errors';
import type { GuideMode, PairVerdict, RestyleRequest } from '../../engine/requests';
import { withDetails } from '../terminal/details';
import { encodePng, loadImage, problemOfImage, stemOf } from '../inputs/images';
import type { CommandEngine, Io } from '../io';
import { withEngine, type EngineOptions, type ModelKind } from '../inputs/models';
import { given, strengthPerStyle } from '../options';
import {
  exists,
  KeptElsewhereError,
  prepareFolder,
  refuseExisting,
  refuseInputs,
  writeResult,
  type WriteOptions,
} from '../outputs/output';
import { modelOfPairStyles, refuseIdle } from '../inputs/pair-styles';
import { loadPairs, type PairPaths } from '../inputs/pairs';
import { printable } from '../terminal/printable';
import { duration, ProgressLine } from '../terminal/progress';
import { orCancelled } from '../terminal/signals';
import { reportStyles } from '../inputs/style-files';
import { readStyles, stylePaths, type StyleOptions } from '../inputs/styles';
import type { Kept } from '../supervising/messages';

export interface RestyleOptions extends EngineOptions, StyleOptions {
  readonly size?: number;
  /** Folder for the results, NAME.png each. */
  readonly output: string;
  readonly overwrite?: boolean;
  /** Leave out images whose result is there. */
  readonly skipExisting?: boolean;
  readonly guide?: GuideMode;
  readonly prompt?: string;
  readonly steps?: number;
  readonly start?: number;
  readonly seed?: number;
  readonly force?: boolean;
  /** Pairs that show the style, in place of a style file. */
  readonly pair?: readonly PairPaths[];
}

/** What became of one image. */
type Outcome =
  | {
      readonly input: string;
      readonly output: string;
      readonly width: number;
      readonly height: number;
      readonly seconds: number;
    }
  | { readonly input: string; readonly error: string; readonly kept?: string };

export interface RestyleAnswer {
  /** What --json prints. */
  readonly json: object;
  /** Some images failed: the summary in one line. */
  readonly refusal?: string;
}

/** An image and where its result goes. */
interface Job {
  readonly input: string;
  readonly output: string;
}

/** The styles of a command, read. */
interface Chosen {
  /** The files that show them: none is written over. */
  readonly files: readonly string[];
  readonly kind: ModelKind;
  /** The model that they name, if it is here and the command names none. */
  readonly model?: string;
  readonly styles: RestyleRequest['styles'];
  /** Says, once the engine is open, how much of the styles acts; what --json prints of them. */
  readonly report: (engine: CommandEngine) => Promise<object>;
}

/**
 * @param positional STYLE[,STYLE...] and the images; with `options.pair` the images alone.
 * @param again the command line that does what a cancelled one left undone.
 */
export async function restyleCommand(
  io: Io,
  positional: readonly string[],
  options: RestyleOptions,
  again: string,
): Promise<RestyleAnswer> {
  const [styleText, ...rest] = positional;
  const images = options.pair ? positional : rest;
  if (images.length === 0) throw new InputError(`no image is given; write diptych restyle ${USAGE}`);
  const { files, kind, model, styles, report } = options.pair
    ? await choosePairs(io, options.pair, options)
    : await chooseFiles(io, styleText!, options);
  const write = { overwrite: options.overwrite ?? false };
  await prepareFolder(options.output);
  const { jobs, skipped } = await planJobs(images, files, options);
  const problems = await checkImages(io, jobs);
  for (const { input } of skipped) io.err(`${printable(input)}: skipped, its result is there\n`);

  const work = async (engine: CommandEngine): Promise<RestyleAnswer> => {
    const said = await report(engine);
    const outcomes: Outcome[] = [];
    const batch = new Batch(io, engine, styles, settingsOf(options), write);
    for (const [i, job] of jobs.entries()) {
      const label = labelOf(jobs, i);
      const problem = problems.get(job);
      if (problem !== undefined) {
        outcomes.push({ input: job.input, error: problem });
        continue;
      }
      try {
        outcomes.push(await batch.restyle(job, label));
        io.keep?.(kept(outcomes, jobs, again));
      } catch (error) {
        if (error instanceof CancelledError) throw cancelled(outcomes, jobs, again);
        // With one image there is nothing to go on with.
        if (jobs.length === 1 || !(error instanceof InputError || error instanceof DeviceError)) throw error;
        tellFailure(io, label, job, error.message);
        outcomes.push({
          input: job.input,
          error: error.message,
          ...(error instanceof KeptElsewhereError && { kept: error.kept }),
        });
      }
    }
    const failed = outcomes.filter((outcome) => 'error' in outcome);
    const { model, device } = engine.description;
    const strengths = styles.map(({ strength }) => strength);
    return {
      json: {
        ...said,
        strengths,
        warnings: [...batch.warnings],
        model,
        device,
        results: outcomes,
        skipped: skipped.map(({ input }) => input),
      },
      ...(failed.length > 0 && {
        refusal: `${failed.length} of ${jobs.length} images failed: ${failed.map(({ input }) => input).join(', ')}${failed.length < jobs.length ? '; the others are done' : ''}`,
      }),
    };
  };
  return withEngine(io, { ...(model !== undefined && { model }), ...options }, work, kind);
}

/** How images and what they are restyled with are named. */
export const USAGE = 'STYLE[,STYLE...] IMAGE... -o FOLDER, or: --pair BEFORE AFTER IMAGE... -o FOLDER';

async function chooseFiles(io: Io, text: string, options: RestyleOptions): Promise<Chosen> {
  const files = await stylePaths(text, options.with);
  const styles = await readStyles(files, options.strength);
  const model = await modelOfPairStyles(io, styles, options);
  const report = async (engine: CommandEngine): Promise<object> => ({
    styles: files,
    adapters: await reportStyles(io, engine, styles, options.force),
  });
  return { files, kind: 'diffusion', styles, report, ...given({ model }) };
}

async function choosePairs(io: Io, paths: readonly PairPaths[], options: RestyleOptions): Promise<Chosen> {
  if (options.with) throw new InputError('--with has no meaning with --pair; leave it out');
  refuseIdle(options, '--pair');
  const [strength] = strengthPerStyle(options.strength, 1);
  const { pairs, verdicts } = await loadPairs(io, paths, options.force);
  const said: { pairs: readonly (PairPaths & { pair: PairVerdict })[] } = {
    pairs: paths.map((path, i) => ({ ...path, pair: verdicts[i]! })),
  };
  return {
    files: paths.flatMap(({ before, after }) => [before, after]),
    kind: 'pair',
    styles: [{ name: 'the pair', pairs, strength: strength! }],
    report: async () => said,
  };
}

type Settings = Omit<RestyleRequest, 'image' | 'styles'>;

function settingsOf({ guide, prompt, steps, size, start, seed, force }: RestyleOptions): Settings {
  return given({ guide, prompt, steps, size, start, seed, force });
}

/** What is the same for every image of a command. */
class Batch {
  constructor(
    private readonly io: Io,
    private readonly engine: CommandEngine,
    private readonly styles: RestyleRequest['styles'],
    private readonly settings: Settings,
    private readonly write: WriteOptions,
  ) {}

  /** What was not done as asked. */
  readonly warnings = new Set<string>();

  /** Restyles one image. Errors name it. */
  async restyle({ input, output }: Job, label: string): Promise<Outcome> {
    const { io, engine, styles, settings } = this;
    const started = performance.now();
    const line = new ProgressLine(io, label);
    try {
      const image = await orCancelled(loadImage(input, io.signal), io.signal);
      const result = await engine.restyle(
        { image, styles, ...settings },
        { onProgress: line.update, signal: io.signal },
      );
      await writeResult(output, await encodePng(result), this.write);
      line.end();
      const seconds = (performance.now() - started) / 1000;
      io.err(`${printable(output)}  ${result.width} x ${result.height} px  ${duration(seconds)}\n`);
      return { input, output, width: result.width, height: result.height, seconds };
    } catch (error) {
      if (error instanceof InputError && !error.message.includes(input) && !error.message.includes(output)) {
        throw new InputError(`${input}: ${error.message}`);
      }
      throw error;
    } finally {
      line.end();
      for (const warning of line.warnings) this.warnings.add(warning);
    }
  }
}

function cancelled(outcomes: readonly Outcome[], jobs: readonly Job[], again: string): CancelledError {
  const { text, hint, json } = kept(outcomes, jobs, again);
  const error = new CancelledError(`cancelled; ${text}`);
  return outcomes.length === 0 ? error : withDetails(error, { hint, json });
}

/** What a command that is over before its end leaves. */
function kept(outcomes: readonly Outcome[], jobs: readonly Job[], again: string): Required<Omit<Kept, 'file'>> {
  const done = outcomes.filter((outcome) => !('error' in outcome));
  return {
    text: `${done.length} of ${jobs.length} images are done`,
    hint: `To go on:\n  ${again}`,
    json: { results: outcomes, resume: again },
  };
}

/** Where each image goes. Everything that can be wrong with the names is found before any work. */
async function planJobs(
  images: readonly string[],
  styleFiles: readonly string[],
  { output: folder, overwrite = false, skipExisting = false }: RestyleOptions,
): Promise<{ jobs: Job[]; skipped: Job[] }> {
  const inputs = [...images, ...styleFiles];
  const taken = new Map<string, string>();
  const jobs: Job[] = [];
  const skipped: Job[] = [];
  for (const input of images) {
    const output = join(folder, `${stemOf(input)}.png`);
    // Some file systems do not tell upper from lower case.
    const other = taken.get(output.toLowerCase());
    if (other !== undefined) {
      throw new InputError(`${other} and ${input} would both be written to ${output}; restyle them into two folders`);
    }
    taken.set(output.toLowerCase(), input);
    await refuseInputs(output, inputs);
    (skipExisting && (await exists(output)) ? skipped : jobs).push({ input, output });
  }
  await refuseExisting(
    jobs.map(({ output }) => output),
    { overwrite },
  );
  return { jobs, skipped };
}

/** How a job is called on the terminal. */
function labelOf(jobs: readonly Job[], i: number): string {
  return jobs.length === 1 ? jobs[i]!.input : `${i + 1}/${jobs.length} ${jobs[i]!.input}`;
}

/** Errors name the image, and so does the label. */
function tellFailure(io: Io, label: string, { input }: Job, message: string): void {
  const reason = message.startsWith(`${input}: `) ? message.slice(input.length + 2) : message;
  io.err(`${printable(label)}: failed: ${printable(reason)}\n`);
}

/**
 * Decodes every image once, before hours of work, and says at once which cannot be: they fail, the others are done.
 * Throws an InputError when none can be decoded, or one is not there.
 */
async function checkImages(io: Io, jobs: readonly Job[]): Promise<ReadonlyMap<Job, string>> {
  const problems = new Map<Job, string>();
  for (const job of jobs) {
    const problem = await orCancelled(problemOfImage(job.input, io.signal), io.signal);
    if (problem !== undefined) problems.set(job, problem);
  }
  if (problems.size > 0 && problems.size === jobs.length) {
    const lines = [...problems.values()];
    if (lines.length === 1) throw new InputError(lines[0]!);
    const rest = lines.length > 3 ? ` | and ${lines.length - 3} more` : '';
    throw new InputError(`none of ${lines.length} images can be used: ${lines.slice(0, 3).join(' | ')}${rest}`);
  }
  for (const [i, job] of jobs.entries()) {
    const problem = problems.get(job);
    if (problem !== undefined) tellFailure(io, labelOf(jobs, i), job, problem);
  }
  return problems;
}
