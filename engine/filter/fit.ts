/**
 * Fitting a per-pixel filter (filter.ts) to a pair and its augmentations: what becomes of colours, whether the style
 * draws strokes, whether it casts shadows. One after the other: what lies along an edge says nothing of fills, so they
 * are fitted away from edges; and what becomes of fills is no part of a stroke, so that is fitted to what they leave.
 */
import { borderColour } from '../image/background';
import { planeReader, type EdgeDistances } from '../image/edges';
import type { AnalysedPair } from '../image/pair';
import type { Planes } from '../image/resample';
import { RidgeRegression } from '../tensor/linear';
import {
  colourAt,
  colourFeatures,
  COLOUR_WEIGHTS,
  filterPlanes,
  INK_WEIGHTS,
  type Colour,
  type PixelFilter,
  type Shadow,
} from './filter';
import { placesOf, SHADOW_PLACES, STROKE_PLACES, type Inks } from './place';
import { DIRECTIONS } from './shadow';

/**
 * Pull the weights towards 0; they matter where the pictures do not say. Ink is pulled harder than opacity: what a few
 * colours leave open is then taken for less of the colour rather than for ink of the opposite one.
 */
const RIDGE = { colours: 1e-3, one: 1e-9, ink: 1e-4, opacity: 1e-5 } as const;

/** Pulls neighbouring places of a shadow together: how far it falls where the canvas ends is not known, so it goes on as it was. */
const TIE = 1e-3;

/** How many times as much as all pixels the colour of a background counts: so it comes out right to less than a grey level. */
const BACKGROUND_WEIGHT = 100;

/** As far from an edge as a stroke rarely extends, px of EDGES_SIDE, and what a pixel closer to one counts for colours. */
const AWAY = 6.5;
const CLOSE_WEIGHT = 0.01;

/** When what colours leave of the change counts as strokes. Tuned on tune tasks of the pair benchmark (docs/experiments.md). */
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

/** When what is left of the background's change counts as a shadow: seen, and explained by one direction. */
const SHADOW = { visible: 1 / 32, explained: 0.7 } as const;

/** A training pair, and what the before image is after the fills that were fitted, and after all that was fitted. */
interface Layers {
  readonly pair: AnalysedPair;
  readonly filled: Planes;
  readonly inked: Planes;
}

/**
 * The filter that takes before to after best over the pixels of all pairs: ridge regressions of the change, of colours
 * first, then of strokes and of a shadow over them. Null when the change is the net's to find.
 *
 * @param pairs the pair first, then its augmentations.
 * @param ownColours whether the style paints in colours of its own; a before image's background then becomes the after
 *   image's, whatever lies on that close to the drawing. Else what becomes of colours is the net's.
 */
export function fitFilter(pairs: readonly AnalysedPair[], ownColours: boolean): PixelFilter | null {
  // Ink keeps its hue, whatever lies under it: augmentations in other hues would grey it.
  const used = ownColours ? pairs : pairs.slice(0, 1);
  const colour = fitColours(used);
  const layers = used.map((pair): Layers => {
    const filled = filterPlanes({ colour }, inputOf(pair));
    return { pair, filled, inked: filled };
  });
  const strokes = fitInk(layers, { first: 0, places: STROKE_PLACES, tie: 0, inks: { strokes: true, shadow: null } });
  const base: PixelFilter = {
    ...(ownColours && { colour }),
    ...(drawsStrokes(layers[0]!, strokes) && { strokes }),
  };
  const shadow = fitShadow(pairs[0]!, base);
  const filter = { ...base, ...(shadow && { shadow }) };
  return Object.keys(filter).length > 0 ? filter : null;
}

function inputOf({ before, distances }: AnalysedPair): { picture: Planes; distances: () => EdgeDistances } {
  return { picture: before, distances };
}

/** Weights of colours, fitted to pixels away from edges, or to all of a picture that is all edges. */
function fitColours(pairs: readonly AnalysedPair[]): number[] {
  const regression = new RidgeRegression(COLOUR_WEIGHTS);
  let total = 0;
  const observe = (from: Colour, to: Colour, weight: number): void => {
    const features = colourFeatures(from);
    for (let c = 0; c < 3; c++) {
      for (const [p, feature] of features.entries()) regression.feature(3 * p + c, feature);
      regression.observe(to[c]! - from[c]!, weight);
    }
  };
  for (const { before, after, distances } of pairs) {
    const { width, height } = before;
    const { edge, background, ...size } = distances();
    const read = planeReader([edge], size, width, height);
    const distance = new Float64Array(1);
    forPixels(width, height, (x, y, i) => {
      read(x, y, distance);
      const weight = distance[0]! < AWAY ? CLOSE_WEIGHT : 1;
      total += weight;
      observe(colourAt(before, i), colourAt(after, i), weight);
    });
    if (background) observe(borderColour(before), borderColour(after), (BACKGROUND_WEIGHT * width * height) / 2);
  }
  return regression.solve((weight) => total * (weight < COLOUR_WEIGHTS - 3 ? RIDGE.colours : RIDGE.one));
}

