/** Dots of one ink on a turned grid, larger where the picture is darker. */
import { gaussianBlur } from '../pixels/blur';
import { lumaOf, mix, over, recolour, smoothstep, type Colour, type Raster } from '../pixels/raster';

export interface HalftoneParameters {
  readonly paper: Colour;
  readonly ink: Colour;
  /** Distance of the dots, px, and the grid's turn, radians. */
  readonly cell: number;
  readonly angle: number;
}

export function halftone(picture: Raster, p: HalftoneParameters): Raster {
  const { width, height } = picture;
  const tone = gaussianBlur(lumaOf(over(picture, p.paper)), width, height, p.cell / 4);
  const [cos, sin] = [Math.cos(p.angle), Math.sin(p.angle)];
  return recolour(picture, (i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const u = (x * cos + y * sin) / p.cell;
    const v = (y * cos - x * sin) / p.cell;
    const distance = Math.hypot(u - Math.round(u), v - Math.round(v)) * p.cell;
    // A dot covers the share of its cell that the tone lacks of white.
    const radius = p.cell * Math.sqrt(Math.max(0, 1 - tone[i]!) / Math.PI) * 1.1;
    return mix(p.ink, p.paper, smoothstep(radius - 0.7, radius + 0.7, distance));
  });
}
