/** Washes: soft colours that bleed into each other, pigment gathered at their rims, grain of the paper. */
import { Random } from '../../../engine/tensor/random';
import { gaussianBlur } from '../pixels/blur';
import { edgeMap } from '../pixels/edges';
import { colourOf, mix, over, recolour, type Colour, type Raster } from '../pixels/raster';

export interface WatercolourParameters {
  readonly paper: Colour;
  /** How far colours bleed, px. */
  readonly bleed: number;
  /** Darkening at rims and by the grain, 0 to 1. */
  readonly rim: number;
  readonly grain: number;
  /** Of the grain, which is the same for every picture of a task. */
  readonly seed: number;
}

/** The result is opaque. */
export function watercolour(picture: Raster, p: WatercolourParameters): Raster {
  const paper = over(picture, p.paper);
  const { width, height } = paper;
  const size = width * height;
  const wet = { ...paper, rgb: Float32Array.from(paper.rgb) };
  for (let c = 0; c < 3; c++) {
    wet.rgb.set(gaussianBlur(paper.rgb.subarray(c * size, (c + 1) * size), width, height, p.bleed), c * size);
  }
  const rims = gaussianBlur(edgeMap(wet.rgb, width, height), width, height, 1);
  const grain = gaussianBlur(new Random(p.seed).normals(size), width, height, 2);
  const strongest = grain.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return recolour(paper, (i) => {
    const wash = mix(colourOf(wet, i), p.paper, 0.3);
    const pigment = 1 - Math.min(...wash);
    const dark = p.rim * Math.min(1, 6 * rims[i]!) + p.grain * pigment * (grain[i]! / strongest);
    return wash.map((value) => Math.min(1, Math.max(0, value * (1 - dark)))) as unknown as Colour;
  });
}
