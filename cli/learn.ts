/** `diptych learn`: a style from one pair of images. */
import { access, rm } from 'node:fs/promises';
import { CancelledError, InputError } from '../engine/errors';
import { checkPair } from '../engine/learn/pair-check';
import type { LearnMode, LearnRequest, LearnResult, Progress } from '../engine/requests';
import { readBytes } from './files';
import { loadImage, stemOf } from './images';
import type { CommandEngine, Io } from './io';
import { withEngine, type EngineOptions } from './models';
import { given } from './options';
import { prepareOutput, writeResult, writeWhole } from './output';
import { duration, ProgressLine } from './progress';

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
}

/** A run that is killed loses at most this many steps. */
const CHECKPOINT_EVERY = 50;

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
  const checkpoint = `${options.output}.checkpoint`;
  const write = { overwrite: options.overwrite ?? false };
  await prepareOutput(options.output, '.safetensors', [before, after], write);
  const images = { before: await loadImage(before, io.signal), after: await loadImage(after, io.signal) };
  const verdict = checkPair(images.before, images.after);
  if (!verdict.usable && !options.force) {
    throw new InputError(`${before} and ${after}: ${verdict.verdict} Or learn anyway with --force.`);
  }
  if (verdict.problems.length > 0) io.err(`note: ${verdict.verdict}\n`);

  const request: LearnRequest = {
    ...images,
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
    ...(options.keys && { file: { keys: options.keys } }),
    ...(options.resume && { resume: await readCheckpoint(checkpoint) }),
  };
  return withEngine(io, options, async (engine) => {
    const result = await learnWithCheckpoints(io, engine, request, checkpoint, again);
    await writeResult(options.output, result.style, write);
    await rm(checkpoint, { force: true });
    io.err(`learned in ${duration(result.seconds)}\n`);
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
    };
  });
}

async function readCheckpoint(path: string): Promise<Uint8Array> {
  await access(path).catch(() => {
    throw new InputError(`--resume: there is no checkpoint ${path}; learn without --resume`);
  });
  return readBytes(path);
}

/** Learns, keeping the last checkpoint on disk; on cancel says how to go on. */
async function learnWithCheckpoints(
  io: Io,
  engine: CommandEngine,
  request: LearnRequest,
  path: string,
  again: string,
): Promise<LearnResult> {
  const line = new ProgressLine(io);
  let writing = Promise.resolve();
  let saved = false;
  const onProgress = (progress: Progress): void => {
    line.update(progress);
    const { checkpoint } = progress;
    if (!checkpoint) return;
    saved = true;
    writing = writing.then(() => writeWhole(path, checkpoint, { overwrite: true }));
    // The failure is reported where it is awaited.
    writing.catch(() => undefined);
  };
  try {
    const result = await engine.learn(request, { onProgress, signal: io.signal });
    await writing;
    return result;
  } catch (error) {
    await writing;
    line.end();
    if (error instanceof CancelledError) {
      throw new CancelledError(
        saved ? `${error.message}; saved in ${path}. To go on:\n  ${again}` : 'cancelled; nothing was learned yet',
      );
    }
    // A run that diverged would diverge again from its checkpoint.
    if (error instanceof InputError && saved) await rm(path, { force: true });
    throw error;
  } finally {
    line.end();
  }
}
