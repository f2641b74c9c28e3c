/** Where the edges of a picture lie: distances that stay smooth when they are enlarged, as strokes beside edges need them. */
import { distanceToZero } from './distance';
import { backgroundOf } from './background';
import { boxMean, planes, resize, type Planes } from './resample';

/** The long side at which edges are looked for, px; distances count in px of that size, whatever the picture's own. */
export const EDGES_SIDE = 256;

/** Distances beyond this are all as far. */
const FAR = 64;

/** Least step of a channel per px, of colours in [0, 1] and smoothed, for an edge. */
const STEP = 0.08;

export interface EdgeDistances {
  readonly width: number;
  readonly height: number;
  /** Distance to the nearest edge between colours. */
  readonly edge: Float32Array;
  /** Distance to the drawing's outline, negative on its background; far everywhere in a picture without a background. */
  readonly outline: Float32Array;
  /** 1 on the drawing's background, else 0; null in a picture without one. */
  readonly background: Uint8Array | null;
}

/** @param picture three planes in [0, 1]. */
export function edgeDistances(picture: Planes): EdgeDistances {
  const scale = EDGES_SIDE / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale))) as [
    number,
    number,
  ];
  const small = resize(picture, width, height);
  const smooth = (data: Float32Array): Float32Array =>
    boxMean(
      planes(
        1,
        width,
        height,
        data.map((value) => Math.max(-FAR, Math.min(FAR, value))),
      ),
      1,
    ).data;
  const background = backgroundOf(small);
  return {
    width,
    height,
    edge: smooth(distanceToZero(awayFromEdges(small), width)),
    outline: smooth(outlineOf(background, width * height, width)),
    background,
  };
}

/** 0 on edges, else 1: where the steepest channel's gradient is largest across the edge (Canny, IEEE PAMI 8(6), 1986). */
function awayFromEdges(picture: Planes): Uint8Array {
  const { width, height, data } = boxMean(picture, 1);
  const size = width * height;
  const [slope, right, down] = [new Float32Array(size), new Float32Array(size), new Float32Array(size)];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const i = y * width + x;
      for (let k = i; k < 3 * size; k += size) {
        const dx = (data[k + 1]! - data[k - 1]!) / 2;
        const dy = (data[k + width]! - data[k - width]!) / 2;
        const steepness = Math.hypot(dx, dy);
        if (!(steepness > slope[i]!)) continue;
        slope[i] = steepness;
        right[i] = dx;
        down[i] = dy;
      }
    }
  }
  const steps = [1, width + 1, width, width - 1];
  const away = new Uint8Array(size).fill(1);
  for (let i = 0; i < size; i++) {
    const steepness = slope[i]!;
    if (steepness < STEP) continue;
    const across = steps[(Math.round(Math.atan2(down[i]!, right[i]!) / (Math.PI / 4)) + 4) % 4]!;
    const [one, other] = [slope[i + across] ?? 0, slope[i - across] ?? 0];
    if (steepness >= Math.max(one, other) && steepness > Math.min(one, other)) away[i] = 0;
  }
  return away;
}

function outlineOf(background: Uint8Array | null, size: number, width: number): Float32Array {
  if (!background) return new Float32Array(size).fill(FAR);
  const inside = distanceToZero(
    background.map((g) => 1 - g),
    width,
  );
  const outside = distanceToZero(background, width);
  // Between pixel centres: the first of either side lies half a pixel off.
  return inside.map((distance, i) => (background[i] ? 0.5 - outside[i]! : distance - 0.5));
}

/**
 * Reads fields at pixels of a picture of another size, bilinear: `read(x, y, out)` puts the value of each into `out`. Made
 * for whole pictures: nothing is allocated for a pixel.
 */
export function planeReader(
  fields: readonly Float32Array[],
  { width, height }: { readonly width: number; readonly height: number },
  pictureWidth: number,
  pictureHeight: number,
): (x: number, y: number, out: Float64Array) => void {
  const [across, down] = [width / pictureWidth, height / pictureHeight];
  return (x, y, out) => {
    const u = Math.min(width - 1, Math.max(0, (x + 0.5) * across - 0.5));
    const v = Math.min(height - 1, Math.max(0, (y + 0.5) * down - 0.5));
    const [left, top] = [Math.floor(u), Math.floor(v)];
    const right = left + 1 < width ? 1 : 0;
    const below = top + 1 < height ? width : 0;
    const i = top * width + left;
    const [s, t] = [u - left, v - top];
    const [a, b, c, d] = [(1 - s) * (1 - t), s * (1 - t), (1 - s) * t, s * t];
    for (let k = 0; k < fields.length; k++) {
      const field = fields[k]!;
      out[k] = a * field[i]! + b * field[i + right]! + c * field[i + below]! + d * field[i + below + right]!;
    }
  };
}
