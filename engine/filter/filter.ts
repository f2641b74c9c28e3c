/**
 * The per-pixel filter: what a style makes of a pixel by its colour and by where it lies beside the picture's edges. A
 * style that paints in colours of its own, as blueprint or duotone do, gives every colour another; one that draws
 * outlines puts a stroke along edges; one may cast shadows. Such a function treats all pixels alike, keeps every edge in
 * its place and every flat area flat, at any resolution; the net is left with what no such function can draw. A filter
 * learned from one pair (fit.ts) is the idea of image analogies (Hertzmann et al., SIGGRAPH 2001). Not in the paper;
 * measured in docs/experiments.md.
 */
import { compositeAt, type Rgb } from '../image/canvas';
import { edgeDistances, EDGES_SIDE, type EdgeDistances } from '../image/edges';
import { image, type Image } from '../image/image';
import { planes, type Planes } from '../image/resample';
import { f32, type HostTensor } from '../tensor/tensor';
import { placesOf, STROKE_PLACES, type Place, type PlaceFinder } from './place';

/** What a filter does, each part only where the style has it. All colours are in [0, 1]. */
export interface PixelFilter {
  /** COLOUR_WEIGHTS of the change of a pixel's three channels: three for each feature of its colour. */
  readonly colour?: readonly number[];
  /** Ink of strokes along edges: INK_WEIGHTS for each of STROKE_PLACES. */
  readonly strokes?: readonly number[];
  readonly shadow?: Shadow;
}

export interface Shadow {
  /** Where it falls: its number among DIRECTIONS. */
  readonly direction: number;
  /** Its ink: INK_WEIGHTS for each of SHADOW_PLACES. */
  readonly weights: readonly number[];
}

/** Features of colour: r, g, b, y², y³ and 1, with y the luma. */
const FEATURES = 6;
export const COLOUR_WEIGHTS = 3 * FEATURES;
/** Weights of ink at a place: a colour x becomes (1 - a) x + ink, with opacity a: the three of ink, then a. */
export const INK_WEIGHTS = 4;

export type Colour = readonly [number, number, number];

/** ITU-R BT.601. */
const LUMA = [0.299, 0.587, 0.114] as const;

/** The features of a pixel's colour. */
export function colourFeatures([r, g, b]: Colour): readonly number[] {
  const luma = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
  return [r, g, b, luma ** 2, luma ** 3, 1];
}

/** A filter ready for the pixels of one picture. */
interface PixelPass {
  readonly colour: readonly number[] | undefined;
  /** Weights of all ink by the numbers of places. */
  readonly ink: readonly number[];
  /** Null for a filter without ink. */
  readonly placeAt: PlaceFinder | null;
}

/** @param distances of the picture's edges; asked for only where the filter has ink. */
function passOver(filter: PixelFilter, width: number, height: number, distances: () => EdgeDistances): PixelPass {
  const { colour, strokes, shadow } = filter;
  if (!strokes && !shadow) return { colour, ink: [], placeAt: null };
  const noStrokes = new Array<number>(INK_WEIGHTS * STROKE_PLACES).fill(0);
  const ink = [...(strokes ?? noStrokes), ...(shadow?.weights ?? [])];
  const placeAt = placesOf(distances(), width, height, { strokes: !!strokes, shadow: shadow?.direction ?? null });
  return { colour, ink, placeAt };
}

/**
 * A pixel's filtered colour, put into `out`: its colour first, ink over that.
 *
 * @param place null for a pixel far from every edge and shadow.
 */
function filterPixel(
  { colour: weights, ink }: PixelPass,
  colour: Colour,
  place: Place | null,
  out: Float64Array,
): void {
  const [r, g, b] = colour;
  const luma = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
  const [square, cube] = [luma * luma, luma * luma * luma];
  for (let c = 0; c < 3; c++) {
    let value = colour[c]!;
    if (weights) {
      value =
        value +
        r * weights[c]! +
        g * weights[3 + c]! +
        b * weights[6 + c]! +
        square * weights[9 + c]! +
        cube * weights[12 + c]! +
        weights[15 + c]!;
    }
    const fill = Math.min(1, Math.max(0, value));
    let inked = fill;
    for (let k = 0; k < (place?.count ?? 0); k++) {
      const first = INK_WEIGHTS * place!.index[k]!;
      inked += place!.share[k]! * (ink[first + c]! - ink[first + 3]! * fill);
    }
    out[c] = Math.min(1, Math.max(0, inked));
  }
}

/** The colour of pixel `i`, of three planes. */
export function colourAt({ data }: Planes, i: number): Colour {
  const size = data.length / 3;
  return [data[i]!, data[size + i]!, data[2 * size + i]!];
}

