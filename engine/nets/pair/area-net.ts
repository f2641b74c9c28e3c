/**
 * A net on areas of one colour instead of pixels: what becomes of each area of a query, by distance from its border, as the areas
 * of the references show it. models/train/pair/areas/net.py is the same; README.md there has the equations.
 */
import type { GraphBuilder } from '../../graph/builder';
import type { Value } from '../../graph/graph';
import { f32 } from '../../tensor/tensor';
import { attention } from '../attention';
import type { Scope } from '../scope';
import { AREAS, BINS, FATE, FORM, PALETTE_CHANNELS, type AreaNetConfig } from './config';

/** Numbers of a colour. */
const COLOUR = 4;
/** Width in which areas are compared by a lookup. */
const COMPARED = 32;
const LAYER_NORM_EPSILON = 1e-5;
/** Score of what is not there, below all others. */
const NONE = 1e4;
/** Factor of the shares that areas have in each other's borders. */
const BESIDE = 4;
/** How steeply bins without pixels prefer nearer bins, and those further inside by how much less. */
const [NEARER, INSIDE] = [8, 0.4];
/** Logarithms of how sharply colours are chosen: at first, and at most. */
const [SHARPNESS, MOST_SHARPNESS] = [3, 8];
/** How fast colours cease to be alike with their squared distance: those much less than 0.14 apart count as one. */
const ALIKE = 50;
/** Outputs of an area beside those of its bins: how far it takes chosen colours, how sharply, its own colour's score, its share. */
const OWN_OUTPUTS = 4;

/** What is known of a picture's areas without a net (engine/image/area-facts.ts). */
export interface AreaFacts {
  /** Mean colours, premultiplied RGBA, then 1 where there is such an area: [AREAS, PALETTE_CHANNELS]. */
  readonly palette: Float32Array;
  /** The form of every area, [AREAS, FORM]. */
  readonly form: Float32Array;
  /** The shares of every area's border that it has in common with others: [AREAS, AREAS]. */
  readonly beside: Float32Array;
}

/** What a style does to the areas of a picture. */
export interface AreaChanges {
  /** Changes of premultiplied RGBA by distance from the border, [AREAS, BINS, 4]. */
  readonly changes: Float32Array;
  /** How far each area decides for its pixels, 0 to 1: [AREAS]. */
  readonly shares: Float32Array;
}

/** Facts of the areas of pictures (engine/image/area-facts.ts): palette [N, AREAS, 5], form [N, AREAS, 12], beside [N, AREAS, AREAS]. */
export interface AreaFactValues {
  readonly palette: Value;
  readonly form: Value;
  readonly beside: Value;
}

/** Shapes of the facts of N pictures. */
export const areaFactShapes = (n: number): Record<keyof AreaFactValues, number[]> => ({
  palette: [n, AREAS, PALETTE_CHANNELS],
  form: [n, AREAS, FORM],
  beside: [n, AREAS, AREAS],
});

/**
 * @param query facts of one query of every style, R pictures.
 * @param references facts of the n references of every style, R n pictures; those of a style one after another.
 * @param fate what became of their areas, [R n, AREAS, BINS, FATE].
 * @param colours of the after pictures of every style, [R, colours, 5].
 * @returns the colours of every area by distance from its border, [R, AREAS, BINS, 4], and how far it decides, 0 to 1, [R, AREAS].
 */
