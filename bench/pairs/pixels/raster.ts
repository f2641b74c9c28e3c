/** Pictures as float planes, for filters and baselines: straight sRGB in [0, 1] and alpha apart. */
import { image, type Image } from '../../../engine/image/image';

/** An sRGB colour, 0 to 1 each. */
export type Colour = readonly [number, number, number];

export interface Raster {
  readonly width: number;
  readonly height: number;
  /** Three planes, red, green and blue, row-major. */
  readonly rgb: Float32Array;
  readonly alpha: Float32Array;
}

export function rasterOf({ width, height, data }: Image): Raster {
  const size = width * height;
  const rgb = new Float32Array(3 * size);
  const alpha = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) rgb[c * size + i] = data[4 * i + c]! / 255;
    alpha[i] = data[4 * i + 3]! / 255;
  }
  return { width, height, rgb, alpha };
}

/** 8-bit pixels, rounded to nearest and clipped. */
export function imageOf({ width, height, rgb, alpha }: Raster): Image {
  const size = width * height;
  const data = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = rgb[c * size + i]! * 255;
    data[4 * i + 3] = alpha[i]! * 255;
  }
  return image(width, height, data);
}

/** The picture over an opaque background. */
export function over(picture: Raster, background: Colour): Raster {
  const size = picture.alpha.length;
  const rgb = picture.rgb.map((value, i) => {
    const under = background[Math.floor(i / size)]!;
    return under + (value - under) * picture.alpha[i % size]!;
  });
  return { ...picture, rgb, alpha: new Float32Array(size).fill(1) };
}

/** Relative luma of every pixel (ITU-R BT.709 weights on sRGB values), 0 to 1. */
export function lumaOf({ rgb, alpha }: Raster): Float32Array {
  const size = alpha.length;
  return alpha.map((_, i) => 0.2126 * rgb[i]! + 0.7152 * rgb[size + i]! + 0.0722 * rgb[2 * size + i]!);
}

/** Every pixel's colour by a function of its index; alpha kept. */
export function recolour(picture: Raster, colourAt: (i: number) => Colour): Raster {
  const size = picture.alpha.length;
  const rgb = new Float32Array(3 * size);
  for (let i = 0; i < size; i++) {
    const colour = colourAt(i);
    for (let c = 0; c < 3; c++) rgb[c * size + i] = colour[c]!;
  }
  return { ...picture, rgb };
}

/** The colour of pixel i. */
export function colourOf({ rgb, alpha }: Raster, i: number): Colour {
  const size = alpha.length;
  return [rgb[i]!, rgb[size + i]!, rgb[2 * size + i]!];
}

/** From a to b as t goes from 0 to 1; t is clipped. */
export function mix(a: Colour, b: Colour, t: number): Colour {
  const share = Math.min(1, Math.max(0, t));
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

/** 0 up to `low`, 1 from `high`, smooth between (cubic Hermite). */
export function smoothstep(low: number, high: number, x: number): number {
  const t = Math.min(1, Math.max(0, (x - low) / (high - low)));
  return t * t * (3 - 2 * t);
}

/** "#2f88ff" as a colour. */
export function hex(text: string): Colour {
  const value = Number.parseInt(text.slice(1), 16);
  return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}
