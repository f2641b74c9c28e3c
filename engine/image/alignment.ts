/**
 * How well the edges of two pictures lie over one another, and how one must be moved for that.
 *
 * Edges are compared by orientation, not by sign: each pixel holds the double-angle vector of its colour structure
 * tensor (Bigün and Granlund, ICCV 1987), so an edge matches the same edge drawn light on dark, in another colour, or as
 * a line, and crossing edges count against a match. Agreement is the normalised cross-correlation of the two fields.
 */
import { boxMean, crop, planes, resize, type Planes } from './resample';

/** Two planes: strength · (cos 2θ, sin 2θ) of the edge's normal, strength 0 to 1. */
export type OrientationField = Planes;

/** Gradient, in units of the full colour range per pixel, at which an edge counts half. */
const HALF_STRENGTH = 0.05;

/** The edge field of three colour planes in [0, 1]; smoothed, so that it tolerates edges a pixel or two apart. */
export function orientationField(picture: Planes): OrientationField {
  const { width, height } = picture;
  const soft = boxMean(picture, 1).data;
  const size = width * height;
  const field = planes(2, width, height);
  for (let y = 0; y < height; y++) {
    const up = Math.max(0, y - 1);
    const down = Math.min(height - 1, y + 1);
    for (let x = 0; x < width; x++) {
      const left = Math.max(0, x - 1);
      const right = Math.min(width - 1, x + 1);
      let xx = 0;
      let yy = 0;
      let xy = 0;
      for (let c = 0; c < 3; c++) {
        const o = c * size;
        const gx = (soft[o + y * width + right]! - soft[o + y * width + left]!) / 2;
        const gy = (soft[o + down * width + x]! - soft[o + up * width + x]!) / 2;
        xx += gx * gx;
        yy += gy * gy;
        xy += gx * gy;
      }
      const trace = xx + yy;
      const magnitude = Math.sqrt(trace);
      // Saturates, so that a faint edge of a painting weighs nearly as much as a black outline.
      const gain = 1 / (trace + HALF_STRENGTH * magnitude + 1e-9);
      const p = y * width + x;
      field.data[p] = (xx - yy) * gain;
      field.data[size + p] = 2 * xy * gain;
    }
  }
  return boxMean(boxMean(field, 1), 1);
}

/** Root mean square strength of a field: 0 for a blank picture. */
export function fieldStrength(field: OrientationField): number {
  return norm(field) / Math.sqrt(field.width * field.height);
}

function norm(field: OrientationField): number {
  let sum = 0;
  for (const value of field.data) sum += value * value;
  return Math.sqrt(sum);
}

/** Whole or fractional pixels of the field: the second picture moved by (x, y) agrees so well with the first. */
export interface Alignment {
  readonly x: number;
  readonly y: number;
  /** Normalised correlation, at most 1; about 0 for unrelated pictures. */
  readonly agreement: number;
}

/** Agreement of two fields of one size with the second moved by whole pixels. */
export function agreementAt(first: OrientationField, second: OrientationField, x: number, y: number): number {
  return correlation(first, second, x, y) / (norm(first) * norm(second) || 1);
}

function correlation(first: OrientationField, second: OrientationField, x: number, y: number): number {
  const { width, height, channels } = first;
  const left = Math.max(0, x);
  const right = Math.min(width, width + x);
  let sum = 0;
  for (let c = 0; c < channels; c++) {
    for (let row = Math.max(0, y); row < Math.min(height, height + y); row++) {
      const a = (c * height + row) * width;
      const b = (c * height + row - y) * width - x;
      for (let column = left; column < right; column++) sum += first.data[a + column]! * second.data[b + column]!;
    }
  }
  return sum;
}

/**
 * The best agreement over all moves within `radius` pixels of (x, y) on both axes, exhaustively, with the peak placed
 * between pixels by parabolas.
 */
export function searchAlignment(
  first: OrientationField,
  second: OrientationField,
  radius: number,
  x = 0,
  y = 0,
): Alignment {
  const scale = 1 / (norm(first) * norm(second) || 1);
  const side = 2 * radius + 1;
  const scores = new Float32Array(side * side);
  let best = 0;
  for (let i = 0; i < scores.length; i++) {
    scores[i] = scale * correlation(first, second, x + (i % side) - radius, y + Math.floor(i / side) - radius);
    if (scores[i]! > scores[best]!) best = i;
  }
  const column = best % side;
  const row = Math.floor(best / side);
  const alongX = column > 0 && column < side - 1 ? peak(scores[best - 1]!, scores[best]!, scores[best + 1]!) : 0;
  const alongY = row > 0 && row < side - 1 ? peak(scores[best - side]!, scores[best]!, scores[best + side]!) : 0;
  return { x: x + column - radius + alongX, y: y + row - radius + alongY, agreement: scores[best]! };
}

/** Offset of the vertex of the parabola through three equally spaced values, the middle one the largest. */
function peak(before: number, at: number, after: number): number {
  const curvature = before - 2 * at + after;
  return curvature < 0 ? (before - after) / (2 * curvature) : 0;
}

/** The picture mirrored left to right. */
export function mirror(picture: Planes): Planes {
  const { channels, width, height } = picture;
  const out = planes(channels, width, height);
  for (let row = 0; row < channels * height; row++) {
    for (let x = 0; x < width; x++) out.data[row * width + x] = picture.data[row * width + width - 1 - x]!;
  }
  return out;
}

/** The picture scaled about its middle in a frame that stays: cropped when larger, its border repeated when smaller. */
export function zoom(picture: Planes, scale: number): Planes {
  const { channels, width, height } = picture;
  const scaled = resize(picture, Math.round(width * scale), Math.round(height * scale));
  const dx = Math.floor((scaled.width - width) / 2);
  const dy = Math.floor((scaled.height - height) / 2);
  if (dx >= 0 && dy >= 0) return crop(scaled, dx, dy, width, height);
  const out = planes(channels, width, height);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const row = Math.min(scaled.height - 1, Math.max(0, y + dy));
      for (let x = 0; x < width; x++) {
        const column = Math.min(scaled.width - 1, Math.max(0, x + dx));
        out.data[(c * height + y) * width + x] = scaled.data[(c * scaled.height + row) * scaled.width + column]!;
      }
    }
  }
  return out;
}
