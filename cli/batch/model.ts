/** The model of a batch, as far as the process that shares the work out needs it. */
import { identify, openModel, workingSize } from '../../engine/diffusion/model';
import { isPairModel, openPairModel } from '../../engine/pair/model';
import type { ModelFolder } from '../../engine/weights/folder';
import type { ByteSource } from '../../engine/weights/source';

export interface BatchModel {
  readonly name: string;
  /** Names the exact weights. */
  readonly fingerprint: string;
  /** Size of the weight files. */
  readonly weightBytes: number;
  /** Throws an InputError for a working size that the model does not have. */
  readonly checkSize: (size: number | undefined) => void;
}

/** Throws an InputError naming the file for a model that is missing something or not supported. */
export async function openBatchModel(folder: ModelFolder, signal: AbortSignal): Promise<BatchModel> {
  if (await isPairModel(folder, signal)) {
    const { name, fingerprint, files } = await openPairModel(folder, signal);
    return { name, fingerprint, weightBytes: bytesOf(files), checkSize: () => undefined };
  }
  const model = await openModel(folder, signal);
  return {
    name: model.name,
    fingerprint: await identify(model, signal),
    weightBytes: bytesOf(model.files),
    checkSize: (size) => void workingSize(model, size),
  };
}

function bytesOf(files: ReadonlyMap<string, ByteSource>): number {
  return [...files.values()].reduce((sum, { size }) => sum + size, 0);
}
