/** TIFF files (TIFF 6.0) from samples: byte order, depth, colours, alpha, planes, strips, compression. */
import { deflateSync } from 'node:zlib';

export interface TiffFile {
  readonly width: number;
  readonly height: number;
  readonly depth: 8 | 16;
  /** Of colour, without alpha. */
  readonly colours: 1 | 3;
  /** Unassociated. */
  readonly alpha: boolean;
  readonly littleEndian: boolean;
  /** Grey only: 0 is white. */
  readonly whiteIsZero: boolean;
  readonly planar: boolean;
  readonly rowsPerStrip: number;
  readonly compression: 'none' | 'deflate' | 'packbits';
  /** Row-major, colours and alpha of each pixel. */
  readonly samples: readonly number[];
}

const COMPRESSION = { none: 1, deflate: 8, packbits: 32_773 };
const SHORT = 3;
const LONG = 4;

export function tiffFile(file: TiffFile): Buffer {
  const { width, height, depth, colours, alpha, littleEndian, planar, rowsPerStrip, compression } = file;
  const channels = colours + (alpha ? 1 : 0);
  const strips: Buffer[] = [];
  for (const plane of planar ? Array.from({ length: channels }, (_, c) => c) : [undefined]) {
    for (let y = 0; y < height; y += rowsPerStrip) {
      strips.push(packed(stripOf(file, channels, plane, y, Math.min(height, y + rowsPerStrip)), compression));
    }
  }
  const offsets: number[] = [];
  let end = 8;
  for (const strip of strips) {
    offsets.push(end);
    end += strip.length + (strip.length % 2);
  }
  const entries: [tag: number, type: number, values: number[]][] = [
    [256, LONG, [width]],
    [257, LONG, [height]],
    [258, SHORT, new Array<number>(channels).fill(depth)],
    [259, SHORT, [COMPRESSION[compression]]],
    [262, SHORT, [colours === 3 ? 2 : file.whiteIsZero ? 0 : 1]],
    [273, LONG, offsets],
    [277, SHORT, [channels]],
    [278, LONG, [rowsPerStrip]],
    [279, LONG, strips.map((strip) => strip.length)],
    [284, SHORT, [planar ? 2 : 1]],
    ...(alpha ? [[338, SHORT, [2]] as [number, number, number[]]] : []),
  ];
  const directory = end;
  let extra = directory + 2 + 12 * entries.length + 4;
  const out = Buffer.alloc(
    extra + entries.reduce((sum, [, type, values]) => sum + values.length * (type === LONG ? 4 : 2) + 4, 0),
  );
  const view = new DataView(out.buffer, out.byteOffset, out.length);
  out.write(littleEndian ? 'II' : 'MM', 0, 'latin1');
  view.setUint16(2, 42, littleEndian);
  view.setUint32(4, directory, littleEndian);
  strips.forEach((strip, i) => strip.copy(out, offsets[i]!));
  view.setUint16(directory, entries.length, littleEndian);
  entries.forEach(([tag, type, values], i) => {
    const at = directory + 2 + 12 * i;
    const bytes = values.length * (type === LONG ? 4 : 2);
    view.setUint16(at, tag, littleEndian);
    view.setUint16(at + 2, type, littleEndian);
    view.setUint32(at + 4, values.length, littleEndian);
    let to = at + 8;
    if (bytes > 4) {
      view.setUint32(to, extra, littleEndian);
      to = extra;
      extra += bytes + (bytes % 4 && 4 - (bytes % 4));
    }
    for (const [n, value] of values.entries()) {
      if (type === LONG) view.setUint32(to + 4 * n, value, littleEndian);
      else view.setUint16(to + 2 * n, value, littleEndian);
    }
  });
  return out;
}

function stripOf(file: TiffFile, channels: number, plane: number | undefined, from: number, to: number): Buffer {
  const { width, depth, littleEndian, samples } = file;
  const values = samples
    .slice(from * width * channels, to * width * channels)
    .filter((_, i) => plane === undefined || i % channels === plane);
  const out = Buffer.alloc((values.length * depth) / 8);
  values.forEach((value, i) => {
    if (depth === 8) out[i] = value;
    else if (littleEndian) out.writeUInt16LE(value, 2 * i);
    else out.writeUInt16BE(value, 2 * i);
  });
  return out;
}

function packed(strip: Buffer, compression: TiffFile['compression']): Buffer {
  if (compression === 'none') return strip;
  if (compression === 'deflate') return deflateSync(strip);
  // Literal runs of at most 128 bytes are valid PackBits.
  const runs: Buffer[] = [];
  for (let at = 0; at < strip.length; at += 128) {
    const run = strip.subarray(at, at + 128);
    runs.push(Buffer.from([run.length - 1]), run);
  }
  return Buffer.concat(runs);
}
