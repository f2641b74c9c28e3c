/** `diptych learn`: a style from one pair of images. */
import { rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CancelledError, InputError } from '../../engine/errors';
import { checkPair } from '../../engine/learn/pair-check';
import type { LearnMode, LearnRequest, LearnResult, Progress } from '../../engine/requests';
import { CheckpointFile } from '../outputs/checkpoint-file';
import { withDetails } from '../terminal/details';
import { readBytes } from '../inputs/files';
import { loadImage, stemOf } from '../inputs/images';
import type { CommandEngine, Io } from '../io';
import { withLock } from '../outputs/lock';
import { withEngine, type EngineOptions } from '../inputs/models';
import { given } from '../options';
import {
  exists,
  KeptElsewhereError,
  prepareOutput,
  writeResult,
  writeWhole,
  type WriteOptions,
} from '../outputs/output';
import { loadPairs, type PairPaths } from '../inputs/pairs';
import { duration, ProgressLine } from '../terminal/progress';
import { orCancelled } from '../terminal/signals';
import type { Kept } from '../supervising/messages';

export interface LearnOptions extends EngineOptions {
  readonly size?: number;
  readonly output: string;
  readonly overwrite?: boolean;
  readonly prompt?: string;
  readonly style?: string;
  readonly steps?: number;
  readonly contentSteps?: number;
  readonly rank?: number;
  readonly lr?: number;
  readonly seed?: number;
  readonly mode?: LearnMode;
  readonly resume?: boolean;
  readonly force?: boolean;
  readonly keys?: 'peft' | 'kohya';
  /** Pairs of the same style beside the first. */
  readonly pair?: readonly PairPaths[];
}

/** A run that is killed loses at most this many steps, and no more than this time and a step. */
const CHECKPOINT_EVERY = 50;
const CHECKPOINT_SECONDS = 60;

/**
 * @param again the command line that takes the run up again, as it would be typed.
 * @returns what --json prints.
 */
export async function learnCommand(
  io: Io,
  before: string,
  after: string,
  options: LearnOptions,
  again: string,
): Promise<object> {
  const more = (options.pair ?? []).flatMap((pair) => [pair.before, pair.after]);
  await prepareOutput(options.output, '.safetensors', [before, after, ...more], writeOptions(options));
  return withLock(options.output, () => learnLocked(io, before, after, options, again));
}

function writeOptions({ overwrite = false }: LearnOptions): WriteOptions {
  return { overwrite };
}

async function learnLocked(
  io: Io,
  before: string,
  after: string,
  options: LearnOptions,
  again: string,
): Promise<object> {
  const path = `${options.output}.checkpoint`;
  const resume = await readCheckpoint(path, options);
  const images = {
    before: await orCancelled(loadImage(before, io.signal), io.signal),
    after: await orCancelled(loadImage(after, io.signal), io.signal),
  };
  const verdict = checkPair(images.before, images.after);
  if (!verdict.usable && !options.force) {
    throw new InputError(`${before} and ${after}: ${verdict.verdict} Or learn anyway with --force.`);
  }
  if (verdict.problems.length > 0) io.err(`note: ${verdict.verdict}\n`);

  const { pairs: morePairs } = await loadPairs(io, options.pair ?? [], options.force);
  const request: LearnRequest = {
    ...images,
    ...(morePairs.length > 0 && { morePairs }),
    ...given({
      steps: options.steps,
      contentSteps: options.contentSteps,
      rank: options.rank,
      learningRate: options.lr,
      size: options.size,
      seed: options.seed,
      mode: options.mode,
      force: options.force,
    }),
    prompt: options.prompt ?? '',
    style: options.style ?? stemOf(options.output),
    checkpointEvery: CHECKPOINT_EVERY,
    checkpointSeconds: CHECKPOINT_SECONDS,
    ...(options.keys && { file: { keys: options.keys } }),
    ...(resume && { resume }),
  };
  return withEngine(io, options, async (engine) => {
    const line = new ProgressLine(io);
    const keep = (): void => io.keep?.({ ...keptRun(path, again), file: resolve(path) });
    // Now, as the process may be ended just after its first checkpoint; not for one that is to be replaced.
    if (resume || !options.overwrite) keep();
    const checkpoint = new CheckpointFile(path, line.note, undefined, keep);
    const result = await learnWithCheckpoints(io, engine, request, line, checkpoint, again);
    await saveStyle(options, result.style, checkpoint, again);
    await checkpoint.remove({ always: true });
    io.err(
      result.steps > 0
        ? `learned in ${duration(result.seconds)}\n`
        : `kept ${1 + morePairs.length === 1 ? 'the pair' : `${1 + morePairs.length} pairs`}: this model reads it and was not trained on it\n`,
    );
    const { model, device } = engine.description;
    return {
      output: options.output,
      style: request.style,
      prompt: request.prompt,
      model,
      device,
      steps: result.steps,
      seconds: result.seconds,
      pair: verdict,
      losses: result.losses,
      warnings: line.warnings,
    };
  });
}

