/** sRGB to CIELAB (D65) and back. */
import type { Colour } from './raster';

/** L in 0 to 100, a and b about -128 to 127. */
export type Lab = readonly [number, number, number];

const WHITE = [0.95047, 1, 1.08883] as const;
const EPSILON = 216 / 24389;
const KAPPA = 24389 / 27;

export function labOf([r, g, b]: Colour): Lab {
  const [lr, lg, lb] = [linear(r), linear(g), linear(b)];
  const x = compress((0.4124564 * lr + 0.3575761 * lg + 0.1804375 * lb) / WHITE[0]);
  const y = compress((0.2126729 * lr + 0.7151522 * lg + 0.072175 * lb) / WHITE[1]);
  const z = compress((0.0193339 * lr + 0.119192 * lg + 0.9503041 * lb) / WHITE[2]);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** Colours outside sRGB are clipped channel by channel. */
export function colourOfLab([lightness, a, b]: Lab): Colour {
  const fy = (lightness + 16) / 116;
  const x = expand(fy + a / 500) * WHITE[0];
  const y = expand(fy) * WHITE[1];
  const z = expand(fy - b / 200) * WHITE[2];
  return [
    gamma(3.2404542 * x - 1.5371385 * y - 0.4985314 * z),
    gamma(-0.969266 * x + 1.8760108 * y + 0.041556 * z),
    gamma(0.0556434 * x - 0.2040259 * y + 1.0572252 * z),
  ];
}

function linear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function gamma(value: number): number {
  const clipped = Math.min(1, Math.max(0, value));
  return clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
}

function compress(t: number): number {
  return t > EPSILON ? Math.cbrt(t) : (KAPPA * t + 16) / 116;
}

function expand(f: number): number {
  return f ** 3 > EPSILON ? f ** 3 : (116 * f - 16) / KAPPA;
}
