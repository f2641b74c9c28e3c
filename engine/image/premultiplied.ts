/** Pictures as planes of premultiplied RGBA in 0 to 1, which a change may add to, and back to bytes. */
import { resizeRows } from './canvas';
import { image, type Image } from './image';
import type { Planes } from './resample';

/** A picture at width x height px; what a kernel makes of it is brought back into range. */
export function premultipliedAt(picture: Image, width: number, height: number): Planes {
  const out = resizeRows(picture, 4, (y, row) => premultiplyRow(picture, y, 0, picture.width, row), width, height);
  const pixels = width * height;
  for (let p = 0; p < pixels; p++) {
    const alpha = clamp(out.data[3 * pixels + p]!, 1);
    out.data[3 * pixels + p] = alpha;
    for (let c = 0; c < 3; c++) out.data[c * pixels + p] = clamp(out.data[c * pixels + p]!, alpha);
  }
  return out;
}

/** A rectangle of a picture; what lies beyond the picture's edges is 0. */
export function premultipliedPart(picture: Image, x: number, y: number, width: number, height: number): Float32Array {
  const out = new Float32Array(4 * width * height);
  const [left, right] = [Math.max(0, x), Math.min(picture.width, x + width)];
  const row = new Float32Array(4 * (right - left));
  for (let at = Math.max(0, y); at < Math.min(picture.height, y + height); at++) {
    premultiplyRow(picture, at, left, right, row);
    for (let c = 0; c < 4; c++) {
      const line = row.subarray(c * (right - left), (c + 1) * (right - left));
      out.set(line, (c * height + at - y) * width + left - x);
    }
  }
  return out;
}

/** Columns [from, to) of row y as four lines in `out`. */
function premultiplyRow({ width, data }: Image, y: number, from: number, to: number, out: Float32Array): void {
  const count = to - from;
  for (let i = 0; i < count; i++) {
    const at = (y * width + from + i) * 4;
    const alpha = data[at + 3]! / 255;
    for (let c = 0; c < 3; c++) out[c * count + i] = (data[at + c]! / 255) * alpha;
    out[3 * count + i] = alpha;
  }
}

/** A change of premultiplied RGBA over a rectangle: four planes, and the share of it that is added. */
export interface WeightedChange {
  readonly data: Float32Array;
  readonly weight: number;
  /** Whether alpha changes too; otherwise the picture keeps its own. */
  readonly alpha: boolean;
}

/** Below this alpha the colour of a pixel that keeps its alpha is held, or noise would become vivid colour. */
const LEAST_ALPHA = 1 / 16;

/**
 * Adds the weighted sum of changes to a rectangle of a picture, into `out`, which has the picture's size and bytes.
 *
 * A sum of 0 leaves every byte as it is: the colour is moved by the difference of two numbers that are then equal.
 */
export function addChanges(
  picture: Image,
  changes: readonly WeightedChange[],
  part: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  out: Uint8ClampedArray,
): void {
  const pixels = part.width * part.height;
  const sum = [0, 0, 0, 0];
  for (let p = 0; p < pixels; p++) {
    sum.fill(0);
    for (const { data, weight, alpha } of changes) {
      for (let c = 0; c < (alpha ? 4 : 3); c++) sum[c]! += weight * data[c * pixels + p]!;
    }
    const at = ((part.y + Math.floor(p / part.width)) * picture.width + part.x + (p % part.width)) * 4;
    const before = picture.data[at + 3]! / 255;
    const after = clamp(before + sum[3]!, 1);
    out[at + 3] = after * 255;
    // A pixel that shows nothing keeps the colour it has in the file.
    if (after === 0) continue;
    const divisor = sum[3] === 0 ? Math.max(after, LEAST_ALPHA) : after;
    for (let c = 0; c < 3; c++) {
      const colour = picture.data[at + c]! / 255;
      const premultiplied = clamp(colour * before + sum[c]!, after);
      // Uint8ClampedArray rounds to nearest and clips.
      out[at + c] = (colour + (premultiplied - colour * after) / divisor) * 255;
    }
  }
}

/** A copy to add changes to. */
export function copyOf({ width, height, data }: Image): Image {
  return image(width, height, new Uint8ClampedArray(data));
}

function clamp(value: number, most: number): number {
  return Math.min(most, Math.max(0, value));
}
