/**
 * What is known of a picture's areas without a net: their forms, which ones touch, and what became of them in an after picture;
 * the same as models/train/pair/areas/facts.py. And back: what a net says of areas, spread over their pixels.
 */
import { AREAS, BINS, FATE, FORM, PALETTE_CHANNELS } from '../nets/pair/config';
import type { AreaChanges, AreaFacts } from '../nets/pair/area-net';
import type { Areas } from './areas';
import type { Planes } from './resample';

/** Where the distance bins of an area end, from its border inwards, in units of 1/64 of the picture's long side; the last has no end. */
const EDGES = [0.75, 1.25, 1.75, 2.25, 2.75, 3.25, 3.75, 4.5, 5.5, 6.5, 8, 10, 13];
/** Distances at which what is said of bins holds, in the same unit; between them it is interpolated. */
const CENTRES = [0.55, ...EDGES.slice(1).map((edge, i) => (edge + EDGES[i]!) / 2), 16];
const UNITS = 64;
/** Larger distances count as these: in an area's form, and in what became of it. */
const [MOST_DISTANCE, MOST_FATE_DISTANCE] = [32, 40];
/** Two areas touch where they are opposite each other in a row or column, with at most this many pixels of no area between. */
const MOST_GAP = 3;
/** Areas with more than this share of an area's border count as its neighbours. */
const BESIDE = 0.05;
/** Areas decide nothing where they have this share of a picture or less, and everything from the second on. */
const [TOO_LITTLE, ENOUGH] = [0.9, 0.96];

export function areaFacts(areas: Areas): AreaFacts {
  const touching = countTouching(areas);
  const places = Float64Array.from({ length: AREAS }, (_, a) => sum(touching.subarray(a * AREAS, (a + 1) * AREAS)));
  const beside = touching.map((count, i) => count / Math.max(1, places[Math.floor(i / AREAS)]!));
  return { palette: areas.palette, form: formOf(areas, places, beside), beside };
}

/**
 * How far a picture's areas decide for its pixels, 0 to 1. In drawings nearly every pixel has areas, at any size; in
 * photographs many have none, and a picture of which areas decide a part alone shows seams.
 */
export function trustInAreas({ width, height, shares }: Areas): number {
  const covered = sum(shares) / (width * height);
  return Math.min(1, Math.max(0, (covered - TOO_LITTLE) / (ENOUGH - TOO_LITTLE)));
}

/**
 * What became of every area in an after picture, by distance from its border: [AREAS, BINS, FATE].
 *
 * @param after premultiplied, of the size of the picture that the areas are of.
 */
export function fateOf(areas: Areas, after: Planes): Float32Array {
  const { core } = areas;
  const size = core.length;
  const sums = new Float64Array(AREAS * BINS * FATE);
  const distanceAt = distances(areas, MOST_FATE_DISTANCE);
  for (let p = 0; p < size; p++) {
    if (core[p]! < 0) continue;
    const distance = distanceAt(p);
    let bin = 0;
    while (bin < EDGES.length && distance >= EDGES[bin]!) bin++;
    const at = (core[p]! * BINS + bin) * FATE;
    sums[at]!++;
    sums[at + 1]! += distance;
    for (let c = 0; c < 4; c++) {
      const value = after.data[c * size + p]!;
      sums[at + 2 + c]! += value;
      sums[at + 6]! += value * value;
    }
  }
  for (let at = 0; at < sums.length; at += FATE) {
    const count = Math.max(1, sums[at]!);
    let square = sums[at + 6]! / count;
    for (let i = 1; i < 6; i++) sums[at + i]! /= count;
    for (let c = 0; c < 4; c++) square -= sums[at + 2 + c]! ** 2;
    sums[at + 6] = Math.sqrt(Math.max(0, square));
  }
  return Float32Array.from(sums);
}

/** What becomes of areas as if nothing did: the same numbers, with every colour the area's own. */
export function unchangedFate(fate: Float32Array, palette: Float32Array): Float32Array {
  return fate.map((value, i) => {
    const [area, at] = [Math.floor(i / (BINS * FATE)), i % FATE];
    if (at === 6) return 0;
    return at < 2 ? value : palette[area * PALETTE_CHANNELS + at - 2]!;
  });
}

/**
 * Puts what areas say of the pixels of a rectangle of the picture into a change of its premultiplied RGBA, four planes: each
 * pixel's change is drawn to that of its areas as far as they decide.
 */
