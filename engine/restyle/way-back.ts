/** The guided way from noise back to clean latents, one network evaluation a level: all guides share it. */
import { throwIfCancelled } from '../errors';
import type { Denoiser, LinearMove, LoadedAdapters } from '../diffusion/denoiser';
import type { GuidanceRow } from '../diffusion/guidance';
import type { DdimPath } from '../diffusion/inversion-plan';
import type { Hooks } from '../requests';
import type { DeviceTensor } from '../runtime/device-tensor';
import type { HostTensor } from '../tensor/tensor';

export interface WayBack {
  readonly denoiser: Denoiser;
  readonly path: DdimPath;
  /** The latents of the unguided path at a level, and what the base network makes of them; [1, C, h, w] each. */
  readonly unguided: (level: number) => { readonly latents: Feed; readonly output: Feed };
  readonly rows: readonly GuidanceRow[];
  readonly adapters: LoadedAdapters;
}

type Feed = DeviceTensor | HostTensor;

/**
 * Follows the deviation from the unguided path from the noisiest level down to the clean latents.
 *
 * @param start the deviation at the noisiest level, [1, C, h, w]; it is taken over.
 * @returns the deviation of the clean latents.
 */
export async function walkBack(way: WayBack, start: DeviceTensor, hooks: Hooks): Promise<DeviceTensor> {
  const { denoiser, path, rows, adapters } = way;
  const top = path.levels.length - 1;
  let deviation = start;
  try {
    for (let level = top; level >= 1; level--) {
      throwIfCancelled(hooks.signal);
      const { latents, output } = way.unguided(level);
      const { timestep } = path.levels[level]!;
      const move = moveDown(path, level);
      const next = await denoiser.deviate(latents, output, deviation, timestep, move, rows, adapters);
      deviation.dispose();
      deviation = next;
      hooks.onProgress?.({ phase: 'restyle', step: top - level + 1, steps: top });
    }
    return deviation;
  } catch (error) {
    deviation.dispose();
    throw error;
  }
}

/** DDIM's move from a level to the one below, in the sample and the network's output. */
export function moveDown(path: DdimPath, level: number): LinearMove {
  const { sample, epsilon } = path.toCleaner(level);
  const estimate = path.epsilonFrom(level);
  return { sample: sample + epsilon * estimate.sample, output: epsilon * estimate.output };
}
