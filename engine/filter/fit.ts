/**
 * Learning a repainting (filter.ts) from a pair and its copies: what becomes of colours, whether the style draws strokes,
 * whether it casts shadows. One after the other: what is laid along an edge says nothing of fills, so they are fitted away
 * from edges; and what becomes of fills is no part of a stroke, so that is fitted to what they leave.
 */
import { RidgeRegression } from '../tensor/linear';
import type { DrawnPair } from '../image/canvas';
import { edgeFields, fieldReader, type EdgeFields } from '../image/edges';
import { borderColour } from '../image/background';
import { placesOf, SHADOW_PLACES, STROKE_PLACES, type PlaceFinder } from './place';
import {
  colourAt,
  colourFeatures,
  COLOUR_WEIGHTS,
  forRepainted,
  INK,
  planesOf,
  type Colour,
  type Repainting,
} from './filter';
import { planes, type Planes } from '../image/resample';
import { DIRECTIONS } from './shadow';

/**
 * Pull the weights towards 0; they matter where the pictures do not say. Ink is pulled harder than opacity: what a few
 * colours leave open is then taken for less of the colour rather than for ink of the opposite one.
 */
const RIDGE = { colours: 1e-3, one: 1e-9, ink: 1e-4, opacity: 1e-5 } as const;

/** Pulls a shadow's reaches together: how far it falls where the pair's canvas ends is not known, so it goes on as it was. */
const TIE = 1e-3;

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

/** When what is left of the ground's change counts as a shadow: seen, and explained by one direction. */
const SHADOW = { visible: 1 / 32, explained: 0.7 } as const;

/** A before image with its edges, and what becomes of it. */
interface Lesson {
  readonly before: Planes;
  readonly after: Planes;
  readonly fields: EdgeFields;
}

/** A lesson, and how far the before image has come: with its fills done, and with all that was laid on so far. */
interface Layers extends Lesson {
  readonly filled: Planes;
  readonly laid: Planes;
}

/**
 * The repainting that takes before to after best over the pixels of all pairs: ridge regressions of the change, of
 * colours first, then of strokes and of a shadow over them. Null when it is the net's to find.
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
  const toned = lessons.map((lesson): Layers => {
    const filled = painted(fills, lesson.before, lesson.fields);
    return { ...lesson, filled, laid: filled };
  });
  const strokes = fitInk(toned, { first: 0, places: STROKE_PLACES, tie: 0 }, ({ before, fields }) =>
    placesOf(fields, before.width, before.height, true, []),
  );
  const drawn = drawsStrokes(toned[0]!, strokes);
  const base = [...(colours ? fills : nothing(COLOUR_WEIGHTS)), ...(drawn ? strokes : nothing(INK * STROKE_PLACES))];
  const shadow = fitShadow(lessons[0]!, base);
  if (shadow) return [...base, ...shadow];
  if (drawn) return base;
  return colours ? fills : null;
}

const nothing = (weights: number): number[] => new Array<number>(weights).fill(0);

/** Weights of colours, fitted to pixels away from edges, or to all of a picture that is all edges. */
function fitColours(lessons: readonly Lesson[]): number[] {
  const regression = new RidgeRegression(COLOUR_WEIGHTS);
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
    const read = fieldReader([fields.edge], fields, width, height);
    const distance = new Float64Array(1);
    forPixels(width, height, (x, y, i) => {
      read(x, y, distance);
      const weight = distance[0]! < AWAY ? NEARER : 1;
      total += weight;
      observe(colourAt(before, i), colourAt(after, i), weight);
    });
    if (fields.ground) observe(borderColour(before), borderColour(after), (GROUND_WEIGHT * width * height) / 2);
  }
  return regression.solve((weight) => total * (weight < COLOUR_WEIGHTS - 3 ? RIDGE.colours : RIDGE.one));
}

/** Weights of ink over fills, for `places` reaches from the `first`, fitted to what is left of the change. */
function fitInk(
  lessons: readonly Layers[],
  { first, places, tie }: { readonly first: number; readonly places: number; readonly tie: number },
  finder: (lesson: Lesson) => PlaceFinder,
): number[] {
  const regression = new RidgeRegression(INK * places);
  let pixels = 0;
  for (const lesson of lessons) {
    const { filled, laid, after } = lesson;
    const placeAt = finder(lesson);
    forPixels(after.width, after.height, (x, y, i) => {
      pixels++;
      const { count, reach, share } = placeAt(x, y);
      const [fill, from, to] = [colourAt(filled, i), colourAt(laid, i), colourAt(after, i)];
      for (let c = 0; c < 3; c++) {
        for (let p = 0; p < count; p++) {
          const weight = INK * (reach[p]! - first);
          regression.feature(weight + c, share[p]!);
          regression.feature(weight + 3, -share[p]! * fill[c]!);
        }
        regression.observe(to[c]! - from[c]!, 1);
      }
    });
  }
  if (tie > 0) for (let p = INK; p < INK * places; p++) regression.tie(p - INK, p, pixels * tie);
  return regression.solve((weight) => pixels * (weight % INK === INK - 1 ? RIDGE.opacity : RIDGE.ink));
}

