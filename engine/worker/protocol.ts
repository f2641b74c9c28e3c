/** What the page and the engine's worker say to each other: requests, transfers, and errors that keep their class. */
import * as Comlink from 'comlink';
import { CancelledError, DeviceError, InputError } from '../errors';
import type { Image } from '../image/image';
import type { LearnResult, Progress } from '../requests';
import type { DeviceOptions } from '../runtime/backend';
import type { MemoryReport } from '../runtime/memory';

/** A file as a page has it. A Blob is not copied to the worker, and read by ranges there. */
export type FileContent = Uint8Array | Blob;

/** Where the worker finds a diffusers model folder. */
export type ModelLocation =
  | { readonly kind: 'files'; readonly name: string; readonly files: ReadonlyMap<string, FileContent> }
  /** A folder on the page's own server; `url` ends without a slash. */
  | { readonly kind: 'url'; readonly name: string; readonly url: string }
  /** `hub:ORG/NAME`: the user named a remote model. */
  | { readonly kind: 'hub'; readonly name: string };

export interface OpenRequest {
  readonly model: ModelLocation;
  /**
   * ONNX Runtime's WebAssembly files by their names in onnxruntime-web's dist folder (runtime/web-builds.ts), as bytes
   * or as URLs to fetch, also of gzip. Only builds whose file is here are tried.
   */
  readonly wasm: ReadonlyMap<string, FileContent | string>;
  readonly device?: DeviceOptions;
}

export type ReportProgress = (progress: Progress) => void | Promise<void>;

/** The memory account of no engine. */
export const NOTHING_HELD: MemoryReport = { files: 0, programs: 0, tensors: 0, peak: 0 };

const ERRORS = { InputError, CancelledError, DeviceError } as const;

/**
 * An error of ours by its name and message; any other error unchanged. Comlink sends name, message and stack, and
 * revives every error as a plain Error.
 */
export function reviveError(error: unknown): unknown {
  if (!(error instanceof Error) || !Object.hasOwn(ERRORS, error.name)) return error;
  const revived = new ERRORS[error.name as keyof typeof ERRORS](error.message);
  if (error.stack) revived.stack = error.stack;
  return revived;
}

/** Makes Comlink throw InputErrors, CancelledErrors and DeviceErrors as such on this side. Calling it again does nothing. */
export function keepErrorClasses(): void {
  const thrown = Comlink.transferHandlers.get('throw')!;
  if (thrown.deserialize === deserializeError) return;
  plain = thrown;
  Comlink.transferHandlers.set('throw', { ...thrown, deserialize: deserializeError });
}

let plain: Comlink.TransferHandler<unknown, unknown>;

function deserializeError(value: unknown): never {
  try {
    plain.deserialize(value);
  } catch (error) {
    throw reviveError(error);
  }
  throw new Error('the worker failed without saying how');
}

/** Moves an image's pixels to the other side instead of copying them: they are gone from this one. */
export function moveImage(image: Image): Image {
  return Comlink.transfer(image, [image.data.buffer]);
}

export function moveResult(result: LearnResult): LearnResult {
  return Comlink.transfer(result, [result.style.buffer]);
}

export function moveProgress(progress: Progress): Progress {
  const buffers = [progress.sample?.data.buffer, progress.checkpoint?.buffer];
  return Comlink.transfer(
    progress,
    buffers.filter((buffer) => buffer !== undefined),
  );
}
