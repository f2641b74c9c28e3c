/** A flat shadow that runs from the shape to the lower right, on a coloured background. */
import { colourOf, mix, recolour, type Colour, type Raster } from '../pixels/raster';

export interface LongShadowParameters {
  readonly background: Colour;
  readonly shadow: Colour;
  /** px along each axis. */
  readonly length: number;
}

/** The result is opaque. */
export function longShadow(picture: Raster, { background, shadow, length }: LongShadowParameters): Raster {
  const { width, height, alpha } = picture;
  const cast = new Float32Array(alpha.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let most = 0;
      for (let k = 1; k <= Math.min(length, x, y); k++) most = Math.max(most, alpha[(y - k) * width + x - k]!);
      cast[y * width + x] = most;
    }
  }
  const opaque = { ...picture, alpha: new Float32Array(alpha.length).fill(1) };
  return recolour(opaque, (i) => mix(mix(background, shadow, cast[i]!), colourOf(picture, i), alpha[i]!));
}
