/**
 * One decision for each area of one colour (engine/image/areas.ts), from the means of what its pixels know: channels that the
 * head reads, and a change of colour that is constant on the area and may be drawn to the colours of the references' after pictures. models/train/pair/README.md has the equations.
 */
import type { GraphBuilder } from '../../graph/builder';
import type { Value } from '../../graph/graph';
import { f32, type HostTensor } from '../../tensor/tensor';
import type { Scope } from '../scope';
import type { PairNetConfig } from './config';
import { FOUND } from './lookup';

/** Channels of a change of colour. */
const CHANGE = 4;
/** Score of a colour that a palette does not have, below all others. */
const ABSENT = 1e4;
/** Logarithms of how sharply a palette's colours are chosen: at first, and at most. */
const [SHARPNESS, MOST_SHARPNESS] = [3, 8];
/** Added to an area's pixels, so that a number without pixels has finite means. */
const NO_PIXELS = 0.01;

/** What is known of areas without the net. */
export interface AreaInputs {
  readonly member: Value;
  readonly palette: Value;
}

/** Shape of the values of all areas of N pictures. */
export const areaValuesShape = ({ areas }: PairNetConfig, n: number, count: number): number[] => [
  n,
  count,
  areas + CHANGE,
];

/**
 * @param hidden what the head knows of each pixel by itself, [N, head, H, W], at the backbone's size.
 * @param found by the lookups, [N, lookups FOUND, H, W].
 * @param source [N, 4, H, W]
 * @param member the share of every area in every pixel, [1 or N, areas of the picture, H, W].
 * @param palette colours of the references' after pictures, [N, colours, 5] (engine/image/areas.ts).
 * @returns [N, areas of the picture, channels + 4]
 */
export function areaValues(
  scope: Scope,
  config: PairNetConfig,
  { hidden, found, source, member, palette }: { hidden: Value; found: Value; source: Value } & AreaInputs,
): Value {
  const { b } = scope;
  const [n, , height, width] = source.shape as [number, number, number, number];
  const pixels = height * width;
  const count = member.shape[1]!;
  const weights = b.reshape(member, [member.shape[0]!, count, pixels]);
  const known = b.concat([hidden, found, source], 1);
  const rows = b.transpose(b.reshape(known, [n, known.shape[1]!, pixels]), [0, 2, 1]);
  const each = b.reduceSum(weights, [2], true);
  const means = b.div(b.matmul(weights, rows), b.add(each, NO_PIXELS));
  const size = b.sqrt(b.mul(each, 1 / pixels));
  const rim = b.matmul(weights, b.constant(onRim(height, width)));
  const forAll = (x: Value): Value => b.expand(x, [n, count, 1]);

  const at = scope.at('area_values');
  const inner = b.silu(at.at('inner').linear(b.concat([means, forAll(size), forAll(rim)], 2), config.areas));
  const out = at.at('out').linear(inner, CHANGE + 2 * config.lookups + 2);
  const part = (x: Value, from: number, width: number): Value => b.slice(x, 2, from, from + width);
  const colour = part(means, config.head + FOUND * config.lookups, CHANGE);
  const terms = [part(out, 0, CHANGE)];
  for (let i = 0; i < config.lookups; i++) {
    const first = config.head + FOUND * i;
    const [after, change] = [part(means, first, CHANGE), part(means, first + CHANGE, CHANGE)];
    terms.push(b.mul(part(out, CHANGE + 2 * i, 1), b.sub(after, colour)));
    terms.push(b.mul(part(out, CHANGE + 2 * i + 1, 1), change));
  }
  const change = terms.reduce((sum, term) => b.add(sum, term));
  const towards = part(out, CHANGE + 2 * config.lookups, 1);
  const logarithm = b.add(part(out, CHANGE + 2 * config.lookups + 1, 1), SHARPNESS);
  const sharpness = b.exp(b.clip(logarithm, -Infinity, MOST_SHARPNESS));
  const chosen = nearest(b, b.add(colour, change), palette, sharpness);
  const toChosen = b.mul(towards, b.sub(b.sub(chosen, colour), change));
  return b.concat([inner, b.add(change, toChosen)], 2);
}

/** The mean of the palette's colours, weighted by how near each colour is: [N, areas, 4]. */
function nearest(b: GraphBuilder, colour: Value, palette: Value, sharpness: Value): Value {
  const [n, count] = colour.shape as [number, number];
  const colours = palette.shape[1]!;
  const candidates = b.slice(palette, 2, 0, CHANGE);
  const away = b.sub(b.reshape(colour, [n, count, 1, CHANGE]), b.reshape(candidates, [n, 1, colours, CHANGE]));
  const known = b.reshape(b.slice(palette, 2, CHANGE, CHANGE + 1), [n, 1, colours]);
  const scores = b.sub(b.mul(b.sub(known, 1), ABSENT), b.mul(sharpness, b.reduceSum(b.square(away), [3])));
  return b.matmul(b.softmax(scores), candidates);
}

/**
 * What areas say of their pixels.
 *
 * @param member [1 or N, areas of the picture, H, W], of a part of the pictures.
 * @returns channels [N, areas, H, W] and changes of colour [N, 4, H, W].
 */
export function ofAreas(
  b: GraphBuilder,
  values: Value,
  member: Value,
): { readonly channels: Value; readonly change: Value } {
  const [, count, height, width] = member.shape as [number, number, number, number];
  const [n, , all] = values.shape as [number, number, number];
  const weights = b.reshape(member, [member.shape[0]!, count, height * width]);
  const spread = b.reshape(b.matmul(b.transpose(values, [0, 2, 1]), weights), [n, all, height, width]);
  return { channels: b.slice(spread, 1, 0, all - CHANGE), change: b.slice(spread, 1, all - CHANGE, all) };
}

/** 1 / (pixels of the picture's rim) on the rim, 0 inside it: [H W, 1]. */
function onRim(height: number, width: number): HostTensor<'f32'> {
  const data = new Float32Array(height * width);
  const share = 1 / (height * width - (height - 2) * (width - 2));
  for (let i = 0; i < data.length; i++) {
    const [y, x] = [Math.floor(i / width), i % width];
    if (y === 0 || x === 0 || y === height - 1 || x === width - 1) data[i] = share;
  }
  return f32(data, [data.length, 1]);
}
