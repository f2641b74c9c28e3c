/**
 * Learning a repainting (repaint.ts) from a pair and its copies: what becomes of colours, by pixels away from edges, and
 * whether the style draws strokes, and which. What is laid along an edge says nothing of fills, and what becomes of fills
 * is no part of a stroke, so each is fitted where the other is not.
 */
import { solvePositiveDefinite } from '../tensor/linear';
import type { DrawnPair } from './copies';
import { edgeFields, fieldReader, type EdgeFields } from './edges';
import { borderColour, groundOf } from './ground';
import {
  colourAt,
  colourFeatures,
  COLOUR_WEIGHTS,
  placesOf,
  planesOf,
  repaint,
  STROKE,
  STROKE_WEIGHTS,
  type Colour,
  type Repainting,
} from './repaint';
import { planes, type Planes } from './resample';

/**
 * Pull the weights towards 0; they matter where the pictures do not say. Ink is pulled harder than opacity: what a few
 * colours leave open is then taken for less of the colour rather than for ink of the opposite one.
 */
const RIDGE = { colours: 1e-3, one: 1e-9, ink: 1e-4, opacity: 1e-5 } as const;

/** How many times as much as all pixels the colour of a ground counts: so it comes out right to less than a grey level. */
const GROUND_WEIGHT = 100;

/** As far from an edge as a stroke rarely reaches, px of EDGES_SIDE, and what a pixel counts for colours that is nearer. */
const AWAY = 6.5;
const NEARER = 0.01;

/** When what colours leave of the change counts as strokes. Tuned on tune tasks of the pair benchmark (docs/method.md). */
const STROKES = {
  /** As far from an edge as a stroke counts as beside it, px of EDGES_SIDE. */
  beside: 3,
  /** Least root mean square of what is left there, of colours in [0, 1]: a stroke one can see. */
  visible: 1 / 8,
  /** How many times that of all other places. */
  apart: 1.25,
  /** Least share of it that the place explains, squared. */
  explained: 0.55,
} as const;

/** A before image with its edges, and what becomes of it. */
interface Lesson {
  readonly before: Planes;
  readonly after: Planes;
  readonly fields: EdgeFields;
}

/**
 * The repainting that takes before to after best over the pixels of all pairs: ridge regressions of the change, of
 * colours first, then of strokes over them. Null when it is the net's to find.
 *
 * @param pairs the pair first, then its copies.
 * @param colours whether the style paints in colours of its own; a before image's ground then becomes the after image's,
 *   whatever lies on that near the drawing. Else what becomes of colours is the net's.
 */
export function learnRepainting(pairs: readonly DrawnPair[], colours: boolean): Repainting | null {
  // Ink keeps its hue, whatever lies under it: copies in other hues would grey it.
  const lessons = (colours ? pairs : pairs.slice(0, 1)).map(({ before, after }): Lesson => {
    const picture = planesOf(before);
    return { before: picture, after: planesOf(after), fields: edgeFields(picture) };
  });
  const fills = fitColours(lessons);
  const filled = lessons.map((lesson) => ({ ...lesson, before: painted(fills, lesson.before) }));
  const strokes = fitStrokes(filled);
  if (drawsStrokes(filled[0]!, strokes)) return [...(colours ? fills : NO_COLOURS), ...strokes];
  return colours ? fills : null;
}

const NO_COLOURS: readonly number[] = new Array<number>(COLOUR_WEIGHTS).fill(0);

/** Weights of colours, fitted to pixels away from edges, or to all of a picture that is all edges. */
function fitColours(lessons: readonly Lesson[]): number[] {
  const regression = new Regression(COLOUR_WEIGHTS);
  let total = 0;
  const observe = (from: Colour, to: Colour, weight: number): void => {
    const features = colourFeatures(from);
    for (let c = 0; c < 3; c++) {
      for (const [p, feature] of features.entries()) regression.feature(3 * p + c, feature);
      regression.observe(to[c]! - from[c]!, weight);
    }
  };
  for (const { before, after, fields } of lessons) {
    const { width, height } = before;
    const read = fieldReader(fields, width, height);
    const distances = new Float64Array(2);
    forPixels(width, height, (x, y, i) => {
      read(x, y, distances);
      const weight = distances[0]! < AWAY ? NEARER : 1;
      total += weight;
      observe(colourAt(before, i), colourAt(after, i), weight);
    });
    if (groundOf(before)) observe(borderColour(before), borderColour(after), (GROUND_WEIGHT * width * height) / 2);
  }
  return regression.solve((weight) => total * (weight < COLOUR_WEIGHTS - 3 ? RIDGE.colours : RIDGE.one));
}

