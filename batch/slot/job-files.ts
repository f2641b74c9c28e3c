/** The files of jobs: an input as pixels, which outputs are missing, and pixels to an output. No net is needed here. */
import { readdir, readFile } from 'node:fs/promises';
import { InputError } from '../../engine/errors';
import type { Image } from '../../engine/image/image';
import { messageOf } from '../../engine/weights/source';
import { machineError, MachineError, oneLine } from '../errors';
import type { PictureCodec } from '../host';
import { sha256, type JobOrder } from '../job';
import { findOutput, markPng } from '../mark';
import { removeDrafts, writeOutput } from '../output';
import { isInside } from '../paths';

/** Inputs that are decoded before their orders come. A second one is kept, as the first one's order may be on its way. */
const KEPT_AHEAD = 2;

export interface BegunJob {
  readonly picture: Image;
  /** Positions in job.outputs of those that are not there yet. */
  readonly missing: readonly number[];
}

/** Every method throws an InputError when the job's own files do not serve, a MachineError when the machine's disks do not. */
export class JobFiles {
  /** Inputs read ahead, by the keys of their jobs. */
  readonly #ahead = new Map<string, Promise<Image>>();

  constructor(private readonly codec: PictureCodec) {}

  /** Reads and decodes the input of an order that is likely to come. Whether it serves is said when the order begins. */
  expect(order: JobOrder): void {
    const { key } = order.job;
    if (this.#ahead.has(key)) return;
    const picture = this.#read(order);
    picture.catch(() => undefined);
    this.#ahead.set(key, picture);
    if (this.#ahead.size > KEPT_AHEAD) this.#ahead.delete(this.#ahead.keys().next().value!);
  }

  /** The order is this process's own now. */
  async begin(order: JobOrder): Promise<BegunJob> {
    const { job, root, overwrite, bytes } = order;
    const picture = this.#ahead.get(job.key) ?? this.#read(order);
    this.#ahead.delete(job.key);
    const missing: number[] = [];
    if (bytes) {
      missing.push(...job.outputs.keys());
    } else {
      await picture;
      await removeDrafts(root, job.key);
      for (const [index, { path, id }] of job.outputs.entries()) {
        if (await isMissing(path, id, overwrite)) missing.push(index);
      }
    }
    return { picture: await picture, missing };
  }

  /** Encodes an output and puts it on disk, whole and synced; gives its bytes instead where the order brought its input. */
  async write({ job, root, overwrite, bytes }: JobOrder, index: number, picture: Image) {
    const { path, id } = job.outputs[index]!;
    const png = markPng(await this.codec.encodePng(picture), id);
    if (bytes) return png;
    // Asked again, for there was a picture's time for others to write it.
    if (await isMissing(path, id, overwrite)) await writeOutput(root, job.key, path, png);
    return undefined;
  }

  async #read({ job, inputs, bytes: given }: JobOrder): Promise<Image> {
    const bytes = given ?? (await readInput(job.input, inputs));
    if (sha256(bytes) !== job.inputSha) {
      throw new InputError(`${job.input}: was changed after the batch was started; run the batch again`);
    }
    return this.codec.decodeImage(job.input, bytes);
  }
}

/** Throws an InputError when a file is in the way that no batch made. */
async function isMissing(path: string, id: string, overwrite: boolean): Promise<boolean> {
  const there = await findOutput(path, id);
  if (there === 'foreign' && !overwrite) {
    throw new InputError(`${path}: another program has written it meanwhile; move it, or use --overwrite`);
  }
  return there !== 'same';
}

async function readInput(path: string, folders: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await readFile(path).catch(async (error: NodeJS.ErrnoException) => {
    const fault = machineError(path, error, 'read') ?? (await folderFault(path, folders));
    if (fault) throw fault;
    if (error.code === 'ENOENT') {
      throw new InputError(`${path}: is no longer there; put it back, or leave it out`);
    }
    throw new InputError(`${path}: cannot be read (${messageOf(error)}); check the file and its permissions`);
  });
  return new Uint8Array(bytes);
}

/** A folder of inputs that is gone, empty or cannot be read is one that is not mounted: the picture is not at fault. */
async function folderFault(path: string, folders: readonly string[]): Promise<MachineError | undefined> {
  for (const folder of folders.filter((holder) => isInside(path, holder))) {
    const names = await readdir(folder).catch((error: unknown) => messageOf(error));
    const why = typeof names === 'string' ? `cannot be read (${oneLine(names)})` : 'is empty';
    if (names.length === 0 || typeof names === 'string') {
      return new MachineError(`${folder}: the folder of the inputs ${why} on this machine; mount it under this path`);
    }
  }
  return undefined;
}
