/** PNG files to pixels and back, exactly: no colour management, and colours under alpha 0 stay what they are. */
import { decode, encode, type DecodedPng } from 'fast-png';
import { InputError } from '../../../engine/errors';
import { IMAGE_LIMITS, image, type Image } from '../../../engine/image/image';
import type { Png } from '../../ports';

/** Signature, length and type of the first chunk, width, height. */
const HEADER_BYTES = 24;
const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** As many pixels as Figma takes: 4096 px a side. The sides may differ. */
const MOST_PIXELS = 4096 * 4096;

/** How hard deflate tries, of 9. Figma keeps results, and nobody keeps previews. */
const DEFLATE_LEVEL = { result: 6, preview: 1 } as const;

/**
 * 8-bit RGBA with straight alpha from a PNG of any colour type and bit depth. 16-bit samples are rounded.
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
    const decoded = decode(png, { checkCrc: true });
    return image(width, height, toRgba(decoded));
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

function toRgba(png: DecodedPng): Uint8ClampedArray {
  const samples = unpack(png);
  const { width, height, channels, depth, palette } = png;
  const out = new Uint8ClampedArray(width * height * 4);
  if (palette) {
    for (let i = 0; i < width * height; i++) {
      const colour = palette[samples[i]!];
      if (!colour) throw new Error(`pixel ${i} has colour ${samples[i]} of a palette of ${palette.length}`);
      out.set(colour.length === 4 ? colour : [...colour, 255], 4 * i);
    }
    return out;
  }
  const scale = 255 / (2 ** depth - 1);
  const key = png.transparency?.length ? png.transparency : undefined;
  const colours = channels < 3 ? 1 : 3;
  for (let i = 0; i < width * height; i++) {
    const from = i * channels;
    for (let c = 0; c < 3; c++) out[4 * i + c] = Math.round(samples[from + Math.min(c, colours - 1)]! * scale);
    const opaque = !key || key.some((value, c) => c < colours && samples[from + c] !== value);
    out[4 * i + 3] = channels % 2 === 0 ? Math.round(samples[from + colours]! * scale) : opaque ? 255 : 0;
  }
  return out;
}

/** One number per sample; below 8 bits a byte of the file holds several, and each row begins with a new one. */
function unpack({ data, width, height, depth }: DecodedPng): ArrayLike<number> {
  if (depth >= 8) return data;
  const out = new Uint8Array(width * height);
  const perByte = 8 / depth;
  const rowBytes = Math.ceil(width / perByte);
  const mask = 2 ** depth - 1;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const byte = data[y * rowBytes + Math.floor(x / perByte)]!;
      out[y * width + x] = (byte >> (8 - depth * ((x % perByte) + 1))) & mask;
    }
  }
  return out;
}
