/**
 * The backbone of the pair-conditioned net (models/train/pair/README.md has its equations). It sees references and
 * queries alike, as planes; at every attention a query also reads the keys and values of its references, which do not
 * depend on the query and so are computed once for a style.
 */
import type { GraphBuilder } from '../../graph/builder';
import type { Value } from '../../graph/graph';
import { f32 } from '../../tensor/tensor';
import { attention } from '../attention';
import type { Scope } from '../scope';
import type { PairNetConfig } from './config';
import { gaussian, resizeFeatures } from './resize';

/** Planes of a picture: source 4, target so far 4, closed form 4, trust, t, noise, is a reference, source known. */
export const PLANES = 17;

/** Pixels per side of a token of the fine level, and of the coarse one. */
const FINE = 4;
const COARSE = 2 * FINE;
const LAYER_NORM_EPSILON = 1e-5;

/** What one attention is read by: [N, tokens, width] each. */
export interface KeysAndValues {
  readonly keys: Value;
  readonly values: Value;
}

/** Tokens of N pictures as rows [N rows columns, width]. */
interface Tokens {
  readonly rows: number;
  readonly columns: number;
  readonly values: Value;
}

/** What a picture's attention reads at a block: its own keys and values, or more. */
type Read = (block: number, own: KeysAndValues) => KeysAndValues;

/** How many blocks a backbone has. */
export function blockCount({ depths }: PairNetConfig): number {
  return depths.reduce((sum, depth) => sum + depth, 0);
}

/** Width and tokens of each block's keys for a picture of height x width px, in the order of the blocks. */
export function keySizes(
  { depths: [down, middle, up], widths: [fine, coarse] }: PairNetConfig,
  height: number,
  width: number,
): { readonly tokens: number; readonly width: number }[] {
  const tokens = (side: number): number => (height / side) * (width / side);
  const level = (count: number, side: number, channels: number) =>
    Array.from({ length: count }, () => ({ tokens: tokens(side), width: channels }));
  return [...level(down, FINE, fine), ...level(middle, COARSE, coarse), ...level(up, FINE, fine)];
}

/**
 * @param planes of references, [N, 17, H, W], H and W multiples of 16.
 * @returns the keys and values of every block, and features for the lookup (lookup.ts), [N, features + 4 blurs, H, W].
 */
export function referenceStates(
  scope: Scope,
  config: PairNetConfig,
  planes: Value,
): { readonly keys: readonly KeysAndValues[]; readonly features: Value } {
  const keys: KeysAndValues[] = [];
  const tokens = tower(scope, config, planes, (_, own) => {
    keys.push(own);
    return own;
  });
  return { keys, features: pixelFeatures(scope, config, tokens, planes) };
}

/**
 * @param planes of queries, [N, 17, H, W], H and W multiples of 16.
 * @param references for each reference the keys and values of every block, [N, tokens, width]; references may differ in
 *   size among themselves and from the queries.
 * @returns features for the head, [N, features + 4 blurs, H, W].
 */
export function queryFeatures(
  scope: Scope,
  config: PairNetConfig,
  planes: Value,
  references: readonly (readonly KeysAndValues[])[],
): Value {
  const { b } = scope;
  const tokens = tower(scope, config, planes, (block, own) => ({
    keys: b.concat([own.keys, ...references.map((reference) => reference[block]!.keys)], 1),
    values: b.concat([own.values, ...references.map((reference) => reference[block]!.values)], 1),
  }));
  return pixelFeatures(scope, config, tokens, planes);
}

/**
 * What tokens of the fine level say of each of their pixels, joined across their borders by two convolutions, then the
 * source blurred: [N, features + 4 blurs, H, W].
 */
function pixelFeatures(scope: Scope, config: PairNetConfig, { values }: Tokens, planes: Value): Value {
  const { b } = scope;
  const [n, , height, width] = planes.shape as [number, number, number, number];
  const normalized = scope.at('norm_out').layerNorm(values, LAYER_NORM_EPSILON);
  const patches = scope.at('patch_out').linear(normalized, FINE * FINE * config.features);
  // [N, rows, columns, dy, dx, features] -> [N, features, rows, dy, columns, dx]
  const split = b.reshape(patches, [n, height / FINE, width / FINE, FINE, FINE, config.features]);
  const features = b.reshape(b.transpose(split, [0, 5, 1, 3, 2, 4]), [n, config.features, height, width]);
  const source = b.sub(b.slice(planes, 1, 0, 4), 0.5);
  const blurred = config.blurs.map((sigma) =>
    resizeFeatures(b, b.constant(gaussian(height, sigma)), source, b.constant(gaussian(width, sigma))),
  );
  const first = scope.at('refine1').conv(b.concat([source, features, ...blurred], 1), config.refine, 3);
  const refined = b.add(features, scope.at('refine2').conv(b.silu(first), config.features, 3));
  return b.concat([refined, ...blurred], 1);
}

