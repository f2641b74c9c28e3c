/** Outlines as glowing tubes in the colours they part, on a dark background. */
import { gaussianBlur } from '../pixels/blur';
import { edgeMap } from '../pixels/edges';
import { colourOf, mix, over, recolour, type Colour, type Raster } from '../pixels/raster';

export interface NeonParameters {
  readonly background: Colour;
  readonly tube: Colour;
  /** How much the tubes take the picture's own colours, 0 to 1. */
  readonly own: number;
  /** Width of the glow, px. */
  readonly glow: number;
}

/** The result is opaque. */
export function neon(picture: Raster, p: NeonParameters): Raster {
  const { width, height } = picture;
  const paper = over(picture, [1, 1, 1]);
  const lines = gaussianBlur(edgeMap(paper.rgb, width, height), width, height, 0.8).map((e) => Math.min(1, 2.5 * e));
  const halo = gaussianBlur(lines, width, height, p.glow);
  const size = width * height;
  const soft = { ...paper, rgb: Float32Array.from(paper.rgb) };
  for (let c = 0; c < 3; c++) {
    soft.rgb.set(gaussianBlur(paper.rgb.subarray(c * size, (c + 1) * size), width, height, 3), c * size);
  }
  return recolour(paper, (i) => {
    const tube = mix(p.tube, colourOf(soft, i), p.own);
    const glowing = mix(p.background, tube, 0.9 * halo[i]!);
    return mix(glowing, mix(tube, [1, 1, 1], 0.45), lines[i]!);
  });
}
