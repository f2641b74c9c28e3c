/** Where a pixel lies: its distances to edges and outline, and from the drawing whose shadow it would be in. */
import { fieldReader, type EdgeFields } from '../image/edges';
import { castShadow, DIRECTIONS } from './shadow';

/** Distances, in px of EDGES_SIDE, between which strokes and shadows are interpolated; nothing at the last. */
const STROKE_REACHES = [0, 1, 2, 3, 4.5, 6.5, 9, 13] as const;
const SHADOW_REACHES = [0, 3, 6, 10, 16, 24, 36, 54, 80, 120, 180, 270] as const;
const STROKE_STEPS = STROKE_REACHES.length - 1;

/** Reaches of strokes: from edges on the ground, from edges on the drawing, from the outline on the drawing. */
export const STROKE_PLACES = 3 * STROKE_STEPS;
/** Reaches of shadows in one direction; after those of strokes there are so many for each of DIRECTIONS. */
export const SHADOW_PLACES = SHADOW_REACHES.length - 1;
export const PLACES = STROKE_PLACES + DIRECTIONS.length * SHADOW_PLACES;

/** The reaches a pixel's distances fall between, and how much of each. */
export interface Place {
  count: number;
  readonly reach: Int32Array;
  readonly share: Float64Array;
}

/** Finds the places of a picture's pixels; the one given is the same every time, with another content. */
export type PlaceFinder = (x: number, y: number) => Place;

/**
 * Of a picture of the given size, px, with these edges.
 *
 * @param shadows the directions, by their numbers, in which shadows are looked for.
 */
export function placesOf(
  fields: EdgeFields,
  width: number,
  height: number,
  strokes: boolean,
  shadows: readonly number[],
): PlaceFinder {
  const { ground } = fields;
  const cast = ground ? shadows.map((k) => ({ k, ...castShadow(ground, fields.width, DIRECTIONS[k]!) })) : [];
  const planes = [fields.edge, fields.outline, ...cast.flatMap(({ distance, cover }) => [distance, cover])];
  const read = fieldReader(planes, fields, width, height);
  const values = new Float64Array(planes.length);
  const most = 4 + 2 * cast.length;
  const place: Place = { count: 0, reach: new Int32Array(most), share: new Float64Array(most) };
  return (x, y) => {
    read(x, y, values);
    const [edge, outline] = [values[0]!, values[1]!];
    place.count = 0;
    if (strokes && outline < 0) addDistance(place, 0, STROKE_REACHES, edge, 1);
    if (strokes && outline >= 0) {
      addDistance(place, STROKE_STEPS, STROKE_REACHES, edge, 1);
      addDistance(place, 2 * STROKE_STEPS, STROKE_REACHES, outline, 1);
    }
    // The drawing's last pixel is in part the ground's.
    const onGround = Math.min(1, 1 - outline);
    for (let c = 0; onGround > 0 && c < cast.length; c++) {
      const first = STROKE_PLACES + cast[c]!.k * SHADOW_PLACES;
      addDistance(place, first, SHADOW_REACHES, values[2 + 2 * c]!, onGround * values[3 + 2 * c]!);
    }
    return place;
  };
}

function addDistance(place: Place, first: number, reaches: readonly number[], distance: number, cover: number): void {
  const steps = reaches.length - 1;
  if (cover === 0 || distance >= reaches[steps]!) return;
  let k = 0;
  while (reaches[k + 1]! <= distance) k++;
  const share = (distance - reaches[k]!) / (reaches[k + 1]! - reaches[k]!);
  place.reach[place.count] = first + k;
  place.share[place.count++] = cover * (1 - share);
  if (k + 1 === steps) return;
  place.reach[place.count] = first + k + 1;
  place.share[place.count++] = cover * share;
}
