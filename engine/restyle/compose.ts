/** The last step of a restyle: the net's difference laid on the untouched picture, at the picture's own resolution. */
import type { HostTensor } from '../tensor/tensor';
import { compositeAt, compositeRow, liftFromCanvas, type Canvas, type Rgb } from '../image/canvas';
import { image, type Image } from '../image/image';
import { planes, type Planes } from '../image/resample';
import { cleanDifference } from './clean';
import { holdBackground } from '../image/background';
import { guidedUpsampler, plainUpsampler } from '../image/upsample';

/**
 * A pixel's colour moves by difference / alpha, since the difference was seen through the alpha; below this alpha the
 * quotient is held, or noise in almost invisible pixels would become vivid colour.
 */
export const LEAST_ALPHA = 1 / 16;

export interface ComposeInputs {
  readonly picture: Image;
  readonly canvas: Canvas;
  /** The colour the picture was drawn on the canvas with. */
  readonly matte: Rgb;
  /** Decoded latents on the canvas, [1, 3, canvas.height, canvas.width] in [-1, 1], clipped there. */
  readonly styled: HostTensor<'f32'>;
  readonly original: HostTensor<'f32'>;
  /** How far from the drawing its background may change (image/background.ts); null for any distance. */
  readonly backgroundExtent: number | null;
  /** What the difference is added to: the picture when left out, or the same with other colours. */
  readonly base?: Image;
}

/**
 * out = base + (styled - original), cleaned and resampled to the picture's size.
 *
 * Alpha is preserved, and fully transparent pixels keep their bytes. A difference of zero, or of float noise far below
 * half a grey level, returns the base's bytes exactly.
 */
export function composeRestyled({
  picture,
  canvas,
  matte,
  styled,
  original,
  backgroundExtent,
  base = picture,
}: ComposeInputs): Image {
  const after = liftFromCanvas(styled, canvas);
  const before = liftFromCanvas(original, canvas);
  const data = after.data.map((value, i) => value - before.data[i]!);
  const difference = planes(3, after.width, after.height, data);
  const guide = compositeAt(picture, matte, after.width, after.height);
  const held = holdBackground(cleanDifference(difference, guide), guide, backgroundExtent);
  return addDifference(picture, matte, held, guide, base);
}

/**
 * Adds a difference to the picture's colours.
 *
 * @param difference three planes in [-1, 1] of any size, covering the whole picture.
 * @param guide the picture at the difference's size, three planes in [0, 1], as sharp or as blurred as the difference:
 *   the fit that keeps edges crisp is made on it.
 * @param base what the difference is added to, of the picture's size and alpha.
 */
export function addDifference(
  picture: Image,
  matte: Rgb,
  difference: Planes,
  guide: Planes,
  base: Image = picture,
): Image {
  const { width, height } = picture;
  const enlarged = width > difference.width || height > difference.height;
  const upsampler = enlarged
    ? guidedUpsampler(difference, guide, width, height)
    : plainUpsampler(difference, width, height);
  const out = new Uint8ClampedArray(base.data);
  const guideRow = new Float32Array(3 * width);
  const changes = new Float32Array(3 * width);
  for (let y = 0; y < height; y++) {
    compositeRow(picture, y, matte, guideRow);
    upsampler.row(y, guideRow, changes);
    for (let x = 0, i = y * width * 4; x < width; x++, i += 4) {
      const alpha = picture.data[i + 3]! / 255;
      if (alpha === 0) continue;
      const gain = 255 / Math.max(alpha, LEAST_ALPHA);
      for (let c = 0; c < 3; c++) {
        // Uint8ClampedArray rounds to nearest and clips.
        out[i + c] = base.data[i + c]! + gain * changes[c * width + x]!;
      }
    }
  }
  return image(width, height, out);
}
