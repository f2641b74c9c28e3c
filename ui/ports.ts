/**
 * What the panel's state asks of the engine's side (ui/engine/) and what it is told. Pictures are PNG files here, as
 * Figma gives and takes them. A job's promise rejects with an InputError (say it), a CancelledError (say nothing) or a
 * DeviceError (say it; the engine has been started again already).
 */
import type { ReadonlySignal } from '@preact/signals-core';
import type { EngineDescription } from '../engine/engine';
import type { AppliedStyle, GuideMode, LossPoint, PairVerdict, Phase, StyleDescription } from '../engine/requests';
import type { MemoryNeeds } from '../engine/preflight';
import type { MemoryReport } from '../engine/runtime/memory';
import type { FileContent, OpenRequest } from '../engine/worker/protocol';

export type Png = Uint8Array;

/** What a build of the panel brings along or knows the address of. */
export interface PanelAssets {
  readonly build: 'hosted' | 'embedded';
  /** The address of the engine's worker script: a URL of the panel's own server, or of a Blob. */
  workerUrl(): Promise<string>;
  /** The address of the script of the worker that reads and writes pictures. */
  pictureWorkerUrl(): Promise<string>;
  /** ONNX Runtime's WebAssembly files. */
  wasm(): Promise<OpenRequest['wasm']>;
  /** The embedded base model: every file of its folder by path. */
  embeddedModel(): Promise<ModelFiles>;
  /** The model that reads a style from its pair, for pictures at once. */
  pairModel(): Promise<ModelFiles>;
}

export interface ModelFiles {
  readonly name: string;
  readonly files: ReadonlyMap<string, FileContent>;
}

export type EngineStatus =
  | { readonly state: 'closed' }
  | { readonly state: 'opening'; readonly model: string }
  | { readonly state: 'ready'; readonly description: EngineDescription }
  | { readonly state: 'failed'; readonly model: string; readonly message: string };

export interface LearnJob {
  readonly before: Png;
  readonly after: Png;
  readonly prompt: string;
  readonly style: string;
  readonly steps: number;
  readonly contentSteps: number;
  readonly rank: number;
  readonly learningRate: number;
  readonly seed: number;
  /** Learn although the check found the pair unusable: the user saw the verdict and wants it. */
  readonly force?: boolean;
  /** A picture restyled every so many steps while learning. */
  readonly sample?: { readonly picture: Png; readonly every: number };
  /** A checkpoint of the same job. */
  readonly resume?: Uint8Array;
}

/** A pair to keep as a style as it is, without learning. */
export type KeepJob = Pick<LearnJob, 'before' | 'after' | 'style' | 'force'>;

export interface JobProgress {
  readonly phase: Phase;
  /** Steps done and in all, within the phase. */
  readonly step: number;
  readonly steps: number;
  readonly loss?: LossPoint;
  readonly sample?: Png;
}

export interface JobHooks {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: JobProgress) => void;
  /** Learning only: the state every few seconds, and once more when it is cancelled, before the promise rejects. */
  readonly onCheckpoint?: (checkpoint: Uint8Array, step: number) => void;
}

/** A style that somebody gave the user. */
export interface ImportedStyle extends Omit<StyleDescription, 'coverage'> {
  /** The file to keep: the one given, with what was said beside it taken in. */
  readonly file: Uint8Array;
  /** What of it cannot be applied; null when all of it can. */
  readonly note: string | null;
}

export interface LearnedStyle extends Omit<StyleDescription, 'coverage'> {
  /** As safetensors: the style LoRA in f16, or the pair. */
  readonly file: Uint8Array;
  readonly losses: readonly LossPoint[];
  readonly seconds: number;
}

export interface RestyleJob {
  readonly picture: Png;
  readonly styles: readonly AppliedStyle[];
  readonly prompt: string;
  readonly guide: GuideMode;
  readonly steps: number;
  readonly seed: number;
}

/** What a pair makes of a picture, with nothing learned. */
export interface PairJob {
  readonly before: Png;
  readonly after: Png;
  readonly picture: Png;
  /** The picture is made smaller to this long side first, px. */
  readonly side: number;
}

export interface ImagineJob {
  readonly prompt: string;
  readonly styles: readonly AppliedStyle[];
  readonly steps: number;
  readonly seed: number;
}

