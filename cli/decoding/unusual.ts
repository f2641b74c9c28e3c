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
export function refusalOfColours({ depth, channels, space, format }: Metadata, bytes: Uint8Array): string | undefined {
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
  return format === 'png' ? refusalOfCicp(bytes) : undefined;
}

/**
 * PNG's cICP chunk goes before all other colour information (PNG 3rd edition, 11.3.2.6), and libvips does not know it.
 * Only what amounts to sRGB is read.
 */
function refusalOfCicp(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length;) {
    const [length, type] = [view.getUint32(at), view.getUint32(at + 4)];
    if (type === IDAT) return undefined;
    if (type === CICP && length === 4) {
      const [primaries, transfer] = [bytes[at + 8], bytes[at + 9]];
      // BT.709 primaries with the curve of sRGB or of BT.709, which are meant to look alike.
      if (primaries === 1 && [1, 6, 13].includes(transfer!)) return undefined;
      return 'is marked (cICP) as wide-gamut or HDR colours, which are not read; export it as sRGB';
    }
    at += 12 + length;
  }
  return undefined;
}

const IDAT = 0x49444154;
const CICP = 0x63494350;

/** Tags of a TIFF's first directory. */
const NEW_SUBFILE_TYPE = 254;
const DNG_VERSION = 50_706;

/** Raw photos are TIFF files whose first picture is a thumbnail. */
export function refusalOfTiff(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const little = bytes[0] === 0x49;
  // BigTIFF, 43, is no format of cameras.
  if (bytes.length < 8 || view.getUint16(2, little) !== 42) return undefined;
  const directory = view.getUint32(4, little);
  if (directory + 2 > bytes.length) return undefined;
  const count = view.getUint16(directory, little);
  for (let i = 0; i < count; i++) {
    const at = directory + 2 + 12 * i;
    if (at + 12 > bytes.length) return undefined;
    const [tag, value] = [view.getUint16(at, little), view.getUint32(at + 8, little)];
    // Bit 0: a smaller copy of another picture in the file.
    if (tag === DNG_VERSION || (tag === NEW_SUBFILE_TYPE && value & 1)) {
      return 'is a raw photo, or begins with a thumbnail; develop it and save it as PNG, JPEG or TIFF';
    }
  }
  return undefined;
}