/** The checkpoint that the run goes on from. Throws an InputError when there is none, or one that was not asked for. */
async function readCheckpoint(path: string, { resume, overwrite }: LearnOptions): Promise<Uint8Array | undefined> {
  const there = await exists(path);
  if (resume) {
    if (!there) throw new InputError(`--resume: there is no checkpoint ${path}; learn without --resume`);
    return readBytes(path);
  }
  if (there && !overwrite) {
    throw new InputError(
      `${path}: an unfinished run is kept there; go on with --resume, choose another -o, or start over with --overwrite`,
    );
  }
  return undefined;
}

/** Learns, keeping the last checkpoint on disk; on cancel says how to go on. */
async function learnWithCheckpoints(
  io: Io,
  engine: CommandEngine,
  request: LearnRequest,
  line: ProgressLine,
  checkpoint: CheckpointFile,
  again: string,
): Promise<LearnResult> {
  const onProgress = (progress: Progress): void => {
    line.update(progress);
    if (progress.checkpoint) checkpoint.put(progress.checkpoint);
  };
  try {
    return await engine.learn(request, { onProgress, signal: io.signal });
  } catch (error) {
    // A run that diverged would diverge again from its checkpoint.
    if (error instanceof InputError) await checkpoint.remove({ always: false });
    if (!(error instanceof CancelledError)) throw error;
    throw await savedAndCancelled(error, checkpoint, again);
  } finally {
    line.end();
  }
}

/** What a run that is over before its end leaves. */
function keptRun(path: string, again: string): Required<Omit<Kept, 'file'>> {
  return {
    text: `saved up to its last checkpoint, ${path}`,
    hint: `To go on:\n  ${again}`,
    json: { checkpoint: path, resume: again },
  };
}

async function savedAndCancelled(
  { message }: CancelledError,
  checkpoint: CheckpointFile,
  again: string,
): Promise<CancelledError> {
  const saved = await checkpoint.save();
  if (!saved) {
    const { problem } = checkpoint;
    return new CancelledError(problem ? `${message}, and lost: ${problem}` : 'cancelled; nothing was learned yet');
  }
  const { hint, json } = keptRun(saved.path, again);
  if (saved.elsewhere === undefined) {
    return withDetails(new CancelledError(`${message}; saved in ${saved.path}`), { hint, json });
  }
  return withDetails(
    new CancelledError(`${message}; saved in ${saved.path} (${saved.elsewhere}); move it to ${checkpoint.path}`),
    { hint, json },
  );
}

/** Writes the style; a checkpoint that fills the disk makes room for it. */
async function saveStyle(
  options: LearnOptions,
  style: Uint8Array,
  checkpoint: CheckpointFile,
  again: string,
): Promise<void> {
  const write = writeOptions(options);
  try {
    await writeResult(options.output, style, write);
  } catch (error) {
    if (!(error instanceof KeptElsewhereError)) {
      const saved = error instanceof Error && (await checkpoint.save());
      throw saved ? withDetails(error, { hint: `The run is kept in ${saved.path}. To go on:\n  ${again}` }) : error;
    }
    await checkpoint.remove({ always: true });
    try {
      await writeWhole(options.output, style, write);
    } catch {
      throw error;
    }
    await rm(dirname(error.kept), { recursive: true, force: true });
  }
}