function tower(scope: Scope, config: PairNetConfig, planes: Value, read: Read): Tokens {
  const { b } = scope;
  const [fine, coarse] = config.widths;
  const [fineHeads, coarseHeads] = config.heads;
  const [n, , height, width] = planes.shape as [number, number, number, number];
  let count = 0;
  const level = (name: string, depth: number, heads: number, tokens: Tokens): Tokens => {
    let x = tokens;
    for (let i = 0; i < depth; i++) {
      const index = count++;
      x = block(scope.at(name).at(i), x, n, heads, config.expansion, (own) => read(index, own));
    }
    return x;
  };

  const stem = b.silu(scope.at('stem').conv(planes, config.stem, 3));
  const patches = patchRows(b, b.concat([planes, stem], 1), FINE);
  const [rows, columns] = [height / FINE, width / FINE];
  const embedded = b.reshape(scope.at('patch_in').linear(patches, fine), [n, rows * columns, fine]);
  const place = scope.at('position').linear(b.constant(positions(rows, columns)), fine);
  const first = b.reshape(b.add(embedded, place), [n * rows * columns, fine]);
  const down = level('down', config.depths[0], fineHeads, { rows, columns, values: first });

  const merged = scope.at('merge').linear(mergeTokens(b, down, n), coarse);
  const middle = level('middle', config.depths[1], coarseHeads, {
    rows: rows / 2,
    columns: columns / 2,
    values: merged,
  });
  const expanded = spreadTokens(b, scope.at('expand').linear(middle.values, 4 * fine), n, middle);
  return level('up', config.depths[2], fineHeads, { rows, columns, values: b.add(down.values, expanded) });
}

/** Reference attention, then a gated MLP with a depthwise convolution; both residual, both after a LayerNorm. */
function block(
  scope: Scope,
  { rows, columns, values: x }: Tokens,
  batch: number,
  heads: number,
  expansion: number,
  read: (own: KeysAndValues) => KeysAndValues,
): Tokens {
  const { b } = scope;
  const width = x.shape[1]!;
  const first = scope.at('norm1').layerNorm(x, LAYER_NORM_EPSILON);
  const project = (name: string): Value =>
    b.reshape(scope.at('attn').at(name).linear(first, width, false), [batch, rows * columns, width]);
  const all = read({ keys: project('to_k'), values: project('to_v') });
  const mixed = b.reshape(attention(b, project('to_q'), all.keys, all.values, heads), x.shape);
  const h = b.add(x, scope.at('attn').at('to_out').at(0).linear(mixed, width));

  const inner = Math.floor(width * expansion);
  const second = scope.at('norm2').layerNorm(h, LAYER_NORM_EPSILON);
  const hidden = b.reshape(scope.at('mlp_in').linear(second, 2 * inner), [batch, rows, columns, 2 * inner]);
  const near = scope.at('mlp_conv').conv(b.transpose(hidden, [0, 3, 1, 2]), 2 * inner, 3, { group: 2 * inner });
  const [value, gate] = b.chunk(near, 2, 1) as [Value, Value];
  const gated = b.reshape(b.transpose(b.mul(value, b.silu(gate)), [0, 2, 3, 1]), [x.shape[0]!, inner]);
  return { rows, columns, values: b.add(h, scope.at('mlp_out').linear(gated, width)) };
}

/** [N, C, H, W] as rows of p x p patches, [N H/p W/p, p p C]; channel index (dy p + dx) C + channel. */
function patchRows(b: GraphBuilder, x: Value, p: number): Value {
  const [n, c, height, width] = x.shape as [number, number, number, number];
  const split = b.reshape(x, [n, c, height / p, p, width / p, p]);
  return b.reshape(b.transpose(split, [0, 2, 4, 3, 5, 1]), [(n * height * width) / (p * p), p * p * c]);
}

/** Four tokens side by side as one of four times the width. */
function mergeTokens(b: GraphBuilder, { rows, columns, values }: Tokens, n: number): Value {
  const width = values.shape[1]!;
  const split = b.reshape(values, [n, rows / 2, 2, columns / 2, 2, width]);
  return b.reshape(b.transpose(split, [0, 1, 3, 2, 4, 5]), [(n * rows * columns) / 4, 4 * width]);
}

/** The inverse of mergeTokens. */
function spreadTokens(b: GraphBuilder, x: Value, n: number, { rows, columns }: Tokens): Value {
  const width = x.shape[1]! / 4;
  const split = b.reshape(x, [n, rows, columns, 2, 2, width]);
  return b.reshape(b.transpose(split, [0, 1, 3, 2, 4, 5]), [n * rows * columns * 4, width]);
}

/** Fourier features of the token centres, [rows columns, 14]: y, x, then sines and cosines of 1, 2 and 4 turns. */
function positions(rows: number, columns: number): ReturnType<typeof f32> {
  const data: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const centre = [(row + 0.5) / rows, (column + 0.5) / columns];
      const angles = [1, 2, 4].flatMap((turns) => centre.map((at) => 2 * Math.PI * turns * at));
      data.push(...centre, ...angles.map(Math.sin), ...angles.map(Math.cos));
    }
  }
  return f32(data, [rows * columns, 14]);
}