interface InkFit {
  /** The first place's number, and how many there are. */
  readonly first: number;
  readonly places: number;
  /** How strongly neighbouring places are pulled together. */
  readonly tie: number;
  readonly inks: Inks;
}

/** Weights of ink over fills, fitted to what is left of the change. */
function fitInk(layers: readonly Layers[], { first, places, tie, inks }: InkFit): number[] {
  const regression = new RidgeRegression(INK_WEIGHTS * places);
  let pixels = 0;
  for (const { pair, filled, inked } of layers) {
    const { after } = pair;
    const placeAt = placesOf(pair.distances(), after.width, after.height, inks);
    forPixels(after.width, after.height, (x, y, i) => {
      pixels++;
      const { count, index, share } = placeAt(x, y);
      const [fill, from, to] = [colourAt(filled, i), colourAt(inked, i), colourAt(after, i)];
      for (let c = 0; c < 3; c++) {
        for (let p = 0; p < count; p++) {
          const weight = INK_WEIGHTS * (index[p]! - first);
          regression.feature(weight + c, share[p]!);
          regression.feature(weight + 3, -share[p]! * fill[c]!);
        }
        regression.observe(to[c]! - from[c]!, 1);
      }
    });
  }
  if (tie > 0) {
    for (let p = INK_WEIGHTS; p < INK_WEIGHTS * places; p++) regression.tie(p - INK_WEIGHTS, p, pixels * tie);
  }
  const isOpacity = (weight: number): boolean => weight % INK_WEIGHTS === INK_WEIGHTS - 1;
  return regression.solve((weight) => pixels * (isOpacity(weight) ? RIDGE.opacity : RIDGE.ink));
}

/** The shadow over what `base` paints, in the direction that explains most; null when the pair shows none. */
function fitShadow(pair: AnalysedPair, base: PixelFilter): Shadow | null {
  if (!pair.distances().background) return null;
  const inked = filterPlanes(base, inputOf(pair));
  const filled = filterPlanes(base.colour ? { colour: base.colour } : {}, inputOf(pair));
  const left = changeOnBackground(inked, pair);
  if (Math.sqrt(left.mean) < SHADOW.visible) return null;
  let least = (1 - SHADOW.explained) * left.sum;
  let best: Shadow | null = null;
  for (const direction of DIRECTIONS.keys()) {
    const inks = { strokes: false, shadow: direction };
    const weights = fitInk([{ pair, filled, inked }], { first: STROKE_PLACES, places: SHADOW_PLACES, tie: TIE, inks });
    const shadow = { direction, weights };
    const { sum } = changeOnBackground(filterPlanes({ ...base, shadow }, inputOf(pair)), pair);
    if (sum < least) [least, best] = [sum, shadow];
  }
  return best;
}

/** Squared changes that are left on the background, of colours in [0, 1]: their sum and their mean. */
function changeOnBackground(from: Planes, { after, distances }: AnalysedPair): { sum: number; mean: number } {
  const { width, height } = after;
  const found = distances();
  const read = planeReader([found.outline], found, width, height);
  const outline = new Float64Array(1);
  let [sum, values] = [0, 0];
  for (let i = 0; i < width * height; i++) {
    read(i % width, Math.floor(i / width), outline);
    if (outline[0]! >= 0) continue;
    const [is, wanted] = [colourAt(from, i), colourAt(after, i)];
    for (let c = 0; c < 3; c++) sum += (wanted[c]! - is[c]!) ** 2;
    values += 3;
  }
  return { sum, mean: sum / Math.max(1, values) };
}

/** Every other pixel, as on a chessboard: as good, in half the time. */
function forPixels(width: number, height: number, visit: (x: number, y: number, i: number) => void): void {
  for (let y = 0; y < height; y++) for (let x = y % 2; x < width; x += 2) visit(x, y, y * width + x);
}

/** Whether what fills leave of the pair's change are strokes that `strokes` explain. */
function drawsStrokes({ pair, filled }: Layers, strokes: readonly number[]): boolean {
  const { width, height } = filled;
  const newArea = () => ({ pixels: 0, left: 0, unexplained: 0 });
  const [beside, inside, background] = [newArea(), newArea(), newArea()];
  const found = pair.distances();
  const read = planeReader([found.edge, found.outline], found, width, height);
  const distances = new Float64Array(2);
  const drawn = filterPlanes({ strokes }, { picture: filled, distances: pair.distances });
  for (let i = 0; i < width * height; i++) {
    read(i % width, Math.floor(i / width), distances);
    const area = distances[0]! < STROKES.beside ? beside : distances[1]! < 0 ? background : inside;
    const to = colourAt(pair.after, i);
    const miss = (is: Colour): number => to.reduce((sum, value, c) => sum + (value - is[c]!) ** 2, 0);
    area.pixels++;
    area.left += miss(colourAt(filled, i));
    area.unexplained += miss(colourAt(drawn, i));
  }
  const spread = ({ left, pixels }: typeof beside): number => Math.sqrt(left / 3 / Math.max(1, pixels));
  return (
    spread(beside) >= STROKES.visible &&
    spread(beside) >= STROKES.apart * Math.max(spread(inside), spread(background)) &&
    beside.unexplained <= (1 - STROKES.explained) * beside.left
  );
}
