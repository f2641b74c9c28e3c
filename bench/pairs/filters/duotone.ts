/** Two colours: one for the shadows, one for the lights. */
import { lumaOf, mix, recolour, smoothstep, type Colour, type Raster } from '../pixels/raster';

export interface DuotoneParameters {
  readonly dark: Colour;
  readonly light: Colour;
}

export function duotone(picture: Raster, { dark, light }: DuotoneParameters): Raster {
  const tone = lumaOf(picture);
  return recolour(picture, (i) => mix(dark, light, smoothstep(0.05, 0.95, tone[i]!)));
}
