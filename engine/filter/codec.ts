/** A per-pixel filter as the row of numbers in a style file: the only place where its parts are flattened. */
import { COLOUR_WEIGHTS, INK_WEIGHTS, type PixelFilter } from './filter';
import { SHADOW_PLACES, STROKE_PLACES } from './place';
import { DIRECTIONS } from './shadow';

const STROKE_WEIGHTS = INK_WEIGHTS * STROKE_PLACES;
const SHADOW_WEIGHTS = INK_WEIGHTS * SHADOW_PLACES;

/** How many numbers there are: of colours alone, with strokes, with shadows. */
export const FILTER_SIZES: readonly number[] = [
  COLOUR_WEIGHTS,
  COLOUR_WEIGHTS + STROKE_WEIGHTS,
  COLOUR_WEIGHTS + STROKE_WEIGHTS + DIRECTIONS.length * SHADOW_WEIGHTS,
];
/** How large the numbers may be. */
export const LARGEST_WEIGHT = 1000;

const zeros = (count: number): number[] => new Array<number>(count).fill(0);

/** Colours, then strokes, then a shadow in each direction; zeros for what is missing in between. */
export function encodeFilter({ colour, strokes, shadow }: PixelFilter): number[] {
  const first = [...(colour ?? zeros(COLOUR_WEIGHTS))];
  if (!strokes && !shadow) return first;
  const second = [...first, ...(strokes ?? zeros(STROKE_WEIGHTS))];
  if (!shadow) return second;
  const shadows = DIRECTIONS.flatMap((_, k) => (k === shadow.direction ? shadow.weights : zeros(SHADOW_WEIGHTS)));
  return [...second, ...shadows];
}

/** The filter of a row of one of FILTER_SIZES. Of several shadows, which Diptych does not write, the first counts. */
export function decodeFilter(row: readonly number[]): PixelFilter {
  const [first, second, third] = FILTER_SIZES as [number, number, number];
  const part = (from: number, to: number): readonly number[] | null => {
    const weights = row.slice(from, to);
    return weights.some((weight) => weight !== 0) ? weights : null;
  };
  const colour = row.length === first ? row : part(0, first);
  const strokes = part(first, second);
  const shadows = [...DIRECTIONS.keys()].map((direction) => {
    const from = second + direction * SHADOW_WEIGHTS;
    const weights = row.length === third ? part(from, from + SHADOW_WEIGHTS) : null;
    return weights && { direction, weights };
  });
  const shadow = shadows.find((found) => found !== null);
  return { ...(colour && { colour }), ...(strokes && { strokes }), ...(shadow && { shadow }) };
}
