/** A picture over white in a square. */
import { drawOnCanvas, fitCanvas, tensorToImage } from '../../../engine/image/canvas';
import type { Image } from '../../../engine/image/image';

export function resizeImage(picture: Image, side: number): Image {
  const canvas = fitCanvas(picture.width, picture.height, side, side);
  return tensorToImage(drawOnCanvas(picture, canvas, [255, 255, 255]));
}
