/** A photographic grade: a curve, a gain, and a tint of the shadows and of the lights. */
import { colourOf, lumaOf, recolour, type Colour, type Raster } from '../pixels/raster';

export interface GradeParameters {
  /** Power that every channel is raised to first; above 1 darkens. */
  readonly gamma: number;
  /** Slope about mid grey, then a factor for each channel. */
  readonly contrast: number;
  readonly gain: Colour;
  /** Added to black, and to white; between them by luma. */
  readonly shadows: Colour;
  readonly lights: Colour;
}

export function grade(picture: Raster, { gamma, contrast, gain, shadows, lights }: GradeParameters): Raster {
  const tone = lumaOf(picture);
  return recolour(picture, (i) => {
    const graded = colourOf(picture, i).map((value, c) => {
      const tint = shadows[c]! + (lights[c]! - shadows[c]!) * tone[i]!;
      return Math.min(1, Math.max(0, ((value ** gamma - 0.5) * contrast + 0.5) * gain[c]! + tint));
    });
    return graded as unknown as Colour;
  });
}
