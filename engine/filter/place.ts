/** Where a pixel lies: its distances to edges and outline, and from the drawing whose shadow it would be in. */
import { planeReader, type EdgeDistances } from '../image/edges';
import { castShadow, DIRECTIONS } from './shadow';

/** Distances, in px of EDGES_SIDE, between which strokes and shadows are interpolated; nothing at the last. */
const STROKE_DISTANCES = [0, 1, 2, 3, 4.5, 6.5, 9, 13] as const;
const SHADOW_DISTANCES = [0, 3, 6, 10, 16, 24, 36, 54, 80, 120, 180, 270] as const;
const STROKE_STEPS = STROKE_DISTANCES.length - 1;

/** Places of strokes: from edges on the background, from edges on the drawing, from the outline on the drawing. */
export const STROKE_PLACES = 3 * STROKE_STEPS;
/** Places of a shadow; they are numbered after those of strokes. */
export const SHADOW_PLACES = SHADOW_DISTANCES.length - 1;

/** The places a pixel's distances fall between, and how much of each. */
export interface Place {
  count: number;
  readonly index: Int32Array;
  readonly share: Float64Array;
}

/** Finds the places of a picture's pixels; the object returned is the same every time, with other content. */
export type PlaceFinder = (x: number, y: number) => Place;

/** Which places are looked for. */
export interface Inks {
  readonly strokes: boolean;
  /** The shadow's direction, by its number; null for none. */
  readonly shadow: number | null;
}

/** Of a picture of the given size, px, with these distances to its edges. */
export function placesOf(distances: EdgeDistances, width: number, height: number, inks: Inks): PlaceFinder {
  const { background } = distances;
  const cast =
    background && inks.shadow !== null ? castShadow(background, distances.width, DIRECTIONS[inks.shadow]!) : null;
  const planes = [distances.edge, distances.outline, ...(cast ? [cast.distance, cast.cover] : [])];
  const read = planeReader(planes, distances, width, height);
  const values = new Float64Array(planes.length);
  const most = 6;
  const place: Place = { count: 0, index: new Int32Array(most), share: new Float64Array(most) };
  return (x, y) => {
    read(x, y, values);
    const [edge, outline] = [values[0]!, values[1]!];
    place.count = 0;
    if (inks.strokes && outline < 0) addDistance(place, 0, STROKE_DISTANCES, edge, 1);
    if (inks.strokes && outline >= 0) {
      addDistance(place, STROKE_STEPS, STROKE_DISTANCES, edge, 1);
      addDistance(place, 2 * STROKE_STEPS, STROKE_DISTANCES, outline, 1);
    }
    // The drawing's last pixel is in part the background's.
    const onBackground = Math.min(1, 1 - outline);
    if (cast && onBackground > 0) {
      addDistance(place, STROKE_PLACES, SHADOW_DISTANCES, values[2]!, onBackground * values[3]!);
    }
    return place;
  };
}

function addDistance(place: Place, first: number, steps: readonly number[], distance: number, cover: number): void {
  const last = steps.length - 1;
  if (cover === 0 || distance >= steps[last]!) return;
  let k = 0;
  while (steps[k + 1]! <= distance) k++;
  const share = (distance - steps[k]!) / (steps[k + 1]! - steps[k]!);
  place.index[place.count] = first + k;
  place.share[place.count++] = cover * (1 - share);
  if (k + 1 === last) return;
  place.index[place.count] = first + k + 1;
  place.share[place.count++] = cover * share;
}
