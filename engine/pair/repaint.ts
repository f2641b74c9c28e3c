/**
 * Repainting: what a style makes of a pixel by its colour and by where it lies beside the picture's edges. A style that
 * paints in colours of its own, as blueprint or duotone do, gives every colour another; one that draws outlines puts a
 * stroke along edges. A function of the pixel says that to all pixels alike, keeps every edge in its place and every
 * flat area flat, at any resolution; the net is left with what no such function can draw. Such a filter learned from one
 * pair is the idea of image analogies (Hertzmann et al., SIGGRAPH 2001). Not in the paper; measured in docs/method.md.
 */
import { f32, type HostTensor } from '../tensor/tensor';
import { solvePositiveDefinite } from '../tensor/linear';
import { compositeAt, type Rgb } from './canvas';
import type { DrawnPair } from './copies';
import { edgeFields, EDGES_SIDE, fieldReader, type EdgeFields } from './edges';
import { borderColour, groundOf } from './ground';
import { image, type Image } from './image';
import { planes, type Planes } from './resample';

/**
 * The weights of a pixel's features on the change of its three channels, colours in [0, 1]: those of its colour, and in a
 * style that draws strokes also those of its place.
 */
export type Repainting = readonly number[];

/** Features of colour: r, g, b, y², y³ and 1, with y the luma. */
const COLOURS = 6;
/** Distances, in px of EDGES_SIDE, between which strokes are interpolated; nothing at the last. */
const REACHES = [0, 1, 2, 3, 4.5, 6.5, 9, 13] as const;
const STEPS = REACHES.length - 1;
/** What distances are from, and where: to edges on the ground, to edges on the drawing, to the outline on the drawing. */
const PLACES = 3 * STEPS;
/** Weights a reach has: of ink laid on with opacity a, which changes x by a ink - a x, the three a ink and a. */
const STROKE = 4;

/** How many weights a repainting has: of colours alone, with strokes. */
export const REPAINTING_SIZES: readonly number[] = [3 * COLOURS, 3 * COLOURS + STROKE * PLACES];

/**
 * Pull the weights towards 0; they matter where the pictures do not say. Ink is pulled harder than opacity: what a few
 * colours leave open is then taken for less of the colour rather than for ink of the opposite one.
 */
const RIDGE = { colours: 1e-3, one: 1e-9, ink: 1e-4, opacity: 1e-5 } as const;

/** How many times as much as all pixels the colour of a ground counts: so it comes out right to less than a grey level. */
const GROUND_WEIGHT = 100;

/** When what colours alone leave of the change counts as strokes. Tuned on tune tasks of the pair benchmark (docs/method.md). */
const STROKES = {
  /** As far from an edge as a stroke counts as beside it, px. */
  beside: 3,
  /** Least root mean square of what is left there, of colours in [0, 1]: a stroke one can see. */
  visible: 1 / 8,
  /** How many times that of all other places. */
  apart: 1.25,
  /** Least share of it that the place explains, squared. */
  explained: 0.55,
} as const;

type Colour = readonly [number, number, number];

/** ITU-R BT.601. */
const LUMA = [0.299, 0.587, 0.114] as const;

/** Where a pixel lies: the reaches its distances fall between, and how much of each. */
interface Place {
  count: number;
  readonly reach: Int32Array;
  readonly share: Float64Array;
}

/** Finds the places of a picture's pixels; the one given is the same every time, with another content. */
type PlaceFinder = (x: number, y: number) => Place;

function placesOf(fields: EdgeFields, width: number, height: number): PlaceFinder {
  const read = fieldReader(fields, width, height);
  const distances = new Float64Array(2);
  const place: Place = { count: 0, reach: new Int32Array(4), share: new Float64Array(4) };
  return (x, y) => {
    read(x, y, distances);
    place.count = 0;
    if (distances[1]! < 0) {
      addDistance(place, 0, distances[0]!);
    } else {
      addDistance(place, STEPS, distances[0]!);
      addDistance(place, 2 * STEPS, distances[1]!);
    }
    return place;
  };
}

function addDistance(place: Place, first: number, distance: number): void {
  if (distance >= REACHES[STEPS]!) return;
  let k = 0;
  while (REACHES[k + 1]! <= distance) k++;
  const share = (distance - REACHES[k]!) / (REACHES[k + 1]! - REACHES[k]!);
  place.reach[place.count] = first + k;
  place.share[place.count++] = 1 - share;
  if (k + 1 === STEPS) return;
  place.reach[place.count] = first + k + 1;
  place.share[place.count++] = share;
}

/** The features of a pixel's colour. */
function colourFeatures([r, g, b]: Colour): number[] {
  const luma = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
  return [r, g, b, luma ** 2, luma ** 3, 1];
}

/** A before image with its edges, and what becomes of it. */
interface Lesson {
  readonly before: Planes;
  readonly after: Planes;
  readonly fields: EdgeFields;
}

