/** One flat vector for the matrices of all target modules: a program then has one input for them, and a checkpoint one tensor. */
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import { sizeOf } from '../tensor/shape';
import type { TargetModule } from './target-modules';

export type MatrixShape = (target: TargetModule) => readonly [number, number];

/** The shape of the down-projections A and of the up-projections B at a rank. */
export const downShape =
  (rank: number): MatrixShape =>
  (target) => [rank, target.inFeatures];
export const upShape =
  (rank: number): MatrixShape =>
  (target) => [target.outFeatures, rank];

export function packedSize(targets: readonly TargetModule[], shape: MatrixShape): number {
  return targets.reduce((n, target) => n + sizeOf(shape(target)), 0);
}

/** The first target module of every input width: it stands for all of them where down-projections depend on that alone. */
export function onePerWidth(targets: readonly TargetModule[]): TargetModule[] {
  const widths = new Map<number, TargetModule>();
  for (const target of targets) if (!widths.has(target.inFeatures)) widths.set(target.inFeatures, target);
  return [...widths.values()];
}

/** The target modules cut, in their order, into runs whose packed matrices take at most so many numbers, or are one. */
export function packedRuns(
  targets: readonly TargetModule[],
  shape: MatrixShape,
  most: number,
): readonly (readonly TargetModule[])[] {
  const runs: TargetModule[][] = [];
  let filled = Infinity;
  for (const target of targets) {
    const size = sizeOf(shape(target));
    if (filled + size > most) {
      runs.push([]);
      filled = 0;
    }
    runs.at(-1)!.push(target);
    filled += size;
  }
  return runs;
}

/** Target module matrices laid end to end, in the order of `targets`. */
export function packMatrices(
  targets: readonly TargetModule[],
  shape: MatrixShape,
  matrix: (target: TargetModule) => Float32Array,
): Float32Array {
  const packed = new Float32Array(packedSize(targets, shape));
  let offset = 0;
  for (const target of targets) {
    packed.set(matrix(target), offset);
    offset += sizeOf(shape(target));
  }
  return packed;
}

/** The matrices of a packed vector on the host, by target module name; views into `packed`. */
export function unpackMatrices(
  targets: readonly TargetModule[],
  shape: MatrixShape,
  packed: Float32Array,
): Map<string, Float32Array> {
  let offset = 0;
  return new Map(
    targets.map((target) => {
      const end = offset + sizeOf(shape(target));
      const matrix = packed.subarray(offset, end);
      offset = end;
      return [target.name, matrix];
    }),
  );
}

/** The matrices of a packed vector in a graph, by target module name. */
export function unpackValues(
  b: GraphBuilder,
  targets: readonly TargetModule[],
  shape: MatrixShape,
  packed: Value,
): Map<string, Value> {
  // Matrices of one width laid end to end are one tall matrix, whose rows need no reshaping.
  const width = commonWidth(targets, shape);
  if (width !== undefined) return cutRows(b, targets, shape, b.reshape(packed, [packed.shape[0]! / width, width]));
  let offset = 0;
  return new Map(
    targets.map((target) => {
      const end = offset + sizeOf(shape(target));
      const matrix = b.reshape(b.slice(packed, 0, offset, end), shape(target));
      offset = end;
      return [target.name, matrix];
    }),
  );
}

/** The target modules' matrices, of one width, from the tall matrix that stacks them. */
export function cutRows(
  b: GraphBuilder,
  targets: readonly TargetModule[],
  shape: MatrixShape,
  stacked: Value,
): Map<string, Value> {
  let row = 0;
  return new Map(
    targets.map((target) => {
      const end = row + shape(target)[0];
      const matrix = b.slice(stacked, 0, row, end);
      row = end;
      return [target.name, matrix];
    }),
  );
}

function commonWidth(targets: readonly TargetModule[], shape: MatrixShape): number | undefined {
  const widths = new Set(targets.map((target) => shape(target)[1]));
  return widths.size === 1 ? [...widths][0] : undefined;
}
