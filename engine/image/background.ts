/**
 * The ground a drawing lies on: pixels of one flat colour joined to the border. Most styles leave it alone, but for a
 * rim around the drawing (an outline, a glow); a small net does not. How far the pair's after image reaches into the
 * ground is measured when a style is learned, and a restyle changes the ground no farther.
 */
import { distanceToZero } from './distance';
import { planes, type Planes } from './resample';

const GROUND = {
  /** Largest difference of any channel from the border's median colour, of colours in [0, 1]. */
  flat: 8 / 255,
  /** Least share of border pixels of that colour. */
  border: 0.6,
  /** Difference of any channel from which the after image counts as having changed the ground. */
  changed: 4 / 255,
  /** Share of the ground's pixels that may be changed farther out without counting: specks. */
  specks: 1e-3,
  /** Ground that must be left alone beyond the reach to believe in it, and the width of the fade; shares of the long side. */
  seen: 1 / 32,
  fade: 1 / 64,
} as const;

/** 1 where a picture is ground, else 0; null for a picture that has none: its border is of many colours, or all of it of one. */
export function groundOf(picture: Planes): Uint8Array | null {
  const { width, height, data } = picture;
  const size = width * height;
  const border = borderOf(width, height);
  const colour = borderColour(picture);
  const flat = (i: number): boolean => colour.every((level, c) => Math.abs(data[c * size + i]! - level) <= GROUND.flat);
  const ground = new Uint8Array(size);
  const open = border.filter(flat);
  if (open.length < GROUND.border * border.length) return null;
  for (const i of open) ground[i] = 1;
  while (open.length > 0) {
    const i = open.pop()!;
    const x = i % width;
    for (const next of [x > 0 ? i - 1 : -1, x < width - 1 ? i + 1 : -1, i - width, i + width]) {
      if (next < 0 || next >= size || ground[next] || !flat(next)) continue;
      ground[next] = 1;
      open.push(next);
    }
  }
  return ground.includes(0) ? ground : null;
}

/**
 * How far from the drawing the after image changes the before image's ground, as a share of the long side: 0 when
 * nowhere, 1 when it is changed as far out as it goes. Null when there is no ground.
 *
 * @param before,after three planes each in [0, 1], of one size.
 */
export function groundReach(before: Planes, after: Planes): number | null {
  const ground = groundOf(before);
  if (!ground) return null;
  const size = ground.length;
  const long = Math.max(before.width, before.height);
  const distances = distanceToZero(ground, before.width);
  const changed: number[] = [];
  let [count, farthest] = [0, 0];
  for (let i = 0; i < size; i++) {
    if (!ground[i]) continue;
    count++;
    farthest = Math.max(farthest, distances[i]!);
    const moved = [0, 1, 2].some(
      (c) => Math.abs(after.data[c * size + i]! - before.data[c * size + i]!) > GROUND.changed,
    );
    if (moved) changed.push(distances[i]!);
  }
  changed.sort((a, b) => b - a);
  const reach = changed[Math.floor(GROUND.specks * count)] ?? 0;
  return farthest - reach < GROUND.seen * long ? 1 : reach / long;
}

/**
 * The difference with the picture's ground held beyond the reach; the difference itself at reach 1 and without a reach or a
 * ground.
 *
 * @param difference,picture three planes each, of one size; the picture in [0, 1].
 * @param reach share of the long side, as of groundReach.
 */
export function holdGround(difference: Planes, picture: Planes, reach: number | null): Planes {
  const ground = reach === null || reach === 1 ? null : groundOf(picture);
  if (reach === null || !ground) return difference;
  const { width, height } = picture;
  const size = ground.length;
  const long = Math.max(width, height);
  const distances = distanceToZero(ground, width);
  const share = distances.map((d) => Math.min(1, Math.max(0, 1 - (d / long - reach) / GROUND.fade)));
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

/** The median of each channel along a picture's border: the colour of its ground, where it has one. */
export function borderColour({ width, height, data }: Planes): [number, number, number] {
  const border = borderOf(width, height);
  const channel = (c: number): number => median(border.map((i) => data[c * width * height + i]!));
  return [channel(0), channel(1), channel(2)];
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}
