/** Image files: any common format in as 8-bit sRGB with straight alpha, PNG out. */
import { basename, extname } from 'node:path';
import sharp, { type Metadata } from 'sharp';
import { InputError } from '../engine/errors';
import { requireImageSize } from '../engine/image/canvas';
import { image, IMAGE_LIMITS, type Image } from '../engine/image/image';
import { messageOf } from '../engine/weights/source';
import { readBytes } from './files';
import { writeWhole, type WriteOptions } from './output';

/** Vector drawings are rendered with at least this long side, px: their own size is often that of a button. */
const VECTOR_SIDE = 512;
/** The resolution at which one unit of an SVG is one pixel. */
const SVG_DENSITY = 72;
const MAX_DENSITY = 100_000;

const FORMATS = 'PNG, JPEG, WebP, GIF, SVG, AVIF or TIFF';

/** Whether libvips could read the header; size as it will be shown, orientation applied. */
interface Header {
  readonly width: number;
  readonly height: number;
  readonly vector: boolean;
}

/**
 * Loads a picture: the first frame or page, orientation applied, colours converted to sRGB. Throws an InputError
 * naming the file when it is no picture or outside IMAGE_LIMITS.
 */
export async function loadImage(path: string): Promise<Image> {
  const bytes = await readBytes(path);
  const header = await readHeader(path, bytes);
  try {
    const pipeline = sharp(bytes, {
      failOn: 'error',
      autoOrient: true,
      limitInputPixels: IMAGE_LIMITS.maxSide ** 2,
      ...(header.vector && { density: vectorDensity(header) }),
    });
    const { data, info } = await pipeline
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return image(info.width, info.height, new Uint8ClampedArray(data.buffer, data.byteOffset, data.length));
  } catch (error) {
    throw notAnImage(path, error);
  }
}

/** Checks that a file is a picture of a size within IMAGE_LIMITS, without decoding it. */
export async function checkImageFile(path: string): Promise<void> {
  await readHeader(path, await readBytes(path));
}

async function readHeader(path: string, bytes: Uint8Array): Promise<Header> {
  let metadata: Metadata;
  try {
    metadata = await sharp(bytes, { density: SVG_DENSITY, limitInputPixels: false }).metadata();
  } catch (error) {
    throw notAnImage(path, error);
  }
  const { width, height } = metadata.autoOrient;
  const vector = metadata.format === 'svg';
  const scale = vector ? vectorDensity({ width, height, vector }) / SVG_DENSITY : 1;
  requireImageSize(Math.round(width * scale), Math.round(height * scale), path);
  return { width, height, vector };
}

function vectorDensity({ width, height }: Header): number {
  return Math.min(MAX_DENSITY, SVG_DENSITY * Math.max(1, VECTOR_SIDE / Math.max(width, height)));
}

function notAnImage(path: string, error: unknown): InputError {
  const why = messageOf(error).split('\n')[0]!.trim();
  return new InputError(`${path}: cannot be read as an image (${why}); give a ${FORMATS} file`);
}

/** PNG bytes of a picture; every byte of its pixels is kept, also under alpha 0. */
export async function encodePng({ width, height, data }: Image): Promise<Uint8Array> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return sharp(bytes, { raw: { width, height, channels: 4 }, limitInputPixels: false })
    .png()
    .toBuffer();
}

export async function savePng(path: string, picture: Image, options: WriteOptions): Promise<void> {
  await writeWhole(path, await encodePng(picture), options);
}

/** "photos/cat.final.jpg" gives "cat.final". */
export function stemOf(path: string): string {
  return basename(path, extname(path));
}
