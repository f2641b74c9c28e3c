/** Pictures of any size on the net's canvas: size, matte, placement, and the way to and from tensors. */
import { InputError } from '../errors';
import { f32, type HostTensor } from '../tensor/tensor';
import { image, IMAGE_LIMITS, type Image } from './image';
import { crop, kernelFor, makeTaps, planes, resampleLine, resizeHeight, type Planes } from './resample';

/** An opaque sRGB colour, 0 to 255 each. */
export type Rgb = readonly [number, number, number];

/** Where a picture lies on the net's canvas, all in net pixels. */
export interface Canvas {
  readonly width: number;
  readonly height: number;
  /** The picture's rectangle; what is outside it is padding. */
  readonly x: number;
  readonly y: number;
  readonly contentWidth: number;
  readonly contentHeight: number;
}

/** Throws an InputError that names the picture when its size is outside IMAGE_LIMITS. */
export function requireImageSize(width: number, height: number, name: string): void {
  const { minSide, maxSide, maxAspect } = IMAGE_LIMITS;
  const size = `${name} is ${width} x ${height} px`;
  if (Math.min(width, height) < minSide) throw new InputError(`${size}; use an image of at least ${minSide} px a side`);
  if (Math.max(width, height) > maxSide) throw new InputError(`${size}; scale it down to at most ${maxSide} px a side`);
  if (Math.max(width, height) > maxAspect * Math.min(width, height)) {
    throw new InputError(`${size}; crop it so that the long side is at most ${maxAspect} times the short one`);
  }
}

/**
 * The working size of a picture of width x height: its long side becomes `size`, both canvas sides are the next
 * multiples of `multiple`, and the picture lies in the middle. So the canvas holds at most size² pixels.
 *
 * @param size the net's native side in px, itself a multiple of `multiple`; otherwise a RangeError is thrown.
 */
export function fitCanvas(width: number, height: number, size: number, multiple: number): Canvas {
  if (size % multiple !== 0) throw new RangeError(`size ${size} is not a multiple of ${multiple}`);
  const scale = size / Math.max(width, height);
  const contentWidth = Math.max(1, Math.round(width * scale));
  const contentHeight = Math.max(1, Math.round(height * scale));
  const canvasWidth = Math.ceil(contentWidth / multiple) * multiple;
  const canvasHeight = Math.ceil(contentHeight / multiple) * multiple;
  return {
    width: canvasWidth,
    height: canvasHeight,
    x: Math.floor((canvasWidth - contentWidth) / 2),
    y: Math.floor((canvasHeight - contentHeight) / 2),
    contentWidth,
    contentHeight,
  };
}

/** Whether any pixel is not opaque. */
export function hasTransparency(picture: Image): boolean {
  const { data } = picture;
  for (let i = 3; i < data.length; i += 4) if (data[i] !== 255) return true;
  return false;
}

const WHITE: Rgb = [255, 255, 255];
const FALLBACKS: readonly Rgb[] = [
  [128, 128, 128],
  [48, 48, 48],
];
/** White stays unless less than this share of the outline shows on it. */
const ENOUGH_OUTLINE = 0.5;

/**
 * One matte (the opaque colour a picture is laid on) for all the given pictures (the two of a pair, or one to restyle): white, unless most of the outline
 * of some picture would vanish on it; then the grey on which the least visible outline shows best. Opaque pictures
 * have no outline and do not care.
 */
export function chooseMatte(pictures: readonly Image[]): Rgb {
  const least = (matte: Rgb) => Math.min(...pictures.map((picture) => outlineVisibility(picture, matte)));
  let best = WHITE;
  let bestShare = least(WHITE);
  if (bestShare >= ENOUGH_OUTLINE) return WHITE;
  for (const grey of FALLBACKS) {
    const share = least(grey);
    if (share > bestShare) [best, bestShare] = [grey, share];
  }
  return best;
}

/**
 * The share, 0 to 1, of a picture's alpha steps at which the colour on the more opaque side differs from the
 * matte: a step counts in full from a distance of 64 grey levels up. 1 when there are no alpha steps.
 */
export function outlineVisibility(picture: Image, matte: Rgb): number {
  const { width, height, data } = picture;
  // About a thousand samples a side are plenty for an outline, and keep an 8192 px image cheap.
  const stride = Math.max(1, Math.floor(Math.max(width, height) / 1024));
  let seen = 0;
  let all = 0;
  const step = (p: number, q: number): void => {
    const alphaP = data[4 * p + 3]!;
    const alphaQ = data[4 * q + 3]!;
    if (alphaP === alphaQ) return;
    const solid = 4 * (alphaP > alphaQ ? p : q);
    const distance = Math.max(
      Math.abs(data[solid]! - matte[0]),
      Math.abs(data[solid + 1]! - matte[1]),
      Math.abs(data[solid + 2]! - matte[2]),
    );
    const weight = Math.abs(alphaP - alphaQ);
    all += weight;
    seen += weight * Math.min(1, distance / 64);
  };
  for (let y = 0; y < height; y += stride) {
    for (let x = 0; x < width; x += stride) {
      const p = y * width + x;
      if (x + stride < width) step(p, p + stride);
      if (y + stride < height) step(p, p + stride * width);
    }
  }
  return all === 0 ? 1 : seen / all;
}

