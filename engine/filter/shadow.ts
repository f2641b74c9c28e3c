/** Shadows that a drawing casts on its background: in one direction, flat, as long as the style has them. */

/** Where shadows may fall, as steps to the right and down: the eight in which a raster has straight lines. */
export const DIRECTIONS = [
  [1, 0],
  [1, 1],
  [0, 1],
  [-1, 1],
  [-1, 0],
  [-1, -1],
  [0, -1],
  [1, -1],
] as const;

/** More than any picture is long, px. */
const FAR = 1e4;

export interface CastShadow {
  /** Distance to the drawing, against the direction, px; carried on for a pixel beside the shadow. */
  readonly distance: Float32Array;
  /** 1 on the background where the drawing is in the way, however far, and at the drawing's end there; else 0. */
  readonly cover: Float32Array;
}

/** @param background 1 where there is no drawing; rows of `width`. */
export function castShadow(
  background: Uint8Array,
  width: number,
  [right, down]: (typeof DIRECTIONS)[number],
): CastShadow {
  const height = background.length / width;
  const step = Math.hypot(right, down);
  const distance = new Float32Array(background.length).fill(FAR);
  for (let k = 0; k < height; k++) {
    const y = down < 0 ? height - 1 - k : k;
    for (let l = 0; l < width; l++) {
      const x = right < 0 ? width - 1 - l : l;
      const i = y * width + x;
      const [u, v] = [x - right, y - down];
      if (!background[i]) distance[i] = 0;
      else if (u >= 0 && u < width && v >= 0 && v < height) {
        const before = v * width + u;
        // The drawing ends between the two pixels.
        distance[i] = background[before] ? distance[before]! + step : step / 2;
      }
    }
  }
  const cover = distance.map((value, i) => {
    if (background[i]) return value < FAR ? 1 : 0;
    const [x, y] = [(i % width) + right, Math.floor(i / width) + down];
    return x >= 0 && x < width && background[y * width + x] ? 1 : 0;
  });
  return { distance: carriedOn(distance, width), cover };
}

/** Pixels without a distance take that of a neighbour: so that reading between the two sees no leap. */
function carriedOn(distance: Float32Array, width: number): Float32Array {
  return distance.map((own, i) => {
    if (own < FAR) return own;
    const x = i % width;
    const left = x > 0 ? distance[i - 1]! : FAR;
    const right = x < width - 1 ? distance[i + 1]! : FAR;
    return Math.min(left, right, distance[i - width] ?? FAR, distance[i + width] ?? FAR);
  });
}
