/** PNG files of any colour type, depth and interlacing from samples, written by the letter of the specification. */
import { crc32, deflateSync } from 'node:zlib';

export type ColourType = 0 | 2 | 3 | 4 | 6;
export const CHANNELS: Readonly<Record<ColourType, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

export interface PngFile {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: ColourType;
  readonly interlaced: boolean;
  /** Row-major, CHANNELS[colourType] per pixel. */
  readonly samples: readonly number[];
  /** Filter of each row written, in turn. */
  readonly filters: readonly number[];
  readonly palette?: readonly number[];
  readonly transparency?: readonly number[];
  /** Chunks between the header and the palette. */
  readonly before?: readonly Buffer[];
  /** Bytes after which the pixels' chunk is split, and what follows the pixels in their stream. */
  readonly split?: number;
  readonly excess?: number;
}

export function chunk(type: string, content: Uint8Array | readonly number[]): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), Buffer.from(content)]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(content.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

export function pngFile(file: PngFile): Buffer {
  const { width, height, depth, colourType, interlaced } = file;
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType, 0, 0, interlaced ? 1 : 0], 8);
  const packed = deflateSync(Buffer.concat([filteredRows(file), Buffer.alloc(file.excess ?? 0)]));
  const split = Math.min(file.split ?? 0, packed.length);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header),
    ...(file.before ?? []),
    ...(file.palette ? [chunk('PLTE', file.palette)] : []),
    ...(file.transparency ? [chunk('tRNS', file.transparency)] : []),
    chunk('IDAT', packed.subarray(0, split)),
    chunk('IDAT', packed.subarray(split)),
    chunk('IEND', []),
  ]);
}

function filteredRows({ width, height, depth, colourType, interlaced, samples, filters }: PngFile): Buffer {
  const channels = CHANNELS[colourType];
  const step = Math.max(1, (channels * depth) / 8);
  const rows: Buffer[] = [];
  for (const [x0, y0, dx, dy] of interlaced ? ADAM7 : [[0, 0, 1, 1] as const]) {
    if (x0 >= width) continue;
    let above: Buffer | undefined;
    for (let y = y0; y < height; y += dy) {
      const values: number[] = [];
      for (let x = x0; x < width; x += dx) {
        values.push(...samples.slice((y * width + x) * channels, (y * width + x + 1) * channels));
      }
      const raw = packRow(values, depth);
      above ??= Buffer.alloc(raw.length);
      const filter = filters[rows.length % filters.length]!;
      rows.push(Buffer.from([filter, ...raw.map((value, i) => value - predict(filter, raw, above!, i, step))]));
      above = raw;
    }
  }
  return Buffer.concat(rows);
}

function packRow(values: readonly number[], depth: number): Buffer {
  const bits = values.map((value) => value.toString(2).padStart(depth, '0')).join('');
  return Buffer.from(bits.match(/.{1,8}/g)!.map((byte) => parseInt(byte.padEnd(8, '0'), 2)));
}

function predict(filter: number, row: Buffer, above: Buffer, i: number, step: number): number {
  const [a, b, c] = [row[i - step] ?? 0, above[i]!, above[i - step] ?? 0];
  const p = a + b - c;
  const [nearest] = [a, b, c].map((value) => [value, Math.abs(p - value)] as const).sort((m, n) => m[1] - n[1])[0]!;
  return [0, a, b, (a + b) >> 1, nearest][filter]!;
}
