/** PNG files to pixels and back, exactly: no colour management, and colours under alpha 0 stay what they are. */
import { encode } from 'fast-png';
import { InputError } from '../../../engine/errors';
import { IMAGE_LIMITS, image, type Image } from '../../../engine/image/image';
import type { Png } from '../../ports';
import { readChunks } from './png-chunks';
import { readPixels } from './png-pixels';

/** Signature, length and type of the first chunk, width, height. */
const HEADER_BYTES = 24;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** As many pixels as Figma takes: 4096 px a side. The sides may differ. */
const MOST_PIXELS = 4096 * 4096;

/** How hard deflate tries, of 9. Figma keeps results, and nobody keeps previews. */
const DEFLATE_LEVEL = { result: 6, preview: 1 } as const;

/**
 * 8-bit RGBA with straight alpha from a PNG of any colour type and bit depth, interlaced or not. 16-bit samples are
 * rounded. No more is unpacked than the picture needs: profiles and texts are skipped, and what follows the pixels.
 *
 * @param name what errors call the picture, e.g. "the before image".
 * @throws InputError when it is no PNG, a damaged one, or one of more than 4096 x 4096 pixels.
 */
export function decodePng(png: Png, name: string): Image {
  if (SIGNATURE.some((byte, i) => png[i] !== byte) || png.length < HEADER_BYTES) {
    throw new InputError(`${name} is not a PNG file; export it as PNG`);
  }
  const header = new DataView(png.buffer, png.byteOffset, HEADER_BYTES);
  const [width, height] = [header.getUint32(16), header.getUint32(20)];
  // Known before anything is unpacked: a small file can hold a picture that no memory holds.
  if (width * height > MOST_PIXELS || Math.max(width, height) > IMAGE_LIMITS.maxSide) {
    throw new InputError(`${name} has ${width} x ${height} pixels, more than 4096 x 4096; export it smaller`);
  }
  try {
    return image(width, height, readPixels(readChunks(png)));
  } catch (error) {
    throw new InputError(`${name} is a damaged PNG file (${(error as Error).message}); export it again`);
  }
}

/** A PNG of 8-bit RGBA. */
export function encodePng(
  { width, height, data }: Image,
  purpose: keyof typeof DEFLATE_LEVEL,
): Uint8Array<ArrayBuffer> {
  const level = DEFLATE_LEVEL[purpose];
  return encode({ width, height, data, channels: 4, depth: 8 }, { zlib: { level } }) as Uint8Array<ArrayBuffer>;
}
