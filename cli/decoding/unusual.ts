/** Pictures that could be read, but whose colours would be guesswork: refused, never shown wrong. */
import type { Metadata } from 'sharp';

const SAVE_AS = 'save it as RGB or grey with 8 or 16 bits per channel';

/** Channels that a picture of a colour space may have, with and without alpha. */
const CHANNELS: Readonly<Record<string, readonly number[]>> = {
  srgb: [3, 4],
  rgb: [3, 4],
  rgb16: [3, 4],
  'b-w': [1, 2],
  grey16: [1, 2],
  cmyk: [4, 5],
  lab: [3, 4],
  labs: [3, 4],
};

const NUMBERS: Readonly<Record<string, string>> = {
  char: 'signed 8-bit',
  short: 'signed 16-bit',
  uint: '32-bit',
  int: 'signed 32-bit',
  float: 'floating point',
  double: 'floating point',
  complex: 'complex',
  dpcomplex: 'complex',
};

/** Why the colours of a picture cannot be relied on, and how to fix it; undefined where they can. */
export function refusalOfColours({ depth, channels, space }: Metadata): string | undefined {
  // libtiff's Lab comes as signed numbers by its nature.
  const usual = depth === 'uchar' || depth === 'ushort' || space === 'lab' || space === 'labs';
  if (!usual) {
    const kind = NUMBERS[depth] ?? depth;
    return `has ${kind} samples, and which value is white cannot be told; ${SAVE_AS}`;
  }
  const usualChannels = CHANNELS[space];
  if (!usualChannels) return `is of the colour space ${space}, which is not read; ${SAVE_AS}`;
  if (!usualChannels.includes(channels)) {
    return `has ${channels} channels, more than colour and transparency; ${SAVE_AS}`;
  }
  return undefined;
}

/** Tags of a TIFF's first directory. */
const TAGS = { newSubfileType: 254, samplesPerPixel: 277, planarConfiguration: 284, dngVersion: 50_706 };
const SHORT = 3;

/** Why a TIFF would come out wrong, and how to fix it; undefined where it would not. */
export function refusalOfTiff(bytes: Uint8Array): string | undefined {
  const tags = firstDirectory(bytes);
  // Raw photos are TIFF files whose first picture is a thumbnail; bit 0 marks a smaller copy of another picture.
  if (tags.has(TAGS.dngVersion) || (tags.get(TAGS.newSubfileType) ?? 0) & 1) {
    return 'is a raw photo, or begins with a thumbnail; develop it and save it as PNG, JPEG or TIFF';
  }
  // libvips 8.18 repeats the first row of each strip.
  if (tags.get(TAGS.planarConfiguration) === 2 && tags.get(TAGS.samplesPerPixel) === 2) {
    return 'has grey and transparency in separate planes, which are not read; save it interleaved, or as PNG';
  }
  return undefined;
}

/** Each tag's first value, where it is a number in the entry itself. Empty for BigTIFF, which no camera writes. */
function firstDirectory(bytes: Uint8Array): ReadonlyMap<number, number> {
  const tags = new Map<number, number>();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  if (bytes.length < 8 || view.getUint16(2, little) !== 42) return tags;
  const directory = view.getUint32(4, little);
  if (directory + 2 > bytes.length) return tags;
  const count = view.getUint16(directory, little);
  for (let i = 0, at = directory + 2; i < count && at + 12 <= bytes.length; i++, at += 12) {
    const short = view.getUint16(at + 2, little) === SHORT;
    tags.set(view.getUint16(at, little), short ? view.getUint16(at + 8, little) : view.getUint32(at + 8, little));
  }
  return tags;
}
