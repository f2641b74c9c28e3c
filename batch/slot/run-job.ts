/** One job, in the process of a slot: an input picture to its output files. */
import type { BatchEngine } from '../host';
import type { JobOrder, JobReply } from '../job';
import type { JobFiles } from './job-files';

export interface JobHooks {
  /** At each step of the engine. */
  readonly onProgress?: () => void;
  /** The engine has done its part; what is left are files. */
  readonly onComputed?: () => void;
}

/**
 * Makes every output of a job that is not there yet. A job that runs twice writes the same bytes twice at worst. An
 * output is written while the engine makes the next one.
 *
 * @throws InputError when the input does not serve; MachineError when this machine's disks do not.
 */
export async function runJob(
  order: JobOrder,
  engine: BatchEngine,
  styleFiles: ReadonlyMap<string, Uint8Array>,
  files: JobFiles,
  { onProgress = () => undefined, onComputed = () => undefined }: JobHooks = {},
): Promise<JobReply> {
  const started = performance.now();
  let engineMs = 0;
  const { picture, missing } = await files.begin(order);
  const made: Uint8Array[] = [];
  // One at a time, for a picture may be large.
  let written = Promise.resolve();
  try {
    for (const index of missing) {
      const began = performance.now();
      const restyled = await engine.restyle(
        {
          image: picture,
          styles: order.styles.map((sha, i) => ({
            file: styleFiles.get(sha)!,
            strength: order.job.outputs[index]!.strengths[i]!,
          })),
          ...order.settings,
        },
        { onProgress },
      );
      engineMs += performance.now() - began;
      await written;
      written = files.write(order, index, restyled).then((png) => void (png && made.push(png)));
      // Its error is thrown where it is waited for.
      written.catch(() => undefined);
    }
    onComputed();
  } finally {
    // Nothing of a job goes on after its end.
    await written.catch(() => undefined);
  }
  await written;
  const result = {
    width: picture.width,
    height: picture.height,
    seconds: (performance.now() - started) / 1000,
    engineSeconds: engineMs / 1000,
  };
  return order.bytes ? { result, files: made } : { result };
}