/** Tells every pixel's filtered colour by its number; the array told is the same every time, with other content. */
function filterEach(
  filter: PixelFilter,
  { picture, distances }: FilterInput,
  tell: (i: number, colour: Float64Array) => void,
): void {
  const { width, height } = picture;
  const pass = passOver(filter, width, height, distances);
  const colour = new Float64Array(3);
  for (let i = 0; i < width * height; i++) {
    filterPixel(pass, colourAt(picture, i), pass.placeAt?.(i % width, Math.floor(i / width)) ?? null, colour);
    tell(i, colour);
  }
}

export interface FilterInput {
  /** Three planes in [0, 1]. */
  readonly picture: Planes;
  /** Of its edges; asked for only where the filter has ink. */
  readonly distances: () => EdgeDistances;
}

/** Three planes in [0, 1] through a filter. */
export function filterPlanes(filter: PixelFilter, input: FilterInput): Planes {
  const { width, height } = input.picture;
  const data = new Float32Array(3 * width * height);
  filterEach(filter, input, (i, colour) => {
    for (let c = 0; c < 3; c++) data[c * width * height + i] = colour[c]!;
  });
  return planes(3, width, height, data);
}

/** The same as a tensor for the net: [1, 3, h, w] in [-1, 1]. */
export function filterToTensor(filter: PixelFilter, input: FilterInput): HostTensor<'f32'> {
  const { width, height } = input.picture;
  const data = new Float32Array(3 * width * height);
  filterEach(filter, input, (i, colour) => {
    for (let c = 0; c < 3; c++) data[c * width * height + i] = 2 * colour[c]! - 1;
  });
  return f32(data, [1, 3, height, width]);
}

/** A filter and how much of its change counts: 0 none, 1 all, more or less than those to go on or the other way. */
export interface WeightedFilter {
  readonly filter: PixelFilter;
  readonly weight: number;
}

/**
 * The picture with the weighted changes of its pixels added; alpha is kept, and so are fully transparent pixels.
 *
 * @param matte what the picture is laid on to look for its edges.
 */
export function filterImage(picture: Image, filters: readonly WeightedFilter[], matte: Rgb): Image {
  const { width, height } = picture;
  let found: EdgeDistances | undefined;
  const distances = (): EdgeDistances => (found ??= distancesOf(picture, matte));
  const acting = filters
    .filter(({ weight }) => weight !== 0)
    .map(({ filter, weight }) => ({ weight, pass: passOver(filter, width, height, distances) }));
  if (acting.length === 0) return picture;
  const filtered = new Float64Array(3);
  const data = new Uint8ClampedArray(picture.data);
  for (let i = 0; i < width * height; i++) {
    if (data[4 * i + 3] === 0) continue;
    const colour: Colour = [data[4 * i]! / 255, data[4 * i + 1]! / 255, data[4 * i + 2]! / 255];
    let [r, g, b] = colour;
    for (const { pass, weight } of acting) {
      filterPixel(pass, colour, pass.placeAt?.(i % width, Math.floor(i / width)) ?? null, filtered);
      r += weight * (filtered[0]! - colour[0]);
      g += weight * (filtered[1]! - colour[1]);
      b += weight * (filtered[2]! - colour[2]);
    }
    // Uint8ClampedArray rounds to nearest and clips.
    [data[4 * i], data[4 * i + 1], data[4 * i + 2]] = [255 * r, 255 * g, 255 * b];
  }
  return image(width, height, data);
}

function distancesOf(picture: Image, matte: Rgb): EdgeDistances {
  const scale = EDGES_SIDE / Math.max(picture.width, picture.height);
  const side = (length: number): number => Math.max(1, Math.round(length * scale));
  return edgeDistances(compositeAt(picture, matte, side(picture.width), side(picture.height)));
}

/** One colour filtered, far from every edge: that of a flat background. */
export function filterColour(colour: Rgb, filters: readonly WeightedFilter[]): Rgb {
  const [r, g, b] = colour;
  const onColour = filters.map(({ filter, weight }) => ({
    filter: filter.colour ? { colour: filter.colour } : {},
    weight,
  }));
  const { data } = filterImage(image(1, 1, Uint8ClampedArray.of(r, g, b, 255)), onColour, colour);
  return [data[0]!, data[1]!, data[2]!];
}

/** The filters at the strength they were learned at, or, of several, as shares of it. */
export function atLearnedStrength(filters: readonly WeightedFilter[]): WeightedFilter[] {
  const total = filters.reduce((sum, { weight }) => sum + Math.abs(weight), 0);
  return total === 0 ? [] : filters.map(({ filter, weight }) => ({ filter, weight: Math.abs(weight) / total }));
}
