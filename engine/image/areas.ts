/**
 * Areas of one colour in a picture, and how near its pixels are to their borders; the same as models/train/pair/regions.py.
 *
 * An area's core is what is linked to its neighbours; anti-aliased pixels between two cores belong to both, by the share that
 * explains their colour. So a change that is constant on areas keeps anti-aliased borders exact. Photographs have few areas.
 */
import type { Image } from './image';
import { AREAS, NEAR, PALETTE_CHANNELS } from '../nets/pair/config';
import { squaredDistanceToZero } from './distance';

/** Neighbours whose colours differ by no more (of 255, in every channel) are linked. */
const LINKED = 8;
/** Of a core pixel's four neighbours, so many are linked to it; what lies beyond the picture counts as linked. */
const LINKS = 3;
/** Core pixels of an area that is kept. */
const LEAST = 4;
/** A pixel whose colour is this far (RGBA distance) from every mixture of its areas belongs to none. */
const UNLIKE = 0.1;
/** Squared distances of colours below this are none. */
const SAME = 1e-4;
/** How far the planes of nearness reach, as shares of the picture's long side. */
const REACHES = [1 / 96, 1 / 32] as const;
/** Offsets [down, across] at which areas of a pixel that is in no core are looked for, nearest first. */
const AROUND = Array.from({ length: 25 }, (_, i): [number, number] => [Math.floor(i / 5) - 2, (i % 5) - 2])
  .filter(([y, x]) => y !== 0 || x !== 0)
  .sort(([y, x], [v, u]) => y * y + x * x - v * v - u * u || y - v || x - u);

export interface Areas {
  readonly width: number;
  readonly height: number;
  /** Numbers of two areas of every pixel, of the first plane before the second; -1 for none. */
  readonly labels: Int8Array;
  /** The number of the area in whose core a pixel is, -1 for none. */
  readonly core: Int8Array;
  /** The shares of both, likewise; they sum to 1 at most. */
  readonly shares: Float32Array;
  /** Mean colour of every area's core, premultiplied RGBA in 0 to 1, then 1: [AREAS, 5]; 0 where there is no such area. */
  readonly palette: Float32Array;
  /** Squared distance of every pixel to the nearest border, px. */
  readonly distance: Float32Array;
}

/** The areas of a picture, at its own size. */
export function findAreas(picture: Image): Areas {
  const { width, height } = picture;
  const { colours, links, labels, palette } = findCores(picture);
  const core = labels.slice(0, width * height);
  const shares = new Float32Array(2 * width * height);
  mix(colours, width, height, core, labels, shares);
  return { width, height, labels, core, shares, palette, distance: squaredDistanceToZero(links.map(isInside), width) };
}

/** The palette of a picture, without the rest. */
export const findPalette = (picture: Image): Float32Array => findCores(picture).palette;

interface Cores {
  readonly colours: Uint8Array;
  readonly links: Uint8Array;
  /** As those of Areas, the cores alone. */
  readonly labels: Int8Array;
  readonly palette: Float32Array;
}

function findCores(picture: Image): Cores {
  const { width, height } = picture;
  const colours = premultipliedBytes(picture);
  const links = linksOf(colours, width, height);
  const labels = new Int8Array(2 * width * height).fill(-1);
  labelCores(links, width, labels);
  return { colours, links, labels, palette: paletteOf(colours, labels.subarray(0, width * height)) };
}

/** Nearness to a border, exp(-distance / reach), as NEAR planes over a rectangle; 0 beyond the picture's edges. */
export function nearnessOf(areas: Areas, x: number, y: number, width: number, height: number): Float32Array {
  const out = new Float32Array(NEAR * width * height);
  const near = nearness(areas);
  for (let row = Math.max(0, -y); row < Math.min(height, areas.height - y); row++) {
    for (let column = Math.max(0, -x); column < Math.min(width, areas.width - x); column++) {
      const pixel = (y + row) * areas.width + x + column;
      for (let i = 0; i < NEAR; i++) out[(i * height + row) * width + column] = near(pixel, i);
    }
  }
  return out;
}

/** Of a pixel, by one of the REACHES. */
function nearness({ width, height, distance }: Areas): (pixel: number, reach: number) => number {
  const scales = REACHES.map((reach) => -1 / (reach * Math.max(width, height)));
  return (pixel, reach) => Math.exp(Math.sqrt(distance[pixel]!) * scales[reach]!);
}

