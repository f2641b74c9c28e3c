/** What a batch is made of: its settings, its jobs, and what becomes of a job. Plain data: it is stored as JSON. */
import { createHash } from 'node:crypto';
import type { GuideMode } from '../engine/requests';

/** Settings of every restyling in a batch, as the engine takes them. Those left out are the engine's defaults. */
export interface RestyleSettings {
  readonly guide?: GuideMode;
  readonly prompt?: string;
  readonly steps?: number;
  readonly start?: number;
  readonly size?: number;
  readonly seed?: number;
  /** Apply styles too of which less than half can be applied. */
  readonly force?: boolean;
}

/** A style file by its bytes. */
export interface StyleReference {
  /** Absolute path at the time the batch was made. */
  readonly path: string;
  /** SHA-256 of the file, hex. */
  readonly sha: string;
}

/** What all jobs of a batch share. */
export interface BatchSpec {
  /** Letters, digits, dot, hyphen and underscore; at most 64. */
  readonly name: string;
  /** Diptych's version; workers of another one refuse the batch. */
  readonly version: string;
  readonly model: { readonly name: string; readonly fingerprint: string };
  /** Blended in this order. */
  readonly styles: readonly StyleReference[];
  readonly settings: RestyleSettings;
  /** One entry for each output of an input; an entry has a strength for each style. */
  readonly strengths: readonly (readonly number[])[];
  /** Absolute paths of the folders the inputs lie in: a machine on which one is missing or empty does not see them. */
  readonly inputs?: readonly string[];
  /** Absolute path of the folder the outputs go to. */
  readonly output: string;
  /** Whether files that no batch made may be replaced. */
  readonly overwrite: boolean;
  /** Whether inputs, results and styles go through the queue's own store, for workers that do not see the folders. */
  readonly transfer?: boolean;
  /** Milliseconds since 1970. */
  readonly created: number;
}

export interface JobOutput {
  /** Absolute path of the PNG file. */
  readonly path: string;
  /** Names everything the picture depends on: see outputId. */
  readonly id: string;
  /** One for each style. */
  readonly strengths: readonly number[];
}

/** One input picture with all its outputs. */
export interface BatchJob {
  /** Names the job within its batch: see jobKey. */
  readonly key: string;
  /** Absolute path. */
  readonly input: string;
  /** SHA-256 of the input file, hex. */
  readonly inputSha: string;
  readonly outputs: readonly JobOutput[];
}

/** What a finished job reports. */
export interface JobResult {
  readonly width: number;
  readonly height: number;
  /** Seconds from reading the input to the last output on disk. */
  readonly seconds: number;
  /** Seconds of those inside the engine; the rest is reading, decoding, encoding and writing. */
  readonly engineSeconds: number;
}

/** A job with what it needs from its batch. */
export interface JobOrder {
  readonly job: BatchJob;
  /** The folder of the outputs. */
  readonly root: string;
  /** The folders that the batch's inputs lie in. */
  readonly inputs: readonly string[];
  readonly settings: RestyleSettings;
  /** Whether a file that no batch made may be replaced. */
  readonly overwrite: boolean;
  /** SHA-256 of each style file, in order. */
  readonly styles: readonly string[];
  /** The input's bytes where they do not come from a disk. Then the outputs are returned and not written. */
  readonly bytes?: Uint8Array;
}

/** A job of a batch whose files lie on this machine's disks. */
export function orderOf(spec: BatchSpec, job: BatchJob): JobOrder {
  const { output, inputs = [], settings, overwrite, styles } = spec;
  return { job, root: output, inputs, settings, overwrite, styles: styles.map(({ sha }) => sha) };
}

export interface JobReply {
  readonly result: JobResult;
  /** The output files' bytes in the order of job.outputs, for an order that brought its input. */
  readonly files?: readonly Uint8Array[];
}

/** How often a job is tried before it counts as failed. */
export const TRIES = 3;

/** Seconds before try 2, 3, ...: doubling from this one on. */
export const FIRST_BACKOFF_SECONDS = 1;

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The name of a picture by all that decides its pixels: style bytes, base model, input bytes and settings. */
export function outputId(
  spec: Pick<BatchSpec, 'model' | 'styles' | 'settings'>,
  inputSha: string,
  strengths: readonly number[],
): string {
  const { guide, prompt, steps, start, size, seed } = spec.settings;
  return sha256(
    JSON.stringify({
      format: 1,
      base: spec.model.fingerprint,
      styles: spec.styles.map(({ sha }, i) => [sha, strengths[i]]),
      settings: { guide, prompt, steps, start, size, seed },
      input: inputSha,
    }),
  );
}

/** Two jobs have one key when they would write the same pictures to the same files. Never digits alone. */
export function jobKey(outputs: readonly JobOutput[]): string {
  return `p${sha256(JSON.stringify(outputs.map(({ id, path }) => [id, path]))).slice(0, 31)}`;
}