/** Row y of a picture over an opaque matte, as three lines of `width` numbers in [0, 1] in `out`. */
export function compositeRow(picture: Image, y: number, matte: Rgb, out: Float32Array): void {
  const { width, data } = picture;
  const unit = 1 / 255;
  for (let x = 0, i = y * width * 4; x < width; x++, i += 4) {
    const alpha = data[i + 3]! * unit;
    for (let c = 0; c < 3; c++) {
      const under = matte[c]!;
      out[c * width + x] = (under + (data[i + c]! - under) * alpha) * unit;
    }
  }
}

/**
 * A picture over an opaque matte at width x height: three planes in [0, 1] up to the overshoot of the kernel.
 * Works row by row, so an 8192 px image never exists as floats.
 */
export function compositeAt(picture: Image, matte: Rgb, width: number, height: number): Planes {
  return resizeRows(picture, 3, (y, out) => compositeRow(picture, y, matte, out), width, height);
}

/** A picture's alpha at width x height: one plane in [0, 1]. */
export function alphaPlane(picture: Image, width: number, height: number): Planes {
  const readRow = (y: number, out: Float32Array): void => {
    for (let x = 0; x < picture.width; x++) out[x] = picture.data[(y * picture.width + x) * 4 + 3]! / 255;
  };
  return resizeRows(picture, 1, readRow, width, height);
}

/** A picture at width x height as `channels` planes; `readRow` fills one line for each channel of a row. */
export function resizeRows(
  picture: Image,
  channels: number,
  readRow: (y: number, out: Float32Array) => void,
  width: number,
  height: number,
): Planes {
  const wide = planes(channels, width, picture.height);
  const across = makeTaps(picture.width, width, kernelFor(picture.width, width));
  const row = new Float32Array(channels * picture.width);
  for (let y = 0; y < picture.height; y++) {
    readRow(y, row);
    for (let c = 0; c < channels; c++) {
      resampleLine(row, c * picture.width, across, wide.data, (c * picture.height + y) * width);
    }
  }
  return resizeHeight(wide, height, kernelFor(picture.height, height));
}

/**
 * A picture on the net's canvas: f32 [1, 3, canvas.height, canvas.width] in [-1, 1]. A picture with transparency is
 * surrounded by the matte, an opaque one by its own border pixels, so that no false edge appears.
 */
export function drawOnCanvas(picture: Image, canvas: Canvas, matte: Rgb): HostTensor<'f32'> {
  const { width, height, contentWidth, contentHeight } = canvas;
  const content = compositeAt(picture, matte, contentWidth, contentHeight);
  const replicate = !hasTransparency(picture);
  const out = new Float32Array(3 * width * height);
  for (let c = 0; c < 3; c++) {
    const padding = (matte[c]! / 255) * 2 - 1;
    for (let y = 0; y < height; y++) {
      const row = y - canvas.y;
      for (let x = 0; x < width; x++) {
        const column = x - canvas.x;
        const inside = row >= 0 && row < contentHeight && column >= 0 && column < contentWidth;
        const from = (c * contentHeight + clamp(row, contentHeight)) * contentWidth + clamp(column, contentWidth);
        const value = Math.min(1, Math.max(0, content.data[from]!)) * 2 - 1;
        out[(c * height + y) * width + x] = inside || replicate ? value : padding;
      }
    }
  }
  return f32(out, [1, 3, height, width]);
}

function clamp(index: number, length: number): number {
  return Math.min(length - 1, Math.max(0, index));
}

/**
 * The picture's rectangle of a canvas tensor [1, 3, canvas.height, canvas.width], clipped to [-1, 1], as planes in
 * [0, 1]. Throws a RangeError when the tensor is not of the canvas's shape.
 */
export function liftFromCanvas(tensor: HostTensor<'f32'>, canvas: Canvas): Planes {
  const size = 3 * canvas.width * canvas.height;
  if (tensor.data.length !== size || tensor.shape.at(-1) !== canvas.width) {
    throw new RangeError(
      `tensor [${tensor.shape.join(', ')}] is not a canvas of ${canvas.width} x ${canvas.height} px`,
    );
  }
  const whole = planes(3, canvas.width, canvas.height, tensor.data);
  const content = crop(whole, canvas.x, canvas.y, canvas.contentWidth, canvas.contentHeight);
  content.data.forEach((value, i) => (content.data[i] = Math.min(1, Math.max(0, value / 2 + 0.5))));
  return content;
}

/** An opaque image of a tensor [1, 3, h, w] in [-1, 1]; values outside are clipped. */
export function tensorToImage(tensor: HostTensor<'f32'>): Image {
  const [batch, channels, height, width] = tensor.shape;
  if (batch !== 1 || channels !== 3 || !height || !width) {
    throw new RangeError(`tensor [${tensor.shape.join(', ')}] is not one RGB image`);
  }
  const size = width * height;
  const data = new Uint8ClampedArray(4 * size).fill(255);
  // Uint8ClampedArray rounds to nearest and clips.
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = (tensor.data[c * size + i]! + 1) * 127.5;
  }
  return image(width, height, data);
}
