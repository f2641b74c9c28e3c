/**
 * What a least-squares fit says about a pair: a map of colours, and how far it can be trusted at each colour. The
 * equations are in models/train/pair/README.md; colours are premultiplied RGBA in 0 to 1.
 */
import type { Value } from '../../graph/graph';
import type { GraphBuilder } from '../../graph/builder';
import { f32, type HostTensor } from '../../tensor/tensor';

/** Colour bins the fit is made on, and levels of a colour channel that tell bins apart; alpha has three. */
const BINS = 48;
const LEVELS = 6;
const ALPHAS = 3;
/** A bin of this share of the pixels counts half. */
const AREA = 0.004;
/** Of the features r g b a 1 rr gg bb rg gb br. */
const RIDGE = [0.02, 0.02, 0.02, 0.02, 0.05, 1, 1, 1, 1, 1, 1] as const;
const FEATURES = RIDGE.length;
/** Reach of the kernel between colours, squared; the weight of a bin at any distance; error never trusted away. */
const NEAR = 0.36;
const FAR = 0.02;
const FLOOR = 2e-4;
/** A colour that needs more leverage than this is not spanned by the pair's colours. */
const LEVERAGE = 1.5;

/** The pixels of a picture: four planes of premultiplied RGBA, one after another. */
export interface PixelPlanes {
  readonly data: Float32Array;
  readonly pixels: number;
}

export interface ClosedForm {
  /** Change of colour by feature, [11][4]. */
  readonly map: readonly (readonly number[])[];
  /** Inverse of the regularised normal matrix, [11][11]. */
  readonly inverse: readonly (readonly number[])[];
  readonly bins: readonly ColourBin[];
}

interface ColourBin {
  readonly colour: readonly number[];
  /** Weighted squared error of the fit without this bin, and weighted squared change. */
  readonly error: number;
  readonly change: number;
}

/**
 * Fits the colour map of pairs, in double precision.
 *
 * @param pairs before and after of each pair, of equal size.
 */
export function fitClosedForm(
  pairs: readonly { readonly before: PixelPlanes; readonly after: PixelPlanes }[],
): ClosedForm {
  const total = pairs.reduce((sum, { before }) => sum + before.pixels, 0);
  const sums = new Float64Array(LEVELS ** 3 * ALPHAS * SUMS);
  for (const { before, after } of pairs) addToBins(sums, before, after);
  const samples = fullest(sums).map((bin) => sampleOf(sums.subarray(bin * SUMS, (bin + 1) * SUMS), total));

  const normal = square(FEATURES, (i, j) => (i === j ? RIDGE[i]! : 0));
  const right = Array.from({ length: FEATURES }, () => [0, 0, 0, 0]);
  for (const { x, weight, change } of samples) {
    x.forEach((xi, i) => {
      x.forEach((xj, j) => (normal[i]![j]! += weight * xi * xj));
      change.forEach((d, c) => (right[i]![c]! += weight * xi * d));
    });
  }
  const inverse = inverted(normal);
  const map = inverse.map((row) => [0, 1, 2, 3].map((c) => row.reduce((sum, v, j) => sum + v * right[j]![c]!, 0)));
  const bins = samples.map(({ x, weight, change, colour, squared }): ColourBin => {
    const leverage = weight * quadratic(inverse, x);
    const kept = Math.max(1 - leverage, 0.02);
    const missed = change.map((d, c) => (d - x.reduce((sum, v, i) => sum + v * map[i]![c]!, 0)) / kept);
    const spread = Math.max(squared - length2(change), 0);
    return { colour, error: weight * (length2(missed) + spread), change: weight * squared };
  });
  return { map, inverse, bins };
}

/** Numbers kept of a bin: before 4, after 4, squared change, pixels. */
const SUMS = 10;

function addToBins(sums: Float64Array, before: PixelPlanes, after: PixelPlanes): void {
  const { pixels } = before;
  const level = (value: number): number => Math.min(LEVELS - 1, Math.max(0, Math.floor(value * LEVELS)));
  for (let p = 0; p < pixels; p++) {
    const [r, g, b, a] = [0, 1, 2, 3].map((c) => before.data[c * pixels + p]!) as [number, number, number, number];
    const alpha = Math.min(ALPHAS - 1, Math.max(0, Math.floor(a * 2 + 0.5)));
    const bin = (((level(r) * LEVELS + level(g)) * LEVELS + level(b)) * ALPHAS + alpha) * SUMS;
    let squared = 0;
    for (let c = 0; c < 4; c++) {
      const [x, y] = [before.data[c * pixels + p]!, after.data[c * pixels + p]!];
      sums[bin + c]! += x;
      sums[bin + 4 + c]! += y;
      squared += (y - x) ** 2;
    }
    sums[bin + 8]! += squared;
    sums[bin + 9]! += 1;
  }
}

/** The bins with the most pixels; of equally full ones the first. */
function fullest(sums: Float64Array): number[] {
  const count = (bin: number): number => sums[bin * SUMS + 9]!;
  return Array.from({ length: sums.length / SUMS }, (_, bin) => bin)
    .filter((bin) => count(bin) > 0)
    .sort((p, q) => count(q) - count(p) || p - q)
    .slice(0, BINS);
}

function sampleOf(sums: Float64Array, total: number) {
  const count = sums[9]!;
  const colour = [...sums.subarray(0, 4)].map((sum) => sum / count);
  const change = colour.map((x, c) => sums[4 + c]! / count - x);
  const share = count / total;
  return { colour, change, x: features(colour), squared: sums[8]! / count, weight: share / (share + AREA) };
}

function features([r, g, b, a]: readonly number[]): number[] {
  return [r!, g!, b!, a!, 1, r! * r!, g! * g!, b! * b!, r! * g!, g! * b!, b! * r!];
}

