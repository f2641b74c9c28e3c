/**
 * What became of the reference pixels that look like a query's: kernel regression in a space that the net has learned,
 * by one pixel in each cell of a grid over every reference (models/train/pair/README.md has the equations).
 */
import type { GraphBuilder } from '../../graph/builder';
import type { Value } from '../../graph/graph';
import { f32, type HostTensor } from '../../tensor/tensor';
import type { Scope } from '../scope';
import type { PairNetConfig } from './config';

/** Pixels of a reference that are looked up, in each direction; its sides are multiples of this. */
export const GRID = 16;
/** Pixels of a reference that are looked up. */
const LOOKED_UP = GRID * GRID;
/** Dimensions in which pixels are compared. */
const EMBEDDING = 15;
/** Channels of a key: the embedding and half of its squared length. Values are padded to as many. */
const CHANNELS = EMBEDDING + 1;
/** Channels found by each lookup: after 4, change 4, before 4. */
export const FOUND = 12;

/** Looked-up pixels of references: [N, pixels, lookups CHANNELS] each. */
export interface ReferencePixels {
  readonly keys: Value;
  readonly values: Value;
}

/** Shape of the keys, and of the values, of one reference in N rows. */
export const referencePixelsShape = ({ lookups }: PairNetConfig, n: number): number[] => [
  n,
  LOOKED_UP,
  lookups * CHANNELS,
];

/**
 * @param compared what pixels are compared by (head.ts), [N, C, H, W], H and W multiples of GRID.
 * @param before,after [N, 4, H, W]
 */
export function referencePixels(
  scope: Scope,
  config: PairNetConfig,
  compared: Value,
  before: Value,
  after: Value,
): ReferencePixels {
  const { b } = scope;
  const embedded = embed(scope, config, sampled(b, compared));
  const lengths = b.mul(b.reduceSum(b.square(embedded), [3], true), -0.5);
  const [first, last] = [sampled(b, before), sampled(b, after)];
  const values = b.concat([last, b.sub(last, first), first, b.mul(first, 0)], 2);
  return {
    keys: joined(b, b.concat([embedded, lengths], 3)),
    values: b.concat(
      Array.from({ length: config.lookups }, () => values),
      2,
    ),
  };
}

/**
 * @param compared of the queries, [N, C, H, W].
 * @returns the mean after, change and before of the reference pixels, weighted by exp(-|e - e'|^2 / 2) with e and e' the
 *   embeddings of the query's pixel and theirs: [N, lookups FOUND, H, W]; 0 without references.
 */
export function lookUp(
  scope: Scope,
  config: PairNetConfig,
  compared: Value,
  references: readonly ReferencePixels[],
): Value {
  const { b } = scope;
  const { lookups } = config;
  const [n, , height, width] = compared.shape as [number, number, number, number];
  if (references.length === 0) return b.expand(b.scalar(0), [n, lookups * FOUND, height, width]);
  const embedded = embed(scope, config, rows(b, compared));
  // exp(q k - k k / 2) is the Gaussian of q - k, but for a factor that is the same for all keys.
  const queries = joined(b, b.concat([embedded, b.expand(b.scalar(1), [n, height * width, lookups, 1])], 3));
  const keys = b.concat(
    references.map((reference) => reference.keys),
    1,
  );
  const values = b.concat(
    references.map((reference) => reference.values),
    1,
  );
  const found = b.reshape(b.multiHeadAttention(queries, keys, values, lookups, 1), [
    n,
    height,
    width,
    lookups,
    CHANNELS,
  ]);
  return b.reshape(b.transpose(b.slice(found, 4, 0, FOUND), [0, 3, 4, 1, 2]), [n, lookups * FOUND, height, width]);
}

/** [N, P, C] -> [N, P, lookups, EMBEDDING] */
function embed(scope: Scope, config: PairNetConfig, x: Value): Value {
  const [n, pixels] = x.shape as [number, number, number];
  const out = scope
    .at('lookup')
    .at('embed')
    .linear(x, config.lookups * EMBEDDING);
  return scope.b.reshape(out, [n, pixels, config.lookups, EMBEDDING]);
}

/** [N, P, lookups, CHANNELS] -> [N, P, lookups CHANNELS] */
function joined(b: GraphBuilder, x: Value): Value {
  const [n, pixels, lookups, channels] = x.shape as [number, number, number, number];
  return b.reshape(x, [n, pixels, lookups * channels]);
}

/** [N, C, H, W] -> [N, H W, C] */
function rows(b: GraphBuilder, x: Value): Value {
  const [n, channels, height, width] = x.shape as [number, number, number, number];
  return b.reshape(b.transpose(x, [0, 2, 3, 1]), [n, height * width, channels]);
}

/** The looked-up pixels of pictures: [N, C, H, W] -> [N, LOOKED_UP, C]. */
function sampled(b: GraphBuilder, x: Value): Value {
  const [n, channels, height, width] = x.shape as [number, number, number, number];
  const cells = b.reshape(x, [n, channels, GRID, height / GRID, GRID, width / GRID]);
  return rows(b, b.reduceSum(b.mul(cells, b.constant(chosen(height, width))), [3, 5]));
}

/** 1 at the pixel that is looked up in each cell; its place in the cell varies, so that thin lines are met somewhere. */
function chosen(height: number, width: number): HostTensor<'f32'> {
  const [down, across] = [height / GRID, width / GRID];
  const data = new Float32Array(height * width);
  const within = (offset: number, size: number): number => Math.floor((((offset % GRID) * 2 + 1) * size) / (2 * GRID));
  for (let i = 0; i < GRID; i++) {
    for (let j = 0; j < GRID; j++) {
      const y = i * down + within(7 * i + 3 * j, down);
      const x = j * across + within(2 * i + 5 * j, across);
      data[y * width + x] = 1;
    }
  }
  return f32(data, [1, 1, GRID, down, GRID, across]);
}