/**
 * The repainting that takes before to after best over all pixels of all pairs: ridge regression of the change. Null when
 * it is the net's to find.
 *
 * @param pairs the pair first, then its copies.
 * @param colours whether the style paints in colours of its own; a before image's ground then becomes the after image's,
 *   whatever lies on that near the drawing.
 */
export function learnRepainting(pairs: readonly DrawnPair[], colours: boolean): Repainting | null {
  // Ink keeps its hue, whatever lies under it: copies in other hues would grey it.
  const lessons = (colours ? pairs : pairs.slice(0, 1)).map(({ before, after }): Lesson => {
    const picture = planesOf(before);
    return { before: picture, after: planesOf(after), fields: edgeFields(picture) };
  });
  const plain = colours ? regress(lessons, { colours, strokes: false }) : null;
  const drawn = regress(lessons, { colours, strokes: true });
  return drawsStrokes(lessons[0]!, plain, drawn) ? drawn : plain;
}

function regress(lessons: readonly Lesson[], { colours, strokes }: { colours: boolean; strokes: boolean }): Repainting {
  const size = REPAINTING_SIZES[strokes ? 1 : 0]!;
  const normal = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  const right = Array.from({ length: size }, () => [0]);
  const [index, value] = [new Int32Array(COLOURS + 8), new Float64Array(COLOURS + 8)];
  const observe = (from: Colour, to: Colour, place: Place | null, weight: number): void => {
    const ofColour = colours ? colourFeatures(from) : [];
    for (let c = 0; c < 3; c++) {
      let count = 0;
      for (const [p, feature] of ofColour.entries()) [index[count], value[count++]] = [3 * p + c, feature];
      for (let k = 0; k < (place?.count ?? 0); k++) {
        const first = 3 * COLOURS + STROKE * place!.reach[k]!;
        [index[count], value[count++]] = [first + c, place!.share[k]!];
        [index[count], value[count++]] = [first + 3, -place!.share[k]! * from[c]!];
      }
      const change = weight * (to[c]! - from[c]!);
      for (let p = 0; p < count; p++) {
        const row = normal[index[p]!]!;
        for (let q = 0; q < count; q++) row[index[q]!]! += weight * value[p]! * value[q]!;
        right[index[p]!]![0]! += change * value[p]!;
      }
    }
  };
  let pixels = 0;
  for (const { before, after, fields } of lessons) {
    const { width, height } = before;
    const placeAt = placesOf(fields, width, height);
    // Every other pixel, as on a chessboard: as good, in half the time.
    for (let y = 0; y < height; y++) {
      for (let x = y % 2; x < width; x += 2) {
        const i = y * width + x;
        pixels++;
        observe(colourAt(before, i), colourAt(after, i), strokes ? placeAt(x, y) : null, 1);
      }
    }
    if (colours && groundOf(before)) {
      observe(borderColour(before), borderColour(after), null, (GROUND_WEIGHT * width * height) / 2);
    }
  }
  normal.forEach((row, p) => (row[p]! += pixels * ridgeOf(p)));
  return solvePositiveDefinite(normal, right).flat();
}

function ridgeOf(weight: number): number {
  if (weight < 3 * COLOURS) return weight < 3 * COLOURS - 3 ? RIDGE.colours : RIDGE.one;
  return (weight - 3 * COLOURS) % STROKE === STROKE - 1 ? RIDGE.opacity : RIDGE.ink;
}

/** Whether what colours leave of the pair's change are strokes that `drawn` explains. */
function drawsStrokes({ before, after, fields }: Lesson, plain: Repainting | null, drawn: Repainting): boolean {
  const { width, height } = before;
  const newArea = () => ({ pixels: 0, left: 0, unexplained: 0 });
  const [beside, inside, ground] = [newArea(), newArea(), newArea()];
  const read = fieldReader(fields, width, height);
  const distances = new Float64Array(2);
  const placeAt = placesOf(fields, width, height);
  const painted = new Float64Array(3);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    read(x, y, distances);
    const area = distances[0]! < STROKES.beside ? beside : distances[1]! < 0 ? ground : inside;
    const [from, to] = [colourAt(before, i), colourAt(after, i)];
    const miss = (colour: ArrayLike<number>): number =>
      to.reduce((sum, value, c) => sum + (value - colour[c]!) ** 2, 0);
    area.pixels++;
    area.left += miss(plain ? repaint(plain, from, null, painted) : from);
    area.unexplained += miss(repaint(drawn, from, placeAt(x, y), painted));
  }
  const spread = ({ left, pixels }: typeof beside): number => Math.sqrt(left / 3 / Math.max(1, pixels));
  return (
    spread(beside) >= STROKES.visible &&
    spread(beside) >= STROKES.apart * Math.max(spread(inside), spread(ground)) &&
    beside.unexplained <= (1 - STROKES.explained) * beside.left
  );
}

/**
 * A pixel's colour by a repainting, in [0, 1] as the given one, put into `out`; without a place, as far from every edge.
 */
