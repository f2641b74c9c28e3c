/** Graphite on paper: colour dodge for the lines, hatching for the tones. */
import { gaussianBlur } from '../pixels/blur';
import { lumaOf, mix, over, recolour, type Colour, type Raster } from '../pixels/raster';

export interface PencilParameters {
  readonly paper: Colour;
  readonly graphite: Colour;
  /** Width of the lines, px. */
  readonly sigma: number;
  /** Distance of the hatches, px, and their direction, radians. */
  readonly spacing: number;
  readonly angle: number;
}

export function pencil(picture: Raster, p: PencilParameters): Raster {
  const { width, height } = picture;
  const tone = lumaOf(over(picture, p.paper));
  const inverted = gaussianBlur(
    tone.map((value) => 1 - value),
    width,
    height,
    p.sigma,
  );
  return recolour(picture, (i) => {
    const lines = Math.min(1, tone[i]! / Math.max(1e-3, 1 - inverted[i]!));
    const [x, y] = [i % width, Math.floor(i / width)];
    const phase = (x * Math.cos(p.angle) + y * Math.sin(p.angle)) / p.spacing;
    const hatch = 0.5 + 0.5 * Math.cos(2 * Math.PI * phase);
    const shade = 1 - 0.8 * (1 - tone[i]!) * hatch;
    return mix(p.graphite, p.paper, lines ** 3 * shade);
  });
}
