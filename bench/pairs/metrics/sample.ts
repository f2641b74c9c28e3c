/** Pictures as the metrics see them: all of one comparison over one background, on one square canvas. */
import { alphaPlane, drawOnCanvas, fitCanvas, type Rgb } from '../../../engine/image/canvas';
import type { Image } from '../../../engine/image/image';

/** Side, px, at which pictures are compared. */
export const SIDE = 256;

/** Three planes of SIDE * SIDE numbers in [0, 1], and how opaque the picture was. */
export interface Sample {
  readonly rgb: Float32Array;
  readonly alpha: Float32Array;
}

/** A picture of any size over a background; its long side becomes SIDE. */
export function sampleOf(picture: Image, background: Rgb): Sample {
  const canvas = fitCanvas(picture.width, picture.height, SIDE, SIDE);
  const rgb = drawOnCanvas(picture, canvas, background).data.map((value) => (value + 1) / 2);
  const alpha = new Float32Array(SIDE * SIDE);
  const content = alphaPlane(picture, canvas.contentWidth, canvas.contentHeight).data;
  for (let y = 0; y < canvas.contentHeight; y++) {
    const row = content.subarray(y * canvas.contentWidth, (y + 1) * canvas.contentWidth);
    alpha.set(row, (y + canvas.y) * SIDE + canvas.x);
  }
  return { rgb, alpha };
}
