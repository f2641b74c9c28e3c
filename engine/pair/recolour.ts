/**
 * Recolouring: what becomes of colours alone in a style that paints in its own, as blueprint or duotone do. A function
 * of a pixel's colour says that to all pixels alike, leaves every edge where it is and every flat area flat; the net is
 * then left with what no such function can draw. Not in the paper; measured in docs/method.md.
 */
import { f32, type HostTensor } from '../tensor/tensor';
import { solvePositiveDefinite } from '../tensor/linear';
import type { Rgb } from './canvas';
import type { DrawnPair } from './copies';
import { borderColour, groundOf } from './ground';
import { image, type Image } from './image';
import { planes, type Planes } from './resample';

/**
 * The change of a colour [r, g, b] in [0, 1], linear in r, g, b, y², y³ and 1 with y its luma: the weights of each of
 * these on the three channels, 18 numbers.
 */
export type Recolouring = readonly number[];

/** How many weights a recolouring has. */
export const RECOLOURING_SIZE = 18;

/** Pulls the weights, but that of 1, towards 0; matters only where the pictures do not say. */
const RIDGE = 1e-3;

type Colour = readonly [number, number, number];

function featuresOf([r, g, b]: Colour): number[] {
  const luma = 0.299 * r + 0.587 * g + 0.114 * b;
  return [r, g, b, luma ** 2, luma ** 3, 1];
}

/** How many times as much as all pixels the colour of a ground counts: so it comes out right to less than a grey level. */
const GROUND_WEIGHT = 100;

/**
 * The recolouring that takes before to after best over all pixels of all pairs: ridge regression of the change. A before
 * image's ground becomes the after image's, whatever lies on that near the drawing.
 */
export function learnRecolouring(pairs: readonly DrawnPair[]): Recolouring {
  const size = RECOLOURING_SIZE / 3;
  const pixels = pairs.reduce((sum, { before }) => sum + before.data.length / 3, 0);
  const normal = Array.from({ length: size }, (_, p) =>
    Array.from({ length: size }, (_, q) => (p === q && p < size - 1 ? RIDGE * pixels : 0)),
  );
  const right = Array.from({ length: size }, () => [0, 0, 0]);
  const observe = (from: Colour, to: Colour, weight: number): void => {
    const features = featuresOf(from);
    for (let p = 0; p < size; p++) {
      for (let q = 0; q < size; q++) normal[p]![q]! += weight * features[p]! * features[q]!;
      for (let c = 0; c < 3; c++) right[p]![c]! += weight * features[p]! * (to[c]! - from[c]!);
    }
  };
  for (const { before, after } of pairs) {
    for (let i = 0; i < before.data.length / 3; i++) observe(colourAt(before, i), colourAt(after, i), 1);
    const [from, to] = [wholeOf(before), wholeOf(after)];
    if (groundOf(from)) observe(borderColour(from), borderColour(to), (GROUND_WEIGHT * before.data.length) / 3);
  }
  return solvePositiveDefinite(normal, right).flat();
}

/** A picture [1, 3, h, w] in [-1, 1] as planes in [0, 1]. */
function wholeOf({ data, shape }: HostTensor<'f32'>): Planes {
  return planes(
    3,
    shape[3]!,
    shape[2]!,
    data.map((value) => (value + 1) / 2),
  );
}

/** A pixel's colour in [0, 1] of a picture [1, 3, h, w] in [-1, 1]. */
function colourAt({ data }: HostTensor<'f32'>, i: number): Colour {
  const size = data.length / 3;
  return [(data[i]! + 1) / 2, (data[size + i]! + 1) / 2, (data[2 * size + i]! + 1) / 2];
}

/** A recoloured colour, in [0, 1] as the given one. */
export function recolour(recolouring: Recolouring, colour: Colour): [number, number, number] {
  const features = featuresOf(colour);
  const channel = (c: number): number => {
    let value = colour[c]!;
    for (let p = 0; p < features.length; p++) value += features[p]! * recolouring[3 * p + c]!;
    return Math.min(1, Math.max(0, value));
  };
  return [channel(0), channel(1), channel(2)];
}

/** A picture [1, 3, h, w] in [-1, 1], recoloured. */
export function recolourDrawn(recolouring: Recolouring, picture: HostTensor<'f32'>): HostTensor<'f32'> {
  const size = picture.data.length / 3;
  const data = new Float32Array(picture.data.length);
  for (let i = 0; i < size; i++) {
    recolour(recolouring, colourAt(picture, i)).forEach((value, c) => (data[c * size + i] = 2 * value - 1));
  }
  return f32(data, picture.shape);
}

/** A recolouring and how much of its change counts: 0 none, 1 all, more or less than those to go on or the other way. */
export interface WeightedRecolouring {
  readonly recolouring: Recolouring;
  readonly weight: number;
}

/** The picture with the weighted changes of its colours added; alpha is kept, and so are fully transparent pixels. */
export function recolourImage(picture: Image, recolourings: readonly WeightedRecolouring[]): Image {
  const acting = recolourings.filter(({ weight }) => weight !== 0);
  if (acting.length === 0) return picture;
  const data = new Uint8ClampedArray(picture.data);
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] === 0) continue;
    const colour: Colour = [data[i]! / 255, data[i + 1]! / 255, data[i + 2]! / 255];
    const moved: [number, number, number] = [...colour];
    for (const { recolouring, weight } of acting) {
      const to = recolour(recolouring, colour);
      for (let c = 0; c < 3; c++) moved[c]! += weight * (to[c]! - colour[c]!);
    }
    // Uint8ClampedArray rounds to nearest and clips.
    for (let c = 0; c < 3; c++) data[i + c] = 255 * moved[c]!;
  }
  return image(picture.width, picture.height, data);
}

/** The same for one colour, such as a background. */
export function recolourRgb(colour: Rgb, recolourings: readonly WeightedRecolouring[]): Rgb {
  const [r, g, b] = recolourImage(image(1, 1, Uint8ClampedArray.of(...colour, 255)), recolourings).data;
  return [r!, g!, b!];
}

/** The recolourings at the strength they were learned at, or, of several, as shares of it. */
export function wholly(recolourings: readonly WeightedRecolouring[]): WeightedRecolouring[] {
  const total = recolourings.reduce((sum, { weight }) => sum + Math.abs(weight), 0);
  return total === 0
    ? []
    : recolourings.map(({ recolouring, weight }) => ({ recolouring, weight: Math.abs(weight) / total }));
}