function repaint(repainting: Repainting, colour: Colour, place: Place | null, out: Float64Array): Float64Array {
  const [r, g, b] = colour;
  const luma = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
  const [square, cube] = [luma * luma, luma * luma * luma];
  for (let c = 0; c < 3; c++) {
    out[c] =
      colour[c]! +
      r * repainting[c]! +
      g * repainting[3 + c]! +
      b * repainting[6 + c]! +
      square * repainting[9 + c]! +
      cube * repainting[12 + c]! +
      repainting[15 + c]!;
  }
  for (let k = 0; k < (place?.count ?? 0); k++) {
    const first = 3 * COLOURS + STROKE * place!.reach[k]!;
    const [share, opacity] = [place!.share[k]!, repainting[first + 3]!];
    for (let c = 0; c < 3; c++) out[c]! += share * (repainting[first + c]! - opacity * colour[c]!);
  }
  for (let c = 0; c < 3; c++) out[c] = Math.min(1, Math.max(0, out[c]!));
  return out;
}

const drawsPlaces = (repainting: Repainting): boolean => repainting.length > 3 * COLOURS;

/** A picture [1, 3, h, w] in [-1, 1] as planes in [0, 1]. */
function planesOf({ data, shape }: HostTensor<'f32'>): Planes {
  return planes(
    3,
    shape[3]!,
    shape[2]!,
    data.map((value) => (value + 1) / 2),
  );
}

function colourAt({ data }: Planes, i: number): Colour {
  const size = data.length / 3;
  return [data[i]!, data[size + i]!, data[2 * size + i]!];
}

/** A picture [1, 3, h, w] in [-1, 1], repainted. */
export function repaintDrawn(repainting: Repainting, picture: HostTensor<'f32'>): HostTensor<'f32'> {
  const source = planesOf(picture);
  const { width, height } = source;
  const placeAt = drawsPlaces(repainting) ? placesOf(edgeFields(source), width, height) : () => null;
  const painted = new Float64Array(3);
  const data = new Float32Array(picture.data.length);
  for (let i = 0; i < width * height; i++) {
    repaint(repainting, colourAt(source, i), placeAt(i % width, Math.floor(i / width)), painted);
    for (let c = 0; c < 3; c++) data[c * width * height + i] = 2 * painted[c]! - 1;
  }
  return f32(data, picture.shape);
}

/** A repainting and how much of its change counts: 0 none, 1 all, more or less than those to go on or the other way. */
export interface WeightedRepainting {
  readonly repainting: Repainting;
  readonly weight: number;
}

/**
 * The picture with the weighted changes of its pixels added; alpha is kept, and so are fully transparent pixels.
 *
 * @param background what the picture's edges are looked for on.
 */
export function repaintImage(picture: Image, repaintings: readonly WeightedRepainting[], background: Rgb): Image {
  const acting = repaintings.filter(({ weight }) => weight !== 0);
  if (acting.length === 0) return picture;
  const { width, height } = picture;
  const strokes = acting.some(({ repainting }) => drawsPlaces(repainting));
  const placeAt = strokes ? placesOf(fieldsOf(picture, background), width, height) : () => null;
  const painted = new Float64Array(3);
  const data = new Uint8ClampedArray(picture.data);
  for (let i = 0; i < width * height; i++) {
    if (data[4 * i + 3] === 0) continue;
    const colour: Colour = [data[4 * i]! / 255, data[4 * i + 1]! / 255, data[4 * i + 2]! / 255];
    const place = placeAt(i % width, Math.floor(i / width));
    let [r, g, b] = colour;
    for (const { repainting, weight } of acting) {
      repaint(repainting, colour, drawsPlaces(repainting) ? place : null, painted);
      r += weight * (painted[0]! - colour[0]);
      g += weight * (painted[1]! - colour[1]);
      b += weight * (painted[2]! - colour[2]);
    }
    // Uint8ClampedArray rounds to nearest and clips.
    [data[4 * i], data[4 * i + 1], data[4 * i + 2]] = [255 * r, 255 * g, 255 * b];
  }
  return image(width, height, data);
}

function fieldsOf(picture: Image, background: Rgb): EdgeFields {
  const scale = EDGES_SIDE / Math.max(picture.width, picture.height);
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  return edgeFields(compositeAt(picture, background, side(picture.width), side(picture.height)));
}

/** One colour repainted, far from every edge: a background. */
export function repaintRgb(colour: Rgb, repaintings: readonly WeightedRepainting[]): Rgb {
  const [r, g, b] = colour;
  const pixel = repaintings.map(({ repainting, weight }) => ({ repainting: repainting.slice(0, 3 * COLOURS), weight }));
  const { data } = repaintImage(image(1, 1, Uint8ClampedArray.of(r, g, b, 255)), pixel, colour);
  return [data[0]!, data[1]!, data[2]!];
}

/** The repaintings at the strength they were learned at, or, of several, as shares of it. */
export function wholly(repaintings: readonly WeightedRepainting[]): WeightedRepainting[] {
  const total = repaintings.reduce((sum, { weight }) => sum + Math.abs(weight), 0);
  return total === 0
    ? []
    : repaintings.map(({ repainting, weight }) => ({ repainting, weight: Math.abs(weight) / total }));
}
