/** Files to pixels by libvips: any common format in as 8-bit sRGB with straight alpha. Runs in the decoding process. */
import sharp, { type Metadata, type SharpOptions } from 'sharp';
import { InputError } from '../../engine/errors';
import { requireImageSize } from '../../engine/image/canvas';
import { image, IMAGE_LIMITS, type Image } from '../../engine/image/image';
import { messageOf } from '../../engine/weights/source';
import { refusalOf } from './kinds';
import { refusalOfPng } from './png';
import { readProfile, toSrgb } from './profile';
import { prepareSvg } from './svg';
import { refusalOfColours, refusalOfTiff } from './unusual';

/** Vector drawings are rendered with at least this long side, px: their own size is often that of a button. */
const VECTOR_SIDE = 512;
/** The resolution at which one unit of an SVG is one pixel. */
const SVG_DENSITY = 72;
const MAX_DENSITY = 100_000;
const LONGEST_REASON = 200;

const FORMATS = 'PNG, JPEG, WebP, GIF, SVG, AVIF or TIFF';
/** For what is read again at once. */
const FAST = { compressionLevel: 0 };

/** What libvips would read wrong, by its name of the format. */
const REFUSALS: Readonly<Record<string, (bytes: Uint8Array) => string | undefined>> = {
  png: refusalOfPng,
  tiff: refusalOfTiff,
};

/**
 * Decodes a picture: the first frame or page, orientation applied, colours converted to sRGB.
 *
 * @param name what errors call the file.
 * @param onRaster told how many pixels a raster picture has before they are decoded.
 * @throws InputError when it is no picture, a damaged one, outside IMAGE_LIMITS, or of a kind whose colours would be
 * guesswork.
 */
export async function decodePicture(
  file: Uint8Array,
  name: string,
  onRaster?: (pixels: number) => void,
): Promise<Image> {
  const refused = refusalOf(file);
  if (refused) throw new InputError(`${name}: ${refused}`);
  const bytes = prepareSvg(file);
  try {
    const metadata = await sharp(bytes, { density: SVG_DENSITY, limitInputPixels: false }).metadata();
    const { width, height, density } = shownSize(metadata);
    requireImageSize(width, height, name);
    const unusual = refusalOfColours(metadata) ?? REFUSALS[metadata.format]?.(bytes);
    if (unusual) throw new InputError(`${name}: ${unusual}`);
    if (!density) onRaster?.(width * height);
    return await decodeColours(bytes, metadata, {
      // Warnings are about damage; unknown tags, and bytes after the end, are none.
      failOn: 'warning',
      autoOrient: true,
      limitInputPixels: IMAGE_LIMITS.maxSide ** 2,
      ...(density && { density }),
    });
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(`${name}: cannot be read as an image (${reasonOf(error)}); give a ${FORMATS} file`);
  }
}

/** The size it will have, orientation applied; of a vector drawing also the resolution at which it has that size. */
function shownSize(metadata: Metadata): { width: number; height: number; density?: number } {
  const { width, height } = metadata.autoOrient;
  if (metadata.format !== 'svg') return { width, height };
  const density = Math.min(MAX_DENSITY, SVG_DENSITY * Math.max(1, VECTOR_SIDE / Math.max(width, height)));
  const scale = density / SVG_DENSITY;
  return { width: Math.round(width * scale), height: Math.round(height * scale), density };
}

async function decodeColours(bytes: Uint8Array, metadata: Metadata, options: SharpOptions): Promise<Image> {
  const grey = metadata.space === 'b-w' || metadata.space === 'grey16';
  const deep = metadata.space === 'rgb16' || metadata.space === 'grey16';
  const profile = metadata.icc && (grey || deep) ? readProfile(metadata.icc) : undefined;
  if (metadata.space === 'rgb16' && profile?.space === 'other' && profile.signature === 'RGB ') {
    // Tables: libvips applies them to 8-bit pictures only.
    const shallow = await sharp(bytes, options).keepIccProfile().toColourspace('srgb').png(FAST).toBuffer();
    return decodeColours(shallow, await sharp(shallow).metadata(), options);
  }
  const own = deep || profile?.space === 'grey';
  const { data, info } = await sharp(bytes, { ...options, ignoreIcc: own })
    .toColourspace(deep ? 'rgb16' : 'srgb')
    .ensureAlpha()
    .raw({ depth: deep ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (!own) return image(info.width, info.height, new Uint8ClampedArray(data.buffer, data.byteOffset, data.length));
  const samples = deep ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data;
  // A profile of another space says nothing about these numbers.
  const fitting = profile?.space === (grey ? 'grey' : 'rgb') ? profile : undefined;
  return image(info.width, info.height, toSrgb(samples, deep ? 65_535 : 255, fitting));
}

/** libvips says one thing per line, what matters often last, with its own names before and how it searched between. */
function reasonOf(error: unknown): string {
  const lines = messageOf(error)
    .replace(/^Input buffer has corrupt header:/, '')
    .replace(/^Input buffer contains unsupported image format/, 'its format is unknown')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/bad seek to \d+$/.test(line));
  const reason = [...new Set(lines)].join('; ') || 'it is damaged';
  return reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON)}…` : reason;
}
