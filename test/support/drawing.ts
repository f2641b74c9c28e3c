/** A drawing that any test can have without an engine. */
import { image, type Image } from '../../engine/image/image';

export type Paint = readonly [number, number, number, number];

/** A disc and a bar on a background: enough edges for the pair check, in any two colours. */
export function drawing(width: number, height: number, ink: Paint, background: Paint): Image {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = [x / width, y / height];
      const disc = Math.hypot(u - 0.4, v - 0.45) < 0.28;
      const bar = u > 0.55 && u < 0.85 && v > 0.6 && v < 0.8;
      data.set(disc || bar ? ink : background, (y * width + x) * 4);
    }
  }
  return image(width, height, data);
}

export const RED: Paint = [200, 40, 50, 255];
export const BLUE: Paint = [30, 60, 180, 255];
export const PALE: Paint = [240, 235, 220, 255];
export const CLEAR: Paint = [0, 0, 0, 0];
