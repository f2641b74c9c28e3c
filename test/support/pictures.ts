/** Drawings for tests: fixtures read with sharp, and shapes painted pixel by pixel. */
import { join } from 'node:path';
import sharp from 'sharp';
import { image, type Image } from '../../engine/image/image';

/** One of test/fixtures/pairs, e.g. "bell-flat". */
export async function fixture(name: string): Promise<Image> {
  const pipeline = sharp(join(__dirname, '../fixtures/pairs', `${name}.png`)).ensureAlpha();
  const { data, info } = await pipeline.raw().toBuffer({ resolveWithObject: true });
  return image(info.width, info.height, new Uint8ClampedArray(data.buffer, data.byteOffset, data.length));
}

/** An image whose pixel at (x, y) is paint(x, y): RGBA, 0 to 255. */
export function paint(
  width: number,
  height: number,
  colour: (x: number, y: number) => readonly [number, number, number, number],
): Image {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set(colour(x, y), (y * width + x) * 4);
  return image(width, height, data);
}

/** How much of the unit square at (x, y) lies in the disc: a smooth edge one pixel wide. */
export function disc(x: number, y: number, cx: number, cy: number, radius: number): number {
  return Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x + 0.5 - cx, y + 0.5 - cy)));
}

/** The pixel of an image as [r, g, b, a]. */
export function pixel(picture: Image, x: number, y: number): number[] {
  const at = (y * picture.width + x) * 4;
  return [...picture.data.slice(at, at + 4)];
}
