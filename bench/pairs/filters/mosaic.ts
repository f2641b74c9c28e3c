/** Square tiles of one colour each, with grout between them. */
import { colourOf, mix, over, recolour, type Colour, type Raster } from '../pixels/raster';

export interface MosaicParameters {
  readonly background: Colour;
  /** Side of a tile, px, grout included. */
  readonly tile: number;
  readonly grout: number;
  readonly groutColour: Colour;
}

/** The result is opaque. */
export function mosaic(picture: Raster, { background, tile, grout, groutColour }: MosaicParameters): Raster {
  const paper = over(picture, background);
  const { width, height } = paper;
  const columns = Math.ceil(width / tile);
  const tileOf = (i: number): number =>
    Math.floor(Math.floor(i / width) / tile) * columns + Math.floor((i % width) / tile);
  const sums = Array.from({ length: columns * Math.ceil(height / tile) }, () => [0, 0, 0, 0]);
  for (let i = 0; i < width * height; i++) {
    const sum = sums[tileOf(i)]!;
    colourOf(paper, i).forEach((value, c) => (sum[c]! += value));
    sum[3]!++;
  }
  return recolour(paper, (i) => {
    const [r, g, b, count] = sums[tileOf(i)]! as [number, number, number, number];
    const mean: Colour = [r / count, g / count, b / count];
    const between = (i % width) % tile < grout || Math.floor(i / width) % tile < grout;
    return between ? mix(mean, groutColour, 0.7) : mean;
  });
}
