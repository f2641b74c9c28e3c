/** One flat vector for the matrices of all sites: a program then has one input for them, and a checkpoint one tensor. */
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import { sizeOf } from '../tensor/shape';
import type { Site } from './sites';

export type MatrixShape = (site: Site) => readonly [number, number];

/** The shape of the down-projections A and of the up-projections B at a rank. */
export const downShape =
  (rank: number): MatrixShape =>
  (site) => [rank, site.inFeatures];
export const upShape =
  (rank: number): MatrixShape =>
  (site) => [site.outFeatures, rank];

export function packedSize(sites: readonly Site[], shape: MatrixShape): number {
  return sites.reduce((n, site) => n + sizeOf(shape(site)), 0);
}

/** Site matrices laid end to end, in the order of `sites`. */
export function packMatrices(
  sites: readonly Site[],
  shape: MatrixShape,
  matrix: (site: Site) => Float32Array,
): Float32Array {
  const packed = new Float32Array(packedSize(sites, shape));
  let offset = 0;
  for (const site of sites) {
    packed.set(matrix(site), offset);
    offset += sizeOf(shape(site));
  }
  return packed;
}

/** The matrices of a packed vector on the host, by site name; views into `packed`. */
export function unpackMatrices(
  sites: readonly Site[],
  shape: MatrixShape,
  packed: Float32Array,
): Map<string, Float32Array> {
  let offset = 0;
  return new Map(
    sites.map((site) => {
      const end = offset + sizeOf(shape(site));
      const matrix = packed.subarray(offset, end);
      offset = end;
      return [site.name, matrix];
    }),
  );
}

/** The matrices of a packed vector in a graph, by site name. */
export function unpackValues(
  b: GraphBuilder,
  sites: readonly Site[],
  shape: MatrixShape,
  packed: Value,
): Map<string, Value> {
  // Matrices of one width laid end to end are one tall matrix, whose rows need no reshaping.
  const width = commonWidth(sites, shape);
  if (width !== undefined) return cutRows(b, sites, shape, b.reshape(packed, [packed.shape[0]! / width, width]));
  let offset = 0;
  return new Map(
    sites.map((site) => {
      const end = offset + sizeOf(shape(site));
      const matrix = b.reshape(b.slice(packed, 0, offset, end), shape(site));
      offset = end;
      return [site.name, matrix];
    }),
  );
}

/** The sites' matrices, of one width, from the tall matrix that stacks them. */
export function cutRows(
  b: GraphBuilder,
  sites: readonly Site[],
  shape: MatrixShape,
  stacked: Value,
): Map<string, Value> {
  let row = 0;
  return new Map(
    sites.map((site) => {
      const end = row + shape(site)[0];
      const matrix = b.slice(stacked, 0, row, end);
      row = end;
      return [site.name, matrix];
    }),
  );
}

function commonWidth(sites: readonly Site[], shape: MatrixShape): number | undefined {
  const widths = new Set(sites.map((site) => shape(site)[1]));
  return widths.size === 1 ? [...widths][0] : undefined;
}