/**
 * Weights of shadows in all directions, 0 in all but one; null when the pair shows no shadow over what `base` paints.
 *
 * @param base weights of colours and strokes.
 */
function fitShadow({ before, after, fields }: Lesson, base: Repainting): number[] | null {
  if (!fields.ground) return null;
  const { width, height } = before;
  const laid = painted(base, before, fields);
  const lesson = { before, after, fields, filled: painted(base.slice(0, COLOUR_WEIGHTS), before, fields), laid };
  const left = changeOnGround(laid, after, fields);
  if (Math.sqrt(left.mean) < SHADOW.visible) return null;
  let least = (1 - SHADOW.explained) * left.sum;
  let best: number[] | null = null;
  for (const k of DIRECTIONS.keys()) {
    const reaches = { first: STROKE_PLACES + k * SHADOW_PLACES, places: SHADOW_PLACES, tie: TIE };
    const shadow = fitInk([lesson], reaches, () => placesOf(fields, width, height, false, [k]));
    const shadows = DIRECTIONS.flatMap((_, other) => (other === k ? shadow : nothing(shadow.length)));
    const { sum } = changeOnGround(painted([...base, ...shadows], before, fields), after, fields);
    if (sum < least) [least, best] = [sum, shadows];
  }
  return best;
}

/** Squared changes that are left on the ground, of colours in [0, 1]: their sum and their mean. */
function changeOnGround(laid: Planes, after: Planes, fields: EdgeFields): { sum: number; mean: number } {
  const { width, height } = after;
  const read = fieldReader([fields.outline], fields, width, height);
  const outline = new Float64Array(1);
  let [sum, values] = [0, 0];
  for (let i = 0; i < width * height; i++) {
    read(i % width, Math.floor(i / width), outline);
    if (outline[0]! >= 0) continue;
    const [from, to] = [colourAt(laid, i), colourAt(after, i)];
    for (let c = 0; c < 3; c++) sum += (to[c]! - from[c]!) ** 2;
    values += 3;
  }
  return { sum, mean: sum / Math.max(1, values) };
}

/** Every other pixel, as on a chessboard: as good, in half the time. */
function forPixels(width: number, height: number, visit: (x: number, y: number, i: number) => void): void {
  for (let y = 0; y < height; y++) for (let x = y % 2; x < width; x += 2) visit(x, y, y * width + x);
}

/** A picture repainted, which has these edges. */
function painted(repainting: Repainting, picture: Planes, fields: EdgeFields): Planes {
  const { width, height, data } = picture;
  const out = new Float32Array(data.length);
  forRepainted(
    repainting,
    picture,
    () => fields,
    (i, colour) => {
      for (let c = 0; c < 3; c++) out[c * width * height + i] = colour[c]!;
    },
  );
  return planes(3, width, height, out);
}

/** Whether what fills leave of the pair's change are strokes that `strokes` explain. */
function drawsStrokes({ filled, after, fields }: Layers, strokes: readonly number[]): boolean {
  const { width, height } = filled;
  const newArea = () => ({ pixels: 0, left: 0, unexplained: 0 });
  const [beside, inside, ground] = [newArea(), newArea(), newArea()];
  const read = fieldReader([fields.edge, fields.outline], fields, width, height);
  const distances = new Float64Array(2);
  const drawn = painted([...nothing(COLOUR_WEIGHTS), ...strokes], filled, fields);
  for (let i = 0; i < width * height; i++) {
    read(i % width, Math.floor(i / width), distances);
    const area = distances[0]! < STROKES.beside ? beside : distances[1]! < 0 ? ground : inside;
    const to = colourAt(after, i);
    const miss = (is: Colour): number => to.reduce((sum, value, c) => sum + (value - is[c]!) ** 2, 0);
    area.pixels++;
    area.left += miss(colourAt(filled, i));
    area.unexplained += miss(colourAt(drawn, i));
  }
  const spread = ({ left, pixels }: typeof beside): number => Math.sqrt(left / 3 / Math.max(1, pixels));
  return (
    spread(beside) >= STROKES.visible &&
    spread(beside) >= STROKES.apart * Math.max(spread(inside), spread(ground)) &&
    beside.unexplained <= (1 - STROKES.explained) * beside.left
  );
}