export function areaNet(
  scope: Scope,
  config: AreaNetConfig,
  query: AreaFactValues,
  references: AreaFactValues & { readonly fate: Value },
  colours: Value,
): { readonly colours: Value; readonly shares: Value } {
  const { b } = scope;
  const styles = query.palette.shape[0]!;
  const n = references.palette.shape[0]! / styles;
  const [color, refColor] = [query, references].map(({ palette }) => b.slice(palette, 2, 0, COLOUR)) as [Value, Value];
  const [absent, refAbsent] = [query, references].map(({ palette }) => {
    const known = b.slice(palette, 2, COLOUR, COLOUR + 1);
    return b.mul(b.sub(b.reshape(known, [palette.shape[0]!, 1, 1, AREAS]), 1), NONE);
  }) as [Value, Value];

  const numbers = (from: number, to: number): Value => b.slice(references.fate, 3, from, to);
  const count = numbers(0, 1);
  const present = b.where(b.greater(count, 0), 1, b.mul(count, 0));
  const after = filled(b, numbers(2, 2 + COLOUR), present);
  const change = b.sub(after, b.reshape(refColor, [styles * n, AREAS, 1, COLOUR]));
  const pixels = b.clip(b.reduceSum(count, [2], true), 1, Infinity);
  const doubled = b.mul(present, 2);
  const seen = b.concat([b.div(count, pixels), b.mul(change, doubled), b.mul(numbers(6, FATE), doubled)], 3);

  const centred = (x: Value): Value => b.sub(b.mul(x, 2), 1);
  const { width } = config;
  let x = scope
    .at('ref_in')
    .linear(b.concat([centred(refColor), references.form, b.reshape(seen, [styles * n, AREAS, BINS * 6])], 2), width);
  let y = scope.at('query_in').linear(b.concat([centred(color), query.form], 2), width);
  const style = styleToken(
    scope.at('style_in'),
    width,
    colours,
    b.reshape(references.palette, [styles, n * AREAS, PALETTE_CHANNELS]),
  );
  y = b.add(y, style);
  const everyReference = b.expand(b.reshape(style, [styles, 1, 1, width]), [styles, n, 1, width]);
  x = b.add(x, b.reshape(everyReference, [styles * n, 1, width]));
  for (let i = 0; i < config.layers; i++) {
    const layer = scope.at('layers').at(i);
    const own = { absent, beside: b.mul(query.beside, BESIDE) };
    const theirs = { absent: refAbsent, beside: b.mul(references.beside, BESIDE) };
    [x, y] = readLayer(layer, config, [x, theirs], [y, own], styles);
  }
  y = norm(scope.at('norm_q'), y);
  const keys = scope.at('key').linear(norm(scope.at('norm_r'), x), config.lookups * COMPARED);
  const asked = scope.at('ask').linear(y, config.lookups * COMPARED);
  const all = n * AREAS;
  const look = scope.weight('look', [config.lookups]);
  const apart = squaredDistances(b, color, b.reshape(refColor, [styles, all, COLOUR]));
  const out = scope.at('out').linear(y, BINS * (COLOUR + 2 * config.lookups) + OWN_OUTPUTS);
  const parts = b.reshape(b.slice(out, 2, 0, BINS * (COLOUR + 2 * config.lookups)), [
    ...[styles, AREAS, BINS],
    COLOUR + 2 * config.lookups,
  ]);
  const own = b.reshape(color, [styles, AREAS, 1, COLOUR]);
  const part = (from: number, to: number): Value => b.slice(parts, 3, from, to);
  let made = b.add(own, part(0, COLOUR));
  for (let i = 0; i < config.lookups; i++) {
    const one = (v: Value, rows: number): Value =>
      b.slice(b.reshape(v, [styles, rows, config.lookups * COMPARED]), 2, i * COMPARED, (i + 1) * COMPARED);
    const alike = b.matmul(one(asked, AREAS), b.transpose(one(keys, all), [0, 2, 1]));
    const byColour = b.mul(apart, b.exp(b.slice(look, 0, i, i + 1)));
    const scores = b.sub(b.mul(alike, 1 / Math.sqrt(COMPARED)), byColour);
    const weights = b.softmax(b.add(scores, b.reshape(refAbsent, [styles, 1, all])));
    const found = (v: Value): Value =>
      b.reshape(b.matmul(weights, b.reshape(v, [styles, all, BINS * COLOUR])), [styles, AREAS, BINS, COLOUR]);
    made = b.add(made, b.mul(part(COLOUR + 2 * i, COLOUR + 2 * i + 1), b.sub(found(after), own)));
    made = b.add(made, b.mul(part(COLOUR + 2 * i + 1, COLOUR + 2 * i + 2), found(change)));
  }
  const last = (i: number): Value => {
    const at = BINS * (COLOUR + 2 * config.lookups) + i;
    return b.slice(out, 2, at, at + 1);
  };
  const chosen = choose(b, made, own, colours, b.add(last(1), SHARPNESS), last(2));
  const known = b.slice(colours, 2, COLOUR, COLOUR + 1);
  const drawn = b.mul(b.sigmoid(b.sub(last(0), 1)), some(b, known));
  made = b.add(made, b.mul(b.reshape(drawn, [styles, AREAS, 1, 1]), b.sub(chosen, made)));
  return { colours: made, shares: b.reshape(b.sigmoid(last(3)), [styles, AREAS]) };
}

/** How many colours the after pictures of a style have and the before pictures, for all its tokens: [R, 1, width]. */
function styleToken(scope: Scope, width: number, after: Value, before: Value): Value {
  const { b } = scope;
  const known = b.slice(after, 2, COLOUR, COLOUR + 1);
  return scope.linear(b.concat([variety(b, after), variety(b, before), some(b, known)], 2), width, false);
}

/** Whether any colour is known: 0 or 1, [R, 1, 1]. */
const some = (b: GraphBuilder, known: Value): Value => b.clip(b.reduceSum(known, [1], true), 0, 1);

/** Logarithm of the number of different colours of palettes [R, P, 5], about: [R, 1, 1]. */
function variety(b: GraphBuilder, palette: Value): Value {
  const colours = b.slice(palette, 2, 0, COLOUR);
  const known = b.slice(palette, 2, COLOUR, COLOUR + 1);
  const near = b.exp(b.mul(squaredDistances(b, colours, colours), -ALIKE));
  const different = b.reduceSum(b.div(known, b.clip(b.matmul(near, known), 1, Infinity)), [1], true);
  return b.log(b.clip(different, 1, Infinity));
}

interface Around {
  /** Added to scores: 0, or a large negative number for areas that are not there, [N, 1, 1, AREAS]. */
  readonly absent: Value;
  readonly beside: Value;
}