/**
 * Instant pictures while a slider moves: the change that was made, made larger or smaller. Exact at the strengths it
 * was made from and at 0.
 */
export interface Preview {
  /** Newest wins: an earlier call that is not done by then resolves with undefined. */
  at(strengths: readonly number[]): Promise<Png | undefined>;
  dispose(): void;
}

export interface EnginePort {
  readonly status: ReadonlySignal<EngineStatus>;
  /** What the user should know, e.g. that the engine was started again; null when there is nothing. */
  readonly notice: ReadonlySignal<string | null>;
  /** Opens a model; the one open before is given back. Jobs open the chosen model by themselves. */
  open(model: string, signal?: AbortSignal): Promise<EngineDescription>;
  check(before: Png, after: Png): Promise<PairVerdict>;
  learn(job: LearnJob, hooks?: JobHooks): Promise<LearnedStyle>;
  /** A style that holds its pair, for the model that reads pairs. */
  keep(job: KeepJob, signal?: AbortSignal): Promise<LearnedStyle>;
  /** Styles that hold their pair, or learned ones: each kind has a model of its own, so they cannot be blended. */
  restyle(job: RestyleJob, hooks?: JobHooks): Promise<Png>;
  imagine(job: ImagineJob, hooks?: JobHooks): Promise<Png>;
  /** Runs beside all other jobs, on an engine of its own that is started when it is first needed. */
  showPair(job: PairJob, signal?: AbortSignal): Promise<Png>;
  /** Starts that engine, so that the first picture comes at once. */
  prepareToShow(): void;
  /** `styled` was made of `original` at these strengths. Previews are at most `side` px long. */
  preview(original: Png, styled: Png, strengths: readonly number[], side: number): Promise<Preview>;
  /** Two pictures side by side, each at most `side` px, for the library. */
  thumbnail(before: Png, after: Png, side: number): Promise<Png>;
  /**
   * Reads a style somebody gives; throws an InputError when it is none or does not fit the open model.
   *
   * @param config the adapter_config.json beside it, without which PEFT's own files do not say how strong they are.
   */
  inspectStyle(fileName: string, file: Uint8Array, config?: Uint8Array): Promise<ImportedStyle>;
  memory(): Promise<MemoryReport>;
  /**
   * What work on a model takes, by the account that jobs are held to: of one that is here, or of one on the hub, of which
   * then only configurations and headers are fetched. Throws an InputError when the model is not supported.
   */
  needs(model: string): Promise<MemoryNeeds>;
  dispose(): Promise<void>;
}

/** A base model from outside the plugin: a repository of the Hugging Face Hub, or a folder the user chose. */
export interface ModelFacts {
  /** "hub:ORG/NAME" or "folder:NAME". */
  readonly name: string;
  readonly bytes: number;
  /** Bytes that are here already. */
  readonly have: number;
}

/** What is there to compute with. */
export interface MachineFacts {
  /** The graphics processor's name; null when the panel cannot use one. */
  readonly gpu: string | null;
  /** Memory in bytes as browsers tell it: roughly, at most 8 GiB (32 in newer ones), and null where they do not. */
  readonly memory: number | null;
}

export interface ModelsPort {
  /** Whether what is fetched stays for the next time. Figma and private windows may refuse storage. */
  readonly lasting: ReadonlySignal<boolean>;
  /** Names, sizes and what is here of a remote model. Asks the hub, so only call it when the user named one. */
  look(name: string, signal?: AbortSignal): Promise<ModelFacts>;
  /** Fetches what is missing, checks every file's hash, keeps what it has when cancelled. */
  fetch(
    name: string,
    hooks: { signal?: AbortSignal; onProgress?: (have: number, bytes: number) => void },
  ): Promise<void>;
  /** Models that are here, whole or in part. */
  list(): Promise<readonly ModelFacts[]>;
  purge(name: string): Promise<void>;
  /** To hold against what a model needs. */
  machine(): Promise<MachineFacts>;
  /** A diffusers folder the user chose; it is used as it lies, nothing is copied. Throws an InputError when it is none. */
  useFolder(name: string, files: ReadonlyMap<string, File>): ModelFacts;
}
