/**
 * Inversion of latents under the base model: deterministic DDIM (Song et al., arXiv 2010.02502), each level refined
 * towards the fixed point of its own move (Pan et al., arXiv 2309.04907), with the network's outputs kept for the way
 * back (direct inversion, Ju et al., arXiv 2310.01506).
 */
import { throwIfCancelled } from '../errors';
import type { DeviceTensor } from '../runtime/device-tensor';
import type { Runtime } from '../runtime/runtime';
import { f32, type HostTensor } from '../tensor/tensor';
import type { Denoiser } from './denoiser';
import type { DdimPath } from './inversion-plan';

/** The latents of one level and what the base network makes of them. */
export interface PathPoint {
  readonly latents: DeviceTensor;
  /** Undefined at level 0, from which no way leads back. */
  readonly output: DeviceTensor | undefined;
}

export interface InvertedPath {
  readonly path: DdimPath;
  /** By level; 0 is the clean latents. */
  readonly points: readonly PathPoint[];
  dispose(): void;
}

export interface InversionOptions {
  readonly prompt: string;
  /** Evaluations that place each level: 1 is plain DDIM inversion, each further one a fixed-point refinement. */
  readonly iterations: number;
  readonly signal?: AbortSignal | undefined;
  readonly onLevel?: (level: number, levels: number) => void;
}

/** Walks `latents` [1, C, h, w] up the path. Takes the latents over: disposing the path disposes them. */
export async function invert(
  denoiser: Denoiser,
  path: DdimPath,
  latents: DeviceTensor,
  options: InversionOptions,
): Promise<InvertedPath> {
  const held: DeviceTensor[] = [latents];
  const keep = (tensor: DeviceTensor): DeviceTensor => {
    held.push(tensor);
    return tensor;
  };
  const inverted: InvertedPath = {
    path,
    points: [],
    dispose: () => {
      for (const tensor of held) tensor.dispose();
    },
  };
  const points = inverted.points as PathPoint[];
  const top = path.levels.length - 1;
  try {
    let from = latents;
    for (let i = 0; i <= top; i++) {
      throwIfCancelled(options.signal);
      // At the clean latents the net is told the first noisy level's timestep: it was not trained below it.
      const told = Math.min(Math.max(i, 1), top);
      if (top === 0) break;
      const explicit = await denoiser.invert(
        from,
        from,
        path.levels[told]!.timestep,
        i < top ? moveOf(path, i, told) : STAY,
        options.prompt,
      );
      points.push({ latents: from, output: i === 0 ? undefined : keep(explicit.output) });
      if (i === 0) explicit.output.dispose();
      if (i === top) {
        explicit.next.dispose();
        break;
      }
      let next = explicit.next;
      for (let k = 1; k < options.iterations; k++) {
        const refined = await denoiser.invert(
          from,
          next,
          path.levels[i + 1]!.timestep,
          moveOf(path, i, i + 1),
          options.prompt,
        );
        refined.output.dispose();
        next.dispose();
        next = refined.next;
      }
      from = keep(next);
      options.onLevel?.(i + 1, top);
    }
    if (top === 0) points.push({ latents, output: undefined });
    return inverted;
  } catch (error) {
    inverted.dispose();
    throw error;
  }
}

/**
 * A path that is not inverted but noised, level by level, as latent consistency models take pictures (InfEdit, Xu et
 * al., arXiv 2312.04965): the latents under fresh noise, and what the base network makes of them. One evaluation a
 * level. Takes the latents over, as `invert` does.
 *
 * @param noise standard normal noise of a level, [1, C, h, w].
 */
export async function noisedPath(
  denoiser: Denoiser,
  runtime: Runtime,
  path: DdimPath,
  latents: HostTensor<'f32'>,
  noise: (level: number) => Float32Array,
  options: Omit<InversionOptions, 'iterations'>,
): Promise<InvertedPath> {
  const points: PathPoint[] = [{ latents: await runtime.upload(latents), output: undefined }];
  const dispose = (): void => {
    for (const { latents: at, output } of points) for (const tensor of [at, output]) tensor?.dispose();
  };
  try {
    for (const [level, { timestep, abar }] of path.levels.entries()) {
      if (level === 0) continue;
      throwIfCancelled(options.signal);
      const drawn = noise(level);
      const [keep, add] = [Math.sqrt(abar), Math.sqrt(1 - abar)];
      const noised = latents.data.map((value, i) => keep * value + add * drawn[i]!);
      const at = await runtime.upload(f32(noised, latents.shape));
      const { output, next } = await denoiser.invert(at, at, timestep, STAY, options.prompt);
      next.dispose();
      points.push({ latents: at, output });
      options.onLevel?.(level, path.levels.length - 1);
    }
    return { path, points, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

const STAY = { from: 1, point: 0, output: 0 };

/** The move from level i to i + 1 with the noise estimate of an evaluation told level `told`'s timestep. */
function moveOf(path: DdimPath, i: number, told: number): { from: number; point: number; output: number } {
  const { sample, epsilon } = path.toNoisier(i);
  const estimate = path.epsilonFrom(told);
  return { from: sample, point: epsilon * estimate.sample, output: epsilon * estimate.output };
}