export function addAreaChanges(
  areas: Areas,
  { changes, shares }: AreaChanges,
  { x, y, width, height }: { x: number; y: number; width: number; height: number },
  out: Float32Array,
): void {
  const { labels } = areas;
  const all = areas.width * areas.height;
  const pixels = width * height;
  const distanceAt = distances(areas, CENTRES[BINS - 1]!);
  for (let row = 0, at = 0; row < height; row++) {
    for (let column = 0; column < width; column++, at++) {
      const pixel = (y + row) * areas.width + x + column;
      if (labels[pixel]! < 0) continue;
      const distance = distanceAt(pixel);
      let bin = 0;
      while (bin < BINS - 2 && distance >= CENTRES[bin + 1]!) bin++;
      const along = (distance - CENTRES[bin]!) / (CENTRES[bin + 1]! - CENTRES[bin]!);
      const next = Math.min(1, Math.max(0, along));
      const [first, second] = [labels[pixel]!, labels[all + pixel]!];
      const weight = areas.shares[pixel]! * shares[first]!;
      const otherWeight = second < 0 ? 0 : areas.shares[all + pixel]! * shares[second]!;
      for (let c = 0; c < 4; c++) {
        const i = c * pixels + at;
        const from = (first * BINS + bin) * 4 + c;
        let change = (1 - weight - otherWeight) * out[i]!;
        change += weight * (changes[from]! * (1 - next) + changes[from + 4]! * next);
        if (otherWeight > 0) {
          const other = (second * BINS + bin) * 4 + c;
          change += otherWeight * (changes[other]! * (1 - next) + changes[other + 4]! * next);
        }
        out[i] = change;
      }
    }
  }
}

/** A pixel's distance to the nearest border in UNITS, at most `most`. */
function distances({ width, height, distance }: Areas, most: number): (pixel: number) => number {
  const scale = UNITS / Math.max(width, height);
  return (pixel) => Math.min(most, Math.sqrt(distance[pixel]!) * scale);
}

/** How often two areas are opposite each other across a gap, [AREAS, AREAS], symmetric. */
function countTouching({ core, width, height }: Areas): Float32Array {
  const counts = new Float32Array(AREAS * AREAS);
  const along = (start: number, step: number, length: number): void => {
    let [last, gap] = [-1, 0];
    for (let i = 0, p = start; i < length; i++, p += step) {
      const area = core[p]!;
      if (area < 0) {
        gap++;
        continue;
      }
      if (last >= 0 && last !== area && gap <= MOST_GAP) {
        counts[last * AREAS + area]!++;
        counts[area * AREAS + last]!++;
      }
      [last, gap] = [area, 0];
    }
  };
  for (let y = 0; y < height; y++) along(y * width, 1, width);
  for (let x = 0; x < width; x++) along(x, width, height);
  return counts;
}

/**
 * Root of the share of the picture, share of the picture's rim, centre (y, x) and spread (y, x) as shares of the sides; then as
 * logarithms of 1 + x the largest and the mean distance to the border, and the places where it touches others as a share of height and width; then of what it
 * touches the mean alpha, the number in eighths, and the largest share.
 */
function formOf({ core, width, height, ...areas }: Areas, places: Float64Array, beside: Float32Array): Float32Array {
  const distanceAt = distances({ core, width, height, ...areas }, MOST_DISTANCE);
  const sums = new Float64Array(AREAS * 7);
  const most = new Float64Array(AREAS);
  let rim = 0;
  for (let row = 0, p = 0; row < height; row++) {
    for (let column = 0; column < width; column++, p++) {
      const onRim = row === 0 || column === 0 || row === height - 1 || column === width - 1;
      if (onRim) rim++;
      const area = core[p]!;
      if (area < 0) continue;
      const [v, u, distance] = [(row + 0.5) / height, (column + 0.5) / width, distanceAt(p)];
      const at = area * 7;
      sums[at]!++;
      if (onRim) sums[at + 1]!++;
      sums[at + 2]! += v;
      sums[at + 3]! += u;
      sums[at + 4]! += v * v;
      sums[at + 5]! += u * u;
      sums[at + 6]! += distance;
      most[area] = Math.max(most[area]!, distance);
    }
  }
  const out = new Float32Array(AREAS * FORM);
  for (let area = 0; area < AREAS; area++) {
    const [count, onRim, ...totals] = sums.subarray(area * 7, area * 7 + 7) as unknown as [number, number, ...number[]];
    const [v, u, vv, uu, distance] = totals.map((total) => total / Math.max(1, count)) as [
      number,
      number,
      number,
      number,
      number,
    ];
    const own = beside.subarray(area * AREAS, (area + 1) * AREAS);
    let alpha = 0;
    own.forEach((share, other) => (alpha += share * areas.palette[other * PALETTE_CHANNELS + 3]!));
    const spread = (mean: number, square: number): number => Math.sqrt(Math.max(0, square - mean * mean));
    const numbers = [
      ...[Math.sqrt(count / core.length), onRim / rim, v, u, spread(v, vv), spread(u, uu)],
      ...[Math.log1p(most[area]!), Math.log1p(distance), Math.log1p(places[area]! / (height + width))],
      ...[alpha, own.filter((share) => share > BESIDE).length / 8, Math.max(...own)],
    ];
    out.set(numbers, area * FORM);
  }
  return out;
}

const sum = (values: Float32Array): number => values.reduce((total, value) => total + value, 0);
