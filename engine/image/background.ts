/**
 * The background a drawing lies on: pixels of one flat colour joined to the border. Most styles leave it alone, but for a
 * rim around the drawing (an outline, a glow); a small net does not. How far the pair's after image extends into the
 * background is measured when a style is learned, and a restyle changes the background no further.
 */
import { distanceToZero } from './distance';
import { planes, type Planes } from './resample';

const BACKGROUND = {
  /** Largest difference of any channel from the border's median colour, of colours in [0, 1]. */
  flat: 8 / 255,
  /** Least share of border pixels of that colour. */
  border: 0.6,
  /** Difference of any channel from which the after image counts as having changed the background. */
  changed: 4 / 255,
  /** Share of the background's pixels that may be changed further out without counting: specks. */
  specks: 1e-3,
  /** Background that must be left alone beyond the extent to believe in it, and the width of the fade; shares of the long side. */
  seen: 1 / 32,
  fade: 1 / 64,
} as const;

/** 1 where a picture is background, else 0; null for a picture that has none: its border is of many colours, or all of it of one. */
export function backgroundOf(picture: Planes): Uint8Array | null {
  const { width, height, data } = picture;
  const size = width * height;
  const border = borderOf(width, height);
  const colour = borderColour(picture);
  const flat = (i: number): boolean =>
    colour.every((level, c) => Math.abs(data[c * size + i]! - level) <= BACKGROUND.flat);
  const background = new Uint8Array(size);
  const open = border.filter(flat);
  if (open.length < BACKGROUND.border * border.length) return null;
  for (const i of open) background[i] = 1;
  while (open.length > 0) {
    const i = open.pop()!;
    const x = i % width;
    for (const next of [x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, i - width, i + width]) {
      if (next < 0 || next >= size || background[next] || !flat(next)) continue;
      background[next] = 1;
      open.push(next);
    }
  }
  return background.includes(0) ? background : null;
}

/**
 * How far from the drawing the after image changes the before image's background, as a share of the long side: 0 when
 * nowhere, 1 when it is changed as far out as it goes. Null when there is no background.
 *
 * @param before,after three planes each in [0, 1], of one size.
 */
export function backgroundExtent(before: Planes, after: Planes): number | null {
  const background = backgroundOf(before);
  if (!background) return null;
  const size = background.length;
  const long = Math.max(before.width, before.height);
  const distances = distanceToZero(background, before.width);
  const changed: number[] = [];
  let [count, farthest] = [0, 0];
  for (let i = 0; i < size; i++) {
    if (!background[i]) continue;
    count++;
    farthest = Math.max(farthest, distances[i]!);
    const moved = [0, 1, 2].some(
      (c) => Math.abs(after.data[c * size + i]! - before.data[c * size + i]!) > BACKGROUND.changed,
    );
    if (moved) changed.push(distances[i]!);
  }
  changed.sort((a, b) => b - a);
  const extent = changed[Math.floor(BACKGROUND.specks * count)] ?? 0;
  return farthest - extent < BACKGROUND.seen * long ? 1 : extent / long;
}

/**
 * The difference with the picture's background held beyond the extent; the difference itself at extent 1 and without an extent or a
 * background.
 *
 * @param difference,picture three planes each, of one size; the picture in [0, 1].
 * @param extent share of the long side, as of backgroundExtent.
 */
export function holdBackground(difference: Planes, picture: Planes, extent: number | null): Planes {
  const background = extent === null || extent === 1 ? null : backgroundOf(picture);
  if (extent === null || !background) return difference;
  const { width, height } = picture;
  const size = background.length;
  const long = Math.max(width, height);
  const distances = distanceToZero(background, width);
  const share = distances.map((d) => Math.min(1, Math.max(0, 1 - (d / long - extent) / BACKGROUND.fade)));
  return planes(
    3,
    width,
    height,
    difference.data.map((value, i) => value * share[i % size]!),
  );
}

function borderOf(width: number, height: number): number[] {
  const indices: number[] = [];
  for (let i = 0; i < width * height; i++) {
    const x = i % width;
    if (x === 0 || x === width - 1 || i < width || i >= width * (height - 1)) indices.push(i);
  }
  return indices;
}

/** The median of each channel along a picture's border: the colour of its background, where it has one. */
export function borderColour({ width, height, data }: Planes): [number, number, number] {
  const border = borderOf(width, height);
  const channel = (c: number): number => median(border.map((i) => data[c * width * height + i]!));
  return [channel(0), channel(1), channel(2)];
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}