function square(n: number, value: (i: number, j: number) => number): number[][] {
  return Array.from({ length: n }, (_, i) => Array.from({ length: n }, (__, j) => value(i, j)));
}

/** The inverse of a positive definite matrix, by Gauss and Jordan. */
function inverted(matrix: readonly (readonly number[])[]): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...square(n, (p, q) => (p === q ? 1 : 0))[i]!]);
  for (let i = 0; i < n; i++) {
    const pivot = rows[i]![i]!;
    rows[i] = rows[i]!.map((v) => v / pivot);
    for (let k = 0; k < n; k++) {
      const factor = rows[k]![i]!;
      if (k !== i && factor !== 0) rows[k] = rows[k]!.map((v, j) => v - factor * rows[i]![j]!);
    }
  }
  return rows.map((row) => row.slice(n));
}

function quadratic(matrix: readonly (readonly number[])[], x: readonly number[]): number {
  return x.reduce((sum, xi, i) => sum + xi * matrix[i]!.reduce((inner, v, j) => inner + v * x[j]!, 0), 0);
}

const length2 = (vector: readonly number[]): number => vector.reduce((sum, v) => sum + v * v, 0);

/** The matrices with which a graph applies a closed form. */
export interface ClosedFormValues {
  /** [4, 11] */
  readonly map: Value;
  /** [11, 11] */
  readonly inverse: Value;
  /** [48, 6]: nearness to each bin, before it is clipped, of (r, g, b, a, squared length, 1). */
  readonly nearness: Value;
  /** [2, 48]: error and change of each bin. */
  readonly bins: Value;
  /** [2, 1]: what counts whatever the colour. */
  readonly always: Value;
}

const SHAPES: { readonly [K in keyof ClosedFormValues]: readonly [number, number] } = {
  map: [4, FEATURES],
  inverse: [FEATURES, FEATURES],
  nearness: [BINS, 6],
  bins: [2, BINS],
  always: [2, 1],
};

const FIELDS = Object.keys(SHAPES) as (keyof ClosedFormValues)[];

/** Declares the matrices as inputs of a graph, each named `fit.` and its field. */
export function closedFormInputs(b: GraphBuilder): ClosedFormValues {
  return Object.fromEntries(
    FIELDS.map((field) => [field, b.input(`fit.${field}`, SHAPES[field])]),
  ) as unknown as ClosedFormValues;
}

/** The feeds of closedFormInputs. */
export function closedFormFeeds({ map, inverse, bins }: ClosedForm): Record<string, HostTensor<'f32'>> {
  const empty: ColourBin = { colour: [0, 0, 0, 0], error: 0, change: 0 };
  const all = Array.from({ length: BINS }, (_, i) => bins[i] ?? empty);
  const values: { readonly [K in keyof ClosedFormValues]: readonly number[] } = {
    map: [0, 1, 2, 3].flatMap((c) => map.map((row) => row[c]!)),
    inverse: inverse.flat(),
    nearness: all.flatMap(({ colour }) => [
      ...colour.map((v) => (2 * v) / NEAR),
      -1 / NEAR,
      1 - length2(colour) / NEAR,
    ]),
    bins: [...all.map(({ error }) => error), ...all.map(({ change }) => change)],
    always: [
      FAR * all.reduce((sum, { error }) => sum + error, 0) + FLOOR,
      FAR * all.reduce((sum, { change }) => sum + change, 0) + FLOOR,
    ],
  };
  return Object.fromEntries(FIELDS.map((field) => [`fit.${field}`, f32(values[field], SHAPES[field])]));
}

/**
 * @param picture premultiplied, [1, 4, H, W].
 * @returns the picture as the closed form maps it, [1, 4, H, W], and its trust, [1, 1, H, W], in 0 to 1.
 */
export function applyClosedForm(
  b: GraphBuilder,
  fit: ClosedFormValues,
  picture: Value,
): { readonly mapped: Value; readonly trust: Value } {
  const [, , height, width] = picture.shape as [number, number, number, number];
  const p = b.reshape(picture, [4, height * width]);
  const ones = b.expand(b.scalar(1), [1, height * width]);
  const rgb = b.slice(p, 0, 0, 3);
  const turned = b.concat([b.slice(p, 0, 1, 3), b.slice(p, 0, 0, 1)], 0);
  const x = b.concat([p, ones, b.square(rgb), b.mul(rgb, turned)], 0);
  const mapped = validColours(b, b.reshape(b.add(p, b.matmul(fit.map, x)), picture.shape));

  const squaredLength = b.reduceSum(b.square(p), [0], true);
  const near = b.square(b.relu(b.matmul(fit.nearness, b.concat([p, squaredLength, ones], 0))));
  const sums = b.add(b.matmul(fit.bins, near), fit.always);
  const explained = b.clip(b.sub(1, b.div(b.slice(sums, 0, 0, 1), b.slice(sums, 0, 1, 2))), 0, 1);
  const leverage = b.reduceSum(b.mul(b.matmul(fit.inverse, x), x), [0], true);
  const trust = b.div(explained, b.add(b.relu(b.sub(leverage, LEVERAGE)), 1));
  return { mapped, trust: b.reshape(trust, [1, 1, height, width]) };
}

/** Premultiplied colours [N, 4, H, W] with every value in range. */
export function validColours(b: GraphBuilder, picture: Value): Value {
  const alpha = b.clip(b.slice(picture, 1, 3, 4), 0, 1);
  const rgb = b.relu(b.slice(picture, 1, 0, 3));
  const wide = b.expand(alpha, rgb.shape);
  return b.concat([b.where(b.greater(rgb, wide), wide, rgb), alpha], 1);
}
