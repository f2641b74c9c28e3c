/**
 * Repainting: what a style makes of a pixel by its colour and by where it lies beside the picture's edges. A style that
 * paints in colours of its own, as blueprint or duotone do, gives every colour another; one that draws outlines puts a
 * stroke along edges; one may cast shadows. A function of the pixel says that to all pixels alike, keeps every edge in its place and every
 * flat area flat, at any resolution; the net is left with what no such function can draw. Such a filter learned from one
 * pair (repaint-fit.ts) is the idea of image analogies (Hertzmann et al., SIGGRAPH 2001). Not in the paper; measured in
 * docs/method.md.
 */
import { f32, type HostTensor } from '../tensor/tensor';
import { compositeAt, type Rgb } from '../image/canvas';
import { edgeFields, EDGES_SIDE, type EdgeFields } from '../image/edges';
import { image, type Image } from '../image/image';
import { PLACES, placesOf, SHADOW_PLACES, STROKE_PLACES, type Place, type PlaceFinder } from './place';
import { planes, type Planes } from '../image/resample';
import { DIRECTIONS } from './shadow';

/**
 * Weights of the change of a pixel's three channels, colours in [0, 1]: those of the features of its colour, then, in a
 * style that lays on ink, those of the reaches of strokes (place.ts), and then of shadows.
 */
export type Repainting = readonly number[];

/** Features of colour: r, g, b, y², y³ and 1, with y the luma. */
const FEATURES = 6;
/** Weights that colours take: three a feature. */
export const COLOUR_WEIGHTS = 3 * FEATURES;
/** Weights a reach has: a colour x becomes (1 - a) x + ink, with opacity a: the three of ink, then a. */
export const INK = 4;
/** Where the weights of shadows begin. */
const SHADOWS = COLOUR_WEIGHTS + INK * STROKE_PLACES;

/** How many weights a repainting has: of colours alone, with strokes, with shadows. */
export const REPAINTING_SIZES: readonly number[] = [COLOUR_WEIGHTS, SHADOWS, COLOUR_WEIGHTS + INK * PLACES];

export type Colour = readonly [number, number, number];

/** ITU-R BT.601. */
const LUMA = [0.299, 0.587, 0.114] as const;

/** The features of a pixel's colour. */
export function colourFeatures([r, g, b]: Colour): readonly number[] {
  const luma = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
  return [r, g, b, luma ** 2, luma ** 3, 1];
}

/**
 * A pixel's colour by a repainting, in [0, 1] as the given one, put into `out`: its colour first, ink laid over that.
 * Without a place, far from every edge and shadow.
 */
function repaint(repainting: Repainting, colour: Colour, place: Place | null, out: Float64Array): Float64Array {
  const [r, g, b] = colour;
  const luma = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
  const [square, cube] = [luma * luma, luma * luma * luma];
  for (let c = 0; c < 3; c++) {
    const painted =
      colour[c]! +
      r * repainting[c]! +
      g * repainting[3 + c]! +
      b * repainting[6 + c]! +
      square * repainting[9 + c]! +
      cube * repainting[12 + c]! +
      repainting[15 + c]!;
    const fill = Math.min(1, Math.max(0, painted));
    let laid = fill;
    for (let k = 0; k < (place?.count ?? 0); k++) {
      const first = COLOUR_WEIGHTS + INK * place!.reach[k]!;
      laid += place!.share[k]! * (repainting[first + c]! - repainting[first + 3]! * fill);
    }
    out[c] = Math.min(1, Math.max(0, laid));
  }
  return out;
}

/** Finds the places where a repainting lays on ink; null when it lays on none. */
function inkedPlaces(
  repainting: Repainting,
  fields: () => EdgeFields,
  width: number,
  height: number,
): PlaceFinder | null {
  const inked = (first: number, places: number): boolean =>
    repainting.slice(first, first + INK * places).some((weight) => weight !== 0);
  const strokes = inked(COLOUR_WEIGHTS, STROKE_PLACES);
  const shadows = [...DIRECTIONS.keys()].filter((k) => inked(SHADOWS + k * INK * SHADOW_PLACES, SHADOW_PLACES));
  return strokes || shadows.length > 0 ? placesOf(fields(), width, height, strokes, shadows) : null;
}

/** A picture [1, 3, h, w] in [-1, 1] as planes in [0, 1]. */
export function planesOf({ data, shape }: HostTensor<'f32'>): Planes {
  return planes(
    3,
    shape[3]!,
    shape[2]!,
    data.map((value) => (value + 1) / 2),
  );
}

/** The colour of pixel `i`, of three planes. */
export function colourAt({ data }: Planes, i: number): Colour {
  const size = data.length / 3;
  return [data[i]!, data[size + i]!, data[2 * size + i]!];
}

/** Tells every pixel's colour, repainted, by its number; the array told is the same every time, with another content. */
export function forRepainted(
  repainting: Repainting,
  picture: Planes,
  fields: () => EdgeFields,
  tell: (i: number, colour: Float64Array) => void,
): void {
  const { width, height } = picture;
  const placeAt = inkedPlaces(repainting, fields, width, height);
  const painted = new Float64Array(3);
  for (let i = 0; i < width * height; i++) {
    tell(i, repaint(repainting, colourAt(picture, i), placeAt?.(i % width, Math.floor(i / width)) ?? null, painted));
  }
}

/** A picture [1, 3, h, w] in [-1, 1], repainted. */
export function repaintDrawn(repainting: Repainting, picture: HostTensor<'f32'>): HostTensor<'f32'> {
  const source = planesOf(picture);
  const size = source.width * source.height;
  const data = new Float32Array(picture.data.length);
  const edges = (): EdgeFields => edgeFields(source);
  forRepainted(repainting, source, edges, (i, colour) => {
    for (let c = 0; c < 3; c++) data[c * size + i] = 2 * colour[c]! - 1;
  });
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
  const { width, height } = picture;
  let found: EdgeFields | undefined;
  const fields = (): EdgeFields => (found ??= fieldsOf(picture, background));
  const acting = repaintings
    .filter(({ weight }) => weight !== 0)
    .map((weighted) => ({ ...weighted, placeAt: inkedPlaces(weighted.repainting, fields, width, height) }));
  if (acting.length === 0) return picture;
  const painted = new Float64Array(3);
  const data = new Uint8ClampedArray(picture.data);
  for (let i = 0; i < width * height; i++) {
    if (data[4 * i + 3] === 0) continue;
    const colour: Colour = [data[4 * i]! / 255, data[4 * i + 1]! / 255, data[4 * i + 2]! / 255];
    let [r, g, b] = colour;
    for (const { repainting, weight, placeAt } of acting) {
      repaint(repainting, colour, placeAt?.(i % width, Math.floor(i / width)) ?? null, painted);
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
  const pixel = repaintings.map(({ repainting, weight }) => ({
    repainting: repainting.slice(0, COLOUR_WEIGHTS),
    weight,
  }));
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