/** The share of every area in every pixel of a rectangle of the picture, as AREAS planes. */
export function membershipOf(areas: Areas, x: number, y: number, width: number, height: number): Float32Array {
  const out = new Float32Array(AREAS * width * height);
  const all = areas.width * areas.height;
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const pixel = (y + row) * areas.width + x + column;
      for (const at of [pixel, all + pixel]) {
        const label = areas.labels[at]!;
        if (label >= 0) out[(label * height + row) * width + column]! += areas.shares[at]!;
      }
    }
  }
  return out;
}

/** Nearness at another size: means over the pixels of each cell, or the pixel there where it has none. */
export function nearnessAt(areas: Areas, width: number, height: number): Float32Array {
  const out = new Float32Array(NEAR * width * height);
  const near = nearness(areas);
  overCells(areas, width, height, (pixel, cell, weight) => {
    for (let i = 0; i < NEAR; i++) out[i * width * height + cell]! += weight * near(pixel, i);
  });
  return out;
}

/** Membership likewise. */
export function membershipAt(areas: Areas, width: number, height: number): Float32Array {
  const out = new Float32Array(AREAS * width * height);
  const { labels, shares } = areas;
  const all = areas.width * areas.height;
  overCells(areas, width, height, (pixel, cell, weight) => {
    const first = labels[pixel]!;
    if (first < 0) return;
    out[first * width * height + cell]! += weight * shares[pixel]!;
    const second = labels[all + pixel]!;
    if (second >= 0) out[second * width * height + cell]! += weight * shares[all + pixel]!;
  });
  return out;
}

/** Calls `add` for every pixel with the cell it lies in, of width x height cells, and 1 / (pixels of the cell). */
function overCells(
  areas: Areas,
  width: number,
  height: number,
  add: (pixel: number, cell: number, weight: number) => void,
): void {
  const start = (i: number, from: number, to: number): number => Math.floor((i * from) / to);
  const end = (i: number, from: number, to: number): number => Math.max(start(i, from, to) + 1, start(i + 1, from, to));
  for (let row = 0; row < height; row++) {
    const [top, bottom] = [start(row, areas.height, height), end(row, areas.height, height)];
    for (let column = 0; column < width; column++) {
      const [left, right] = [start(column, areas.width, width), end(column, areas.width, width)];
      const weight = 1 / ((bottom - top) * (right - left));
      for (let y = top; y < bottom; y++) {
        const line = y * areas.width;
        for (let pixel = line + left; pixel < line + right; pixel++) add(pixel, row * width + column, weight);
      }
    }
  }
}

function premultipliedBytes({ data }: Image): Uint8Array {
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i += 4) {
    const alpha = data[i + 3]! / 255;
    // Single precision, as the net's planes have it: ties must fall to the same side.
    for (let c = 0; c < 3; c++) out[i + c] = Math.floor(Math.fround((data[i + c]! / 255) * alpha) * 255 + 0.5);
    out[i + 3] = data[i + 3]!;
  }
  return out;
}

/** Bits of a pixel's links: to the right, down, left, up. */
const [RIGHT, DOWN, LEFT, UP] = [1, 2, 4, 8];
/** How many links a set of bits has. */
const COUNT = Array.from({ length: 16 }, (_, bits) => (bits & 1) + ((bits >> 1) & 1) + ((bits >> 2) & 1) + (bits >> 3));

const isInside = (links: number): number => (COUNT[links] === 4 ? 1 : 0);
const isCore = (links: number): boolean => COUNT[links]! >= LINKS;

/** Which neighbours every pixel is linked to, as bits; what lies beyond the picture counts. */
function linksOf(colours: Uint8Array, width: number, height: number): Uint8Array {
  const links = new Uint8Array(width * height);
  // Most neighbours of a drawing are equal, which one comparison says.
  const whole = new Uint32Array(colours.buffer);
  const linked = (a: number, b: number): boolean => {
    if (whole[a] === whole[b]) return true;
    for (let c = 0; c < 4; c++) if (Math.abs(colours[4 * a + c]! - colours[4 * b + c]!) > LINKED) return false;
    return true;
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (x === 0) links[i]! |= LEFT!;
      if (y === 0) links[i]! |= UP!;
      if (x === width - 1) links[i]! |= RIGHT!;
      else if (linked(i, i + 1)) {
        links[i]! |= RIGHT!;
        links[i + 1]! |= LEFT!;
      }
      if (y === height - 1) links[i]! |= DOWN!;
      else if (linked(i, i + width)) {
        links[i]! |= DOWN!;
        links[i + width]! |= UP!;
      }
    }
  }
  return links;
}

