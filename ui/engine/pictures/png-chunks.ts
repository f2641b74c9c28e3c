/** The chunks of a PNG file (PNG 3rd edition, 5 and 11): only those that pixels need; the rest is never unpacked. */
import { Unzlib } from 'fflate';

export type ColourType = 0 | 2 | 3 | 4 | 6;

export interface Header {
  readonly width: number;
  readonly height: number;
  /** Bits per sample. */
  readonly depth: 1 | 2 | 4 | 8 | 16;
  readonly colourType: ColourType;
  readonly interlaced: boolean;
}

export interface Chunks {
  readonly header: Header;
  /** Red, green, blue of each colour. */
  readonly palette: Uint8Array | undefined;
  readonly transparency: Uint8Array | undefined;
  /** The parts of the compressed pixels, in order. */
  readonly data: readonly Uint8Array[];
}

const SIGNATURE_BYTES = 8;
/** Length, type and checksum. */
const FRAME_BYTES = 12;
/** Deflate packs at most 1032 to 1: a piece of this size is unpacked to no more than 8 MiB at a time. */
const PIECE_BYTES = 8192;

const DEPTHS: Readonly<Record<ColourType, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** Throws an Error that says what is damaged. */
export function readChunks(png: Uint8Array): Chunks {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  let header: Header | undefined;
  let palette: Uint8Array | undefined;
  let transparency: Uint8Array | undefined;
  const data: Uint8Array[] = [];
  let last = '';
  for (let at = SIGNATURE_BYTES; ;) {
    if (at + FRAME_BYTES > png.length) throw new Error('it ends before its last chunk');
    const length = view.getUint32(at);
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    if (length > png.length - at - FRAME_BYTES) throw new Error(`it ends within ${printable(type)}`);
    const content = png.subarray(at + 8, at + 8 + length);
    // Also of what is skipped: a damaged type may hide the transparency.
    if (crc32(png.subarray(at + 4, at + 8 + length)) !== view.getUint32(at + 8 + length)) {
      throw new Error(`the checksum of ${printable(type)} is wrong`);
    }
    if (!header !== (type === 'IHDR')) throw new Error('it does not begin with one header');
    if (type === 'IHDR') header = readHeader(content);
    else if (type === 'PLTE') palette = readPalette(content, palette, data.length > 0);
    else if (type === 'tRNS') transparency = content;
    else if (type === 'IDAT') {
      if (data.length > 0 && last !== 'IDAT') throw new Error('its pixels are interrupted');
      data.push(content);
    } else if (type === 'IEND') break;
    // A lower-case first letter marks what may be skipped.
    else if (/^[A-Z]/.test(type)) throw new Error(`it needs ${printable(type)}, which nobody knows`);
    last = type;
    at += FRAME_BYTES + length;
  }
  if (data.length === 0) throw new Error('it has no pixels');
  return { header: header!, palette, transparency, data };
}

function readHeader(content: Uint8Array): Header {
  if (content.length !== 13) throw new Error('its header has a wrong length');
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const [depth, colourType, compression, filter, interlace] = content.subarray(8);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const depths = DEPTHS[colourType as ColourType] as readonly number[] | undefined;
  if (!depths?.includes(depth!)) throw new Error(`it has ${depth} bits of colour type ${colourType}`);
  if (compression !== 0 || filter !== 0 || interlace! > 1 || width === 0 || height === 0) {
    throw new Error('its header holds impossible values');
  }
  return {
    width,
    height,
    depth: depth as Header['depth'],
    colourType: colourType as ColourType,
    interlaced: interlace === 1,
  };
}

function readPalette(content: Uint8Array, before: Uint8Array | undefined, late: boolean): Uint8Array {
  if (before || late || content.length % 3 !== 0 || content.length === 0 || content.length > 3 * 256) {
    throw new Error('its palette is wrong');
  }
  return content;
}

/**
 * The first `size` bytes of a zlib stream in parts. No more is unpacked, however much there is; throws an Error when
 * there is less.
 */
export function inflate(parts: readonly Uint8Array[], size: number): Uint8Array {
  const out = new Uint8Array(size);
  let filled = 0;
  const stream = new Unzlib((chunk) => {
    const rest = chunk.subarray(0, size - filled);
    out.set(rest, filled);
    filled += rest.length;
  });
  for (const part of parts) {
    for (let at = 0; at < part.length && filled < size; at += PIECE_BYTES) {
      stream.push(part.subarray(at, at + PIECE_BYTES));
    }
  }
  if (filled < size) throw new Error('its pixels end early');
  return out;
}

/** For messages: damaged files hold any bytes. */
const printable = (type: string): string => (/^[A-Za-z]{4}$/.test(type) ? type : 'an unknown chunk');

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = CRC_TABLE[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
