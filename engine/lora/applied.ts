/** Adapters read from files, stacked and packed for a UNet's target modules. */
import { InputError } from '../errors';
import type { AdapterFile, AdaptedModule } from './adapter-file';
import { downShape, packMatrices, upShape } from './packing';
import type { TargetModule } from './target-modules';

export interface StackedAdapterData {
  /** The target modules at least one adapter touches. */
  readonly targets: readonly TargetModule[];
  /** Rank of each adapter, in stacking order; the most it has at any target module. */
  readonly ranks: readonly number[];
  /** Packed [R, in] and [out, R] of all target modules, with alpha / rank inside. R is the sum of the ranks. */
  readonly down: Float32Array;
  readonly up: Float32Array;
}

/**
 * Stacks adapters over the target modules of a net; where one does not touch a target module that another does, it gets zeros.
 *
 * @throws InputError when an adapter touches none of the target modules, or one with other widths: it belongs to another net.
 */
export function stackFiles(
  all: readonly TargetModule[],
  files: readonly { readonly name: string; readonly file: Pick<AdapterFile, 'targets'> }[],
): StackedAdapterData {
  for (const { name, file } of files) requireFit(all, name, file);
  const targets = all.filter((target) => files.some(({ file }) => file.targets.has(target.name)));
  const ranks = files.map(({ file }) => [...file.targets.values()].reduce((most, { rank }) => Math.max(most, rank), 0));
  const total = ranks.reduce((n, rank) => n + rank, 0);
  const starts = ranks.map((_, k) => ranks.slice(0, k).reduce((n, rank) => n + rank, 0));

  const down = packMatrices(targets, downShape(total), (target) => {
    const matrix = new Float32Array(total * target.inFeatures);
    files.forEach(({ file }, k) => {
      const found = file.targets.get(target.name);
      if (found) matrix.set(found.a, starts[k]! * target.inFeatures);
    });
    return matrix;
  });
  const up = packMatrices(targets, upShape(total), (target) => {
    const matrix = new Float32Array(target.outFeatures * total);
    files.forEach(({ name, file }, k) => {
      const found = file.targets.get(target.name);
      if (!found) return;
      const scale = found.alpha / found.rank;
      requireSize(name, target, found);
      for (let o = 0; o < target.outFeatures; o++) {
        for (let i = 0; i < found.rank; i++) matrix[o * total + starts[k]! + i] = scale * found.b[o * found.rank + i]!;
      }
    });
    return matrix;
  });
  return { targets, ranks, down, up };
}

/**
 * The layers of diffusion models have weights of norm (Frobenius) up to some hundreds, and what trained adapters add is
 * smaller. Past this an adapter is damaged: what it makes would overflow, or be noise.
 */
const LARGEST_NORM = 1e6;

/** Throws an InputError when alpha / rank * B A may be larger than any layer. */
function requireSize(name: string, target: TargetModule, { alpha, rank, a, b }: AdaptedModule): void {
  const norm = (Math.abs(alpha) / rank) * norm2(a) * norm2(b);
  if (norm <= LARGEST_NORM) return;
  throw new InputError(
    `${name}: its weights for ${target.name} are far too large (norm ${norm.toExponential(0)}, alpha ${Number(alpha.toPrecision(4))}): the file is damaged, or its alpha is wrong; fetch it again, or choose another`,
  );
}

function norm2(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

function requireFit(targets: readonly TargetModule[], name: string, file: Pick<AdapterFile, 'targets'>): void {
  const known = new Map(targets.map((target) => [target.name, target]));
  let used = 0;
  for (const [targetName, adapter] of file.targets) {
    const target = known.get(targetName);
    if (!target) continue;
    if (target.inFeatures !== adapter.inFeatures || target.outFeatures !== adapter.outFeatures) {
      throw new InputError(
        `${name} is for another base model: ${targetName} is ${adapter.outFeatures} x ${adapter.inFeatures} in it, ${target.outFeatures} x ${target.inFeatures} here; use it with the model it was learned on`,
      );
    }
    used++;
  }
  if (used === 0)
    throw new InputError(
      `${name} is for another base model: none of its ${file.targets.size} layers is in this one; use it with the model it was learned on`,
    );
}