/** Numbers the cores of the largest areas in the first plane of `labels`; of equally large ones the first comes first. */
function labelCores(links: Uint8Array, width: number, labels: Int8Array): void {
  const size = links.length;
  const found = new Int32Array(size).fill(-1);
  const counts: number[] = [];
  const stack: number[] = [];
  for (let start = 0; start < size; start++) {
    if (found[start]! >= 0 || !isCore(links[start]!)) continue;
    const name = counts.length;
    let count = 0;
    found[start] = name;
    stack.push(start);
    while (stack.length > 0) {
      const i = stack.pop()!;
      count++;
      const bits = links[i]!;
      const x = i % width;
      if (bits & RIGHT! && x < width - 1) visit(i + 1, name);
      if (bits & LEFT! && x > 0) visit(i - 1, name);
      if (bits & DOWN! && i + width < size) visit(i + width, name);
      if (bits & UP! && i >= width) visit(i - width, name);
    }
    counts.push(count);
  }
  const order = [...counts.keys()].filter((name) => counts[name]! >= LEAST).sort((a, b) => counts[b]! - counts[a]!);
  const kept = new Int8Array(counts.length).fill(-1);
  order.slice(0, AREAS).forEach((name, i) => (kept[name] = i));
  for (let i = 0; i < size; i++) if (found[i]! >= 0) labels[i] = kept[found[i]!]!;

  function visit(i: number, name: number): void {
    if (found[i]! >= 0 || !isCore(links[i]!)) return;
    found[i] = name;
    stack.push(i);
  }
}

function paletteOf(colours: Uint8Array, core: Int8Array): Float32Array {
  const sums = new Float64Array(AREAS * PALETTE_CHANNELS);
  core.forEach((label, pixel) => {
    if (label < 0) return;
    for (let c = 0; c < 4; c++) sums[label * PALETTE_CHANNELS + c]! += colours[4 * pixel + c]!;
    sums[label * PALETTE_CHANNELS + 4]!++;
  });
  return Float32Array.from(sums, (sum, i) => {
    const count = sums[i - (i % PALETTE_CHANNELS) + 4]!;
    if (count === 0) return 0;
    return i % PALETTE_CHANNELS === 4 ? 1 : sum / (255 * count);
  });
}

/** Shares of the cores, and areas and shares of the pixels between them. */
function mix(
  colours: Uint8Array,
  width: number,
  height: number,
  core: Int8Array,
  labels: Int8Array,
  shares: Float32Array,
): void {
  const size = width * height;
  const [a, b, p] = [new Float64Array(4), new Float64Array(4), new Float64Array(4)];
  const read = (into: Float64Array, pixel: number): void => {
    for (let c = 0; c < 4; c++) into[c] = colours[4 * pixel + c]! / 255;
  };
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (core[i]! >= 0) {
        shares[i] = 1;
        continue;
      }
      let [nearest, other] = [-1, -1];
      for (const [down, across] of AROUND) {
        if (y + down < 0 || y + down >= height || x + across < 0 || x + across >= width) continue;
        const pixel = i + down * width + across;
        if (core[pixel]! < 0) continue;
        if (nearest < 0) nearest = pixel;
        else if (core[pixel] !== core[nearest]) {
          other = pixel;
          break;
        }
      }
      if (nearest < 0) continue;
      read(a, nearest);
      read(b, other < 0 ? nearest : other);
      read(p, i);
      const share = mixture(a, b, p);
      const sure = Math.max(0, 1 - Math.sqrt(squaredError(a, b, p, share)) / UNLIKE);
      labels[i] = core[nearest]!;
      shares[i] = sure * share;
      if (other < 0) continue;
      labels[size + i] = core[other]!;
      shares[size + i] = sure * (1 - share);
    }
  }
}

/** The share of `a` in the mixture of `a` and `b` that is closest to `p`, in 0 to 1; 1 if the two are the same. */
function mixture(a: Float64Array, b: Float64Array, p: Float64Array): number {
  let [along, length] = [0, 0];
  for (let c = 0; c < 4; c++) {
    const line = a[c]! - b[c]!;
    along += (p[c]! - b[c]!) * line;
    length += line * line;
  }
  return length > SAME ? Math.min(1, Math.max(0, along / length)) : 1;
}

function squaredError(a: Float64Array, b: Float64Array, p: Float64Array, share: number): number {
  let sum = 0;
  for (let c = 0; c < 4; c++) sum += (a[c]! * share + b[c]! * (1 - share) - p[c]!) ** 2;
  return sum;
}
