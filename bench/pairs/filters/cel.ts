/** Few tones and dark contours, as in animation. */
import { gaussianBlur } from '../pixels/blur';
import { edgeMap } from '../pixels/edges';
import { colourOf, mix, over, recolour, smoothstep, type Colour, type Raster } from '../pixels/raster';

export interface CelParameters {
  readonly contour: Colour;
  /** Width of the contours, px. */
  readonly sigma: number;
  /** Tones per channel, at least 2. */
  readonly tones: number;
}

export function cel(picture: Raster, { contour, sigma, tones }: CelParameters): Raster {
  const { width, height } = picture;
  const lines = gaussianBlur(edgeMap(over(picture, [1, 1, 1]).rgb, width, height), width, height, sigma);
  return recolour(picture, (i) => {
    const fill = colourOf(picture, i).map((value) => Math.round(value * (tones - 1)) / (tones - 1));
    return mix(fill as unknown as Colour, contour, smoothstep(0.06, 0.16, lines[i]!));
  });
}
