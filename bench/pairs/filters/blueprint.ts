/** White lines on blue paper with a drawn grid. */
import { gaussianBlur } from '../pixels/blur';
import { edgeMap } from '../pixels/edges';
import { mix, over, recolour, smoothstep, type Colour, type Raster } from '../pixels/raster';

export interface BlueprintParameters {
  readonly paper: Colour;
  readonly line: Colour;
  /** Distance of the grid's lines, px, and how much of `line` they show, 0 to 1. */
  readonly grid: number;
  readonly gridInk: number;
}

/** The result is opaque. */
export function blueprint(picture: Raster, p: BlueprintParameters): Raster {
  const white = over(picture, [1, 1, 1]);
  const { width, height } = white;
  const lines = gaussianBlur(edgeMap(white.rgb, width, height), width, height, 0.7);
  return recolour(white, (i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    const onGrid = x % p.grid === 0 || y % p.grid === 0;
    const paper = mix(p.paper, p.line, onGrid ? p.gridInk : 0);
    return mix(paper, p.line, smoothstep(0.05, 0.3, lines[i]!));
  });
}