/** References read their own areas; a query reads its own and those of all its references. Then a gated MLP on each. */
function readLayer(
  scope: Scope,
  config: AreaNetConfig,
  [x, theirs]: [Value, Around],
  [y, own]: [Value, Around],
  styles: number,
): [Value, Value] {
  const { b } = scope;
  const { width, heads } = config;
  const project = (name: string, of: Value): Value => scope.at(name).linear(of, width, false);
  const [normX, normY] = [x, y].map((of) => norm(scope.at('norm1'), of)) as [Value, Value];
  const touching = b.reshape(scope.weight('beside', [heads]), [1, heads, 1, 1]);
  const bias = ({ absent, beside }: Around): Value =>
    b.add(b.mul(touching, b.reshape(beside, [beside.shape[0]!, 1, AREAS, AREAS])), absent);
  const all = (of: Value): Value => b.reshape(of, [styles, (of.shape[0]! / styles) * AREAS, width]);
  const [keysX, valuesX] = [project('to_k', normX), project('to_v', normX)];
  const readX = attention(b, project('to_q', normX), keysX, valuesX, heads, bias(theirs));
  const keys = b.concat([project('to_k', normY), all(keysX)], 1);
  const values = b.concat([project('to_v', normY), all(valuesX)], 1);
  const shown = keys.shape[1]! - AREAS;
  const ofRefs = b.expand(b.reshape(theirs.absent, [styles, 1, 1, shown]), [styles, heads, AREAS, shown]);
  const readY = attention(b, project('to_q', normY), keys, values, heads, b.concat([bias(own), ofRefs], 3));
  const mlp = (of: Value): Value => {
    const [a, gate] = b.chunk(scope.at('mlp_in').linear(norm(scope.at('norm2'), of), 2 * config.inner), 2, 2) as [
      Value,
      Value,
    ];
    return b.add(of, scope.at('mlp_out').linear(b.mul(a, b.silu(gate)), width));
  };
  const added = (of: Value, read: Value): Value => mlp(b.add(of, scope.at('to_out').linear(read, width)));
  return [added(x, readX), added(y, readY)];
}

/** Values by bin [N, AREAS, BINS, C] in which bins without pixels have those of the nearest one with some. */
function filled(b: GraphBuilder, values: Value, present: Value): Value {
  const nearer = new Float32Array(BINS * BINS);
  for (let to = 0; to < BINS; to++) {
    for (let from = 0; from < BINS; from++) {
      nearer[to * BINS + from] = -NEARER * (Math.abs(to - from) + (from < to ? INSIDE : 0));
    }
  }
  const count = present.shape[0]!;
  const absent = b.mul(b.sub(b.reshape(present, [count, AREAS, 1, BINS]), 1), NONE);
  return b.matmul(b.softmax(b.add(b.constant(f32(nearer, [BINS, BINS])), absent)), values);
}

/** [R, P, C] and [R, Q, C] -> [R, P, Q] */
function squaredDistances(b: GraphBuilder, p: Value, q: Value): Value {
  const [styles, rows, channels] = p.shape as [number, number, number];
  const columns = q.shape[1]!;
  const difference = b.sub(b.reshape(p, [styles, rows, 1, channels]), b.reshape(q, [styles, 1, columns, channels]));
  return b.reduceSum(b.square(difference), [3]);
}

/** The mean of the after pictures' colours and the area's own one, weighted by how near they are to `made`. */
function choose(b: GraphBuilder, made: Value, own: Value, colours: Value, logarithm: Value, stays: Value): Value {
  const styles = made.shape[0]!;
  const count = colours.shape[1]!;
  const candidates = b.slice(colours, 2, 0, COLOUR);
  const sharpness = b.reshape(b.exp(b.clip(logarithm, -Infinity, MOST_SHARPNESS)), [styles, AREAS, 1, 1]);
  const rows = b.reshape(made, [styles, AREAS * BINS, COLOUR]);
  const away = b.reshape(squaredDistances(b, rows, candidates), [styles, AREAS, BINS, count]);
  const absent = b.mul(b.sub(b.reshape(b.slice(colours, 2, COLOUR, COLOUR + 1), [styles, 1, 1, count]), 1), NONE);
  const moved = b.reduceSum(b.square(b.sub(made, own)), [3], true);
  const ownScore = b.sub(b.reshape(stays, [styles, AREAS, 1, 1]), b.mul(sharpness, moved));
  const weights = b.softmax(b.concat([b.sub(absent, b.mul(sharpness, away)), ownScore], 3));
  const ofColours = b.reshape(b.slice(weights, 3, 0, count), [styles, AREAS * BINS, count]);
  const taken = b.reshape(b.matmul(ofColours, candidates), [styles, AREAS, BINS, COLOUR]);
  return b.add(taken, b.mul(b.slice(weights, 3, count, count + 1), own));
}

const norm = (scope: Scope, x: Value): Value => scope.layerNorm(x, LAYER_NORM_EPSILON);
