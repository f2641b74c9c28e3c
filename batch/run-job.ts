/** One job, in the process of a slot: an input picture to its output files. */
import { readdir, readFile } from 'node:fs/promises';
import { InputError } from '../engine/errors';
import { messageOf } from '../engine/weights/source';
import { machineError, MachineError, oneLine } from './errors';
import type { BatchEngine, SlotHost } from './host';
import { sha256, type BatchJob, type BatchSpec, type JobResult, type RestyleSettings } from './job';
import { findOutput, markPng } from './mark';
import { removeDrafts, writeOutput } from './output';
import { isInside } from './paths';

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

/**
 * Makes every output of a job that is not there yet. A job that runs twice writes the same bytes twice at worst.
 *
 * @param onProgress is called at each step of the engine.
 * @throws InputError when the input does not serve; MachineError when this machine's disks do not.
 */
export async function runJob(
  { job, root, inputs, settings, overwrite, styles, bytes: given }: JobOrder,
  engine: BatchEngine,
  styleFiles: ReadonlyMap<string, Uint8Array>,
  host: SlotHost,
  onProgress: () => void = () => undefined,
): Promise<JobReply> {
  const started = performance.now();
  let engineMs = 0;
  const bytes = given ?? (await readInput(job.input, inputs));
  if (sha256(bytes) !== job.inputSha) {
    throw new InputError(`${job.input}: was changed after the batch was started; run the batch again`);
  }
  if (!given) await removeDrafts(root, job.key);
  const picture = await host.decodeImage(job.input, bytes);
  const files: Uint8Array[] = [];
  for (const { path, id, strengths } of job.outputs) {
    if (!given) {
      const there = await findOutput(path, id);
      if (there === 'same') continue;
      if (there === 'foreign' && !overwrite) {
        throw new InputError(`${path}: another program has written it meanwhile; move it, or use --overwrite`);
      }
    }
    const began = performance.now();
    const restyled = await engine.restyle(
      {
        image: picture,
        styles: styles.map((sha, i) => ({ file: styleFiles.get(sha)!, strength: strengths[i]! })),
        ...settings,
      },
      { onProgress },
    );
    engineMs += performance.now() - began;
    const png = markPng(await host.encodePng(restyled), id);
    if (given) files.push(png);
    else await writeOutput(root, job.key, path, png);
  }
  const result = {
    width: picture.width,
    height: picture.height,
    seconds: (performance.now() - started) / 1000,
    engineSeconds: engineMs / 1000,
  };
  return given ? { result, files } : { result };
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