/** Weights of strokes, fitted to what fills leave of the change. */
function fitStrokes(filled: readonly Lesson[]): number[] {
  const regression = new Regression(STROKE_WEIGHTS);
  let pixels = 0;
  for (const { before, after, fields } of filled) {
    const { width, height } = before;
    const placeAt = placesOf(fields, width, height);
    forPixels(width, height, (x, y, i) => {
      pixels++;
      const { count, reach, share } = placeAt(x, y);
      const [from, to] = [colourAt(before, i), colourAt(after, i)];
      for (let c = 0; c < 3; c++) {
        for (let k = 0; k < count; k++) {
          const first = STROKE * reach[k]!;
          regression.feature(first + c, share[k]!);
          regression.feature(first + 3, -share[k]! * from[c]!);
        }
        regression.observe(to[c]! - from[c]!, 1);
      }
    });
  }
  return regression.solve((weight) => pixels * (weight % STROKE === STROKE - 1 ? RIDGE.opacity : RIDGE.ink));
}

/** Every other pixel, as on a chessboard: as good, in half the time. */
function forPixels(width: number, height: number, visit: (x: number, y: number, i: number) => void): void {
  for (let y = 0; y < height; y++) for (let x = y % 2; x < width; x += 2) visit(x, y, y * width + x);
}

/** Weighted ridge regression of one number on few of many features at a time. */
class Regression {
  readonly #normal: number[][];
  readonly #right: number[][];
  readonly #features: number[] = [];
  readonly #values: number[] = [];
  #count = 0;

  constructor(size: number) {
    this.#normal = Array.from({ length: size }, () => new Array<number>(size).fill(0));
    this.#right = Array.from({ length: size }, () => [0]);
  }

  /** A feature of the next observation. */
  feature(feature: number, value: number): void {
    this.#features[this.#count] = feature;
    this.#values[this.#count++] = value;
  }

  observe(target: number, weight: number): void {
    for (let p = 0; p < this.#count; p++) {
      const value = weight * this.#values[p]!;
      const row = this.#normal[this.#features[p]!]!;
      for (let q = 0; q < this.#count; q++) row[this.#features[q]!]! += value * this.#values[q]!;
      this.#right[this.#features[p]!]![0]! += value * target;
    }
    this.#count = 0;
  }

  solve(ridge: (feature: number) => number): number[] {
    const normal = this.#normal.map((row, p) => row.map((value, q) => (p === q ? value + ridge(p) : value)));
    return solvePositiveDefinite(normal, this.#right).flat();
  }
}

/** Planes with every pixel's colour repainted. */
function painted(colours: Repainting, picture: Planes): Planes {
  const { width, height, data } = picture;
  const size = width * height;
  const colour = new Float64Array(3);
  const out = new Float32Array(data.length);
  for (let i = 0; i < size; i++) {
    repaint(colours, colourAt(picture, i), null, colour);
    for (let c = 0; c < 3; c++) out[c * size + i] = colour[c]!;
  }
  return planes(3, width, height, out);
}

/** Whether what fills leave of the pair's change are strokes that `strokes` explain. */
function drawsStrokes({ before, after, fields }: Lesson, strokes: readonly number[]): boolean {
  const { width, height } = before;
  const newArea = () => ({ pixels: 0, left: 0, unexplained: 0 });
  const [beside, inside, ground] = [newArea(), newArea(), newArea()];
  const read = fieldReader(fields, width, height);
  const distances = new Float64Array(2);
  const placeAt = placesOf(fields, width, height);
  const repainting = [...NO_COLOURS, ...strokes];
  const colour = new Float64Array(3);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    read(x, y, distances);
    const area = distances[0]! < STROKES.beside ? beside : distances[1]! < 0 ? ground : inside;
    const [from, to] = [colourAt(before, i), colourAt(after, i)];
    const miss = (is: ArrayLike<number>): number => to.reduce((sum, value, c) => sum + (value - is[c]!) ** 2, 0);
    area.pixels++;
    area.left += miss(from);
    area.unexplained += miss(repaint(repainting, from, placeAt(x, y), colour));
  }
  const spread = ({ left, pixels }: typeof beside): number => Math.sqrt(left / 3 / Math.max(1, pixels));
  return (
    spread(beside) >= STROKES.visible &&
    spread(beside) >= STROKES.apart * Math.max(spread(inside), spread(ground)) &&
    beside.unexplained <= (1 - STROKES.explained) * beside.left
  );
}
