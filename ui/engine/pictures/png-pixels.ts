/** Filtered rows of a PNG to RGBA pixels (PNG 3rd edition, 7 to 9). */
import { inflate, type Chunks, type ColourType, type Header } from './png-chunks';

const CHANNELS: Readonly<Record<ColourType, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Every dx-th column from x on of every dy-th row from y on. */
interface Pass {
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}

const WHOLE: readonly Pass[] = [{ x: 0, y: 0, dx: 1, dy: 1 }];
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, dx: 8, dy: 8 },
  { x: 4, y: 0, dx: 8, dy: 8 },
  { x: 0, y: 4, dx: 4, dy: 8 },
  { x: 2, y: 0, dx: 4, dy: 4 },
  { x: 0, y: 2, dx: 2, dy: 4 },
  { x: 1, y: 0, dx: 2, dy: 2 },
  { x: 0, y: 1, dx: 1, dy: 2 },
];

/** 8-bit RGBA, straight alpha; 16-bit samples are rounded. Throws an Error that says what is damaged. */
export function readPixels({ header, palette, transparency, data }: Chunks): Uint8ClampedArray {
  const { width, height, depth, colourType, interlaced } = header;
  const bits = CHANNELS[colourType] * depth;
  const parts = (interlaced ? ADAM7 : WHOLE)
    .map((pass) => ({
      pass,
      columns: Math.ceil((width - pass.x) / pass.dx),
      rows: Math.ceil((height - pass.y) / pass.dy),
    }))
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
  const size = parts.reduce((sum, { columns, rows }) => sum + rows * (1 + Math.ceil((columns * bits) / 8)), 0);
  const raw = inflate(data, size);
  const put = painter(header, palette, transparency);
  const out = new Uint8ClampedArray(width * height * 4);
  let at = 0;
  for (const { pass, columns, rows } of parts) {
    const rowBytes = Math.ceil((columns * bits) / 8);
    const samples = new Uint16Array(columns * CHANNELS[colourType]);
    let above: Uint8Array = new Uint8Array(rowBytes);
    for (let row = 0; row < rows; row++) {
      const line = raw.subarray(at + 1, at + 1 + rowBytes);
      unfilter(raw[at]!, line, above, Math.ceil(bits / 8));
      unpack(line, depth, samples);
      put(samples, columns, out, 4 * ((pass.y + row * pass.dy) * width + pass.x), 4 * pass.dx);
      above = line;
      at += 1 + rowBytes;
    }
  }
  return out;
}

/** Undoes a row's filter in place; `step` is the bytes from a pixel to the next, at least 1. */
function unfilter(filter: number, line: Uint8Array, above: Uint8Array, step: number): void {
  const length = line.length;
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let i = step; i < length; i++) line[i]! += line[i - step]!;
      return;
    case 2:
      for (let i = 0; i < length; i++) line[i]! += above[i]!;
      return;
    case 3:
      for (let i = 0; i < length; i++) line[i]! += ((i < step ? 0 : line[i - step]!) + above[i]!) >> 1;
      return;
    case 4:
      for (let i = 0; i < length; i++) {
        const [a, b, c] = i < step ? [0, above[i]!, 0] : [line[i - step]!, above[i]!, above[i - step]!];
        const [toA, toB, toC] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
        line[i]! += toA <= toB && toA <= toC ? a : toB <= toC ? b : c;
      }
      return;
    default:
      throw new Error(`a row has the unknown filter ${filter}`);
  }
}

/** One number per sample. Below 8 bits a byte holds several, the first in its highest bits. */
function unpack(line: Uint8Array, depth: number, samples: Uint16Array): void {
  if (depth === 8) samples.set(line);
  else if (depth === 16) for (let i = 0; i < samples.length; i++) samples[i] = line[2 * i]! * 256 + line[2 * i + 1]!;
  else {
    const perByte = 8 / depth;
    for (let i = 0; i < samples.length; i++) {
      samples[i] = (line[Math.floor(i / perByte)]! >> (8 - depth * ((i % perByte) + 1))) & (2 ** depth - 1);
    }
  }
}

/** Writes `columns` pixels of a row to `out` from `to` on, `step` bytes apart. */
type Put = (samples: Uint16Array, columns: number, out: Uint8ClampedArray, to: number, step: number) => void;

function painter(header: Header, palette: Uint8Array | undefined, transparency: Uint8Array | undefined): Put {
  const { depth, colourType } = header;
  if (colourType === 3) return palettePainter(palette, transparency);
  if (transparency && colourType >= 4) throw new Error('it has transparency twice');
  const channels = CHANNELS[colourType];
  const colours = channels < 3 ? 1 : 3;
  if (transparency && transparency.length !== 2 * colours) throw new Error('its transparent colour is wrong');
  // The transparent colour is compared with all the bits of the file (11.3.1.1).
  const mask = 2 ** depth - 1;
  const key =
    transparency &&
    Array.from({ length: colours }, (_, c) => (transparency[2 * c]! * 256 + transparency[2 * c + 1]!) & mask);
  const scaled = Uint8ClampedArray.from({ length: 2 ** depth }, (_, value) => Math.round((255 * value) / mask));
  return (samples, columns, out, to, step) => {
    for (let i = 0, from = 0; i < columns; i++, from += channels, to += step) {
      out[to] = scaled[samples[from]!]!;
      out[to + 1] = scaled[samples[colours === 3 ? from + 1 : from]!]!;
      out[to + 2] = scaled[samples[colours === 3 ? from + 2 : from]!]!;
      if (channels > colours) out[to + 3] = scaled[samples[from + colours]!]!;
      else out[to + 3] = key && key.every((value, c) => samples[from + c] === value) ? 0 : 255;
    }
  };
}

function palettePainter(palette: Uint8Array | undefined, transparency: Uint8Array | undefined): Put {
  if (!palette) throw new Error('it has no palette');
  const count = palette.length / 3;
  if (transparency && transparency.length > count) throw new Error('its palette has more transparency than colours');
  return (samples, columns, out, to, step) => {
    for (let i = 0; i < columns; i++, to += step) {
      const colour = samples[i]!;
      if (colour >= count) throw new Error(`a pixel has colour ${colour} of a palette of ${count}`);
      out[to] = palette[3 * colour]!;
      out[to + 1] = palette[3 * colour + 1]!;
      out[to + 2] = palette[3 * colour + 2]!;
      out[to + 3] = transparency?.[colour] ?? 255;
    }
  };
}
