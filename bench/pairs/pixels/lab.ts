/** sRGB to CIELAB (D65) and back, by culori. */
import { converter } from 'culori';
import type { Colour } from './raster';

/** L in 0 to 100, a and b about -128 to 127. */
export type Lab = readonly [number, number, number];

const toLab = converter('lab65');
const toRgb = converter('rgb');

export function labOf([r, g, b]: Colour): Lab {
  const lab = toLab({ mode: 'rgb', r, g, b });
  return [lab.l, lab.a, lab.b];
}

/** Colours outside sRGB are clipped channel by channel. */
export function colourOfLab([l, a, b]: Lab): Colour {
  const rgb = toRgb({ mode: 'lab65', l, a, b });
  return [clipped(rgb.r), clipped(rgb.g), clipped(rgb.b)];
}

function clipped(value: number): number {
  return Math.min(1, Math.max(0, value));
}
