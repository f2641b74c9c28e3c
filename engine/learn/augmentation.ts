/**
 * Augmentation of the one pair: moved, scaled, and in other hues, both pictures together. From one pair alone an adapter
 * learns what becomes of that picture's two or three colours in their places; from the augmented ones, what becomes of
 * any colour anywhere. Not in the paper, which has prompts for this; measured in docs/experiments.md.
 */
import { f32, type HostTensor } from '../tensor/tensor';
import type { DrawnPair } from '../image/pair';
import type { Random } from '../tensor/random';

/** What a style makes of hues: keeps them, paints in its own whatever they were, or neither clearly. */
export type HueResponse = 'follows' | 'ignores' | 'unclear';

/** Scales lie within this of 1, moves within this share of the canvas. */
const SCALES = 0.25;
const MOVES = 0.075;

/** NTSC's YIQ, whose I and Q span the plane of hues at constant luma. */
const TO_YIQ = [0.299, 0.587, 0.114, 0.596, -0.274, -0.322, 0.211, -0.523, 0.312] as const;
const FROM_YIQ = [1, 0.956, 0.619, 1, -0.272, -0.647, 1, -1.106, 1.703] as const;

const HUES = {
  /** Mean squared chroma under which a picture has no hue to speak of. */
  colourless: 2e-3,
  /** Least chroma kept, and largest turn in radians, of a style that follows. */
  kept: 0.3,
  turn: 0.5,
  /** Chroma kept under which, and turn above which, a style has colours of its own. */
  lost: 0.25,
  turned: 1,
  /**
   * Share of after's chroma that before's must leave unexplained, and the share of that which brightness may leave, for
   * brightness to be what counts (tune tasks of the pair benchmark: duotone 0.39 and 0.06, cel 0.21 and 0.41). Three flat
   * colours turned into three others are explained by either.
   */
  unexplained: 0.25,
  byLuma: 0.2,
  /** Steps of brightness told apart. */
  levels: 16,
} as const;

/**
 * How after's hues depend on before's: with chroma I + iQ as one complex number a pixel, the complex factor that best
 * takes before's chroma to after's has a length (how much chroma is kept) and an angle (how far hues turn). A drawing's few
 * hues may meet those of a style with colours of its own by chance; so if before's brightness alone explains after's
 * chroma far better than that factor does, as in a duotone, the style ignores hues.
 */
export function hueResponse({ before, after }: DrawnPair): HueResponse {
  const size = before.data.length / 3;
  const from = chromas(before.data);
  const to = chromas(after.data);
  let [energy, real, imaginary] = [0, 0, 0];
  for (let p = 0; p < size; p++) {
    const [bi, bq, ai, aq] = [from.i[p]!, from.q[p]!, to.i[p]!, to.q[p]!];
    energy += bi * bi + bq * bq;
    real += bi * ai + bq * aq;
    imaginary += bi * aq - bq * ai;
  }
  if (energy / size < HUES.colourless) return 'unclear';
  const kept = Math.hypot(real, imaginary) / energy;
  const turn = Math.abs(Math.atan2(imaginary, real));
  // What the factor leaves of after's chroma: its energy less the part along before's.
  const all = total(to);
  const left = all - (real * real + imaginary * imaginary) / energy;
  if (left > HUES.unexplained * all && leftByLuma(before.data, to, all) < HUES.byLuma * left) return 'ignores';
  if (kept > HUES.kept && turn < HUES.turn) return 'follows';
  return kept < HUES.lost || turn > HUES.turned ? 'ignores' : 'unclear';
}

interface Chromas {
  readonly i: Float32Array;
  readonly q: Float32Array;
}

function chromas(data: Float32Array): Chromas {
  const size = data.length / 3;
  const found = { i: new Float32Array(size), q: new Float32Array(size) };
  for (let p = 0; p < size; p++) [found.i[p], found.q[p]] = chroma(data, p, size);
  return found;
}

function total({ i, q }: Chromas): number {
  let sum = 0;
  for (let p = 0; p < i.length; p++) sum += i[p]! ** 2 + q[p]! ** 2;
  return sum;
}

/** What is left of chromas, of `energy` in all, once pixels of about the same luma in `guide` have had their mean taken off. */
function leftByLuma(guide: Float32Array, { i, q }: Chromas, energy: number): number {
  const size = i.length;
  const [count, sumI, sumQ] = [0, 1, 2].map(() => new Float64Array(HUES.levels)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let p = 0; p < size; p++) {
    const luma = yiq(guide, p, size, 0);
    const level = Math.min(HUES.levels - 1, Math.floor(((luma + 1) / 2) * HUES.levels));
    count[level]!++;
    sumI[level]! += i[p]!;
    sumQ[level]! += q[p]!;
  }
  return count.reduce((left, n, k) => (n > 0 ? left - (sumI[k]! ** 2 + sumQ[k]! ** 2) / n : left), energy);
}

/** Y, I or Q of a pixel. */
function yiq(data: Float32Array, p: number, size: number, row: 0 | 1 | 2): number {
  return (
    TO_YIQ[3 * row]! * data[p]! + TO_YIQ[3 * row + 1]! * data[size + p]! + TO_YIQ[3 * row + 2]! * data[2 * size + p]!
  );
}

function chroma(data: Float32Array, p: number, size: number): [number, number] {
  return [yiq(data, p, size, 1), yiq(data, p, size, 2)];
}

/**
 * `count` versions of the pair, the first of them the pair itself. The hues of the k-th are turned by k / count of a circle: of both
 * pictures where the style follows hues, of the before image alone where it ignores them, else of neither.
 */
export function augment(pair: DrawnPair, response: HueResponse, count: number, random: Random): DrawnPair[] {
  return Array.from({ length: count }, (_, k) => {
    if (k === 0) return pair;
    const transform = {
      scale: 1 + SCALES * (2 * random.uniform() - 1),
      x: MOVES * (2 * random.uniform() - 1),
      y: MOVES * (2 * random.uniform() - 1),
    };
    const angle = (2 * Math.PI * k) / count;
    const before = moved(pair.before, transform);
    const after = moved(pair.after, transform);
    return {
      before: response === 'unclear' ? before : turnHues(before, angle),
      after: response === 'follows' ? turnHues(after, angle) : after,
    };
  });
}

/** Every hue turned by `angle` at constant luma, clipped to [-1, 1]; greys stay. */
export function turnHues(picture: HostTensor<'f32'>, angle: number): HostTensor<'f32'> {
  const size = picture.data.length / 3;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const data = new Float32Array(picture.data.length);
  for (let p = 0; p < size; p++) {
    const [i, q] = chroma(picture.data, p, size);
    // Only the change of chroma is added, so that a turn by 0 changes nothing.
    const [di, dq] = [cos * i - sin * q - i, sin * i + cos * q - q];
    for (let c = 0; c < 3; c++) {
      const value = picture.data[c * size + p]! + FROM_YIQ[3 * c + 1]! * di + FROM_YIQ[3 * c + 2]! * dq;
      data[c * size + p] = Math.min(1, Math.max(-1, value));
    }
  }
  return f32(data, picture.shape);
}

interface Transform {
  readonly scale: number;
  /** Moves as shares of the canvas. */
  readonly x: number;
  readonly y: number;
}

/** Scaled about the middle and moved, bilinear; what comes in at the borders repeats them. */
function moved(picture: HostTensor<'f32'>, { scale, x, y }: Transform): HostTensor<'f32'> {
  const [, channels, height, width] = picture.shape as [number, number, number, number];
  const columns = sources(width, scale, x);
  const rows = sources(height, scale, y);
  const data = new Float32Array(picture.data.length);
  for (let c = 0; c < channels; c++) {
    for (let j = 0; j < height; j++) {
      const row = rows[j]!;
      const [upper, lower] = [(c * height + row.low) * width, (c * height + row.high) * width];
      for (let i = 0; i < width; i++) {
        const { low, high, share } = columns[i]!;
        const top = picture.data[upper + low]! * (1 - share) + picture.data[upper + high]! * share;
        const bottom = picture.data[lower + low]! * (1 - share) + picture.data[lower + high]! * share;
        data[(c * height + j) * width + i] = top * (1 - row.share) + bottom * row.share;
      }
    }
  }
  return f32(data, picture.shape);
}

/** For each sample of a moved line, the two it lies between and how close it is to the second. */
function sources(length: number, scale: number, move: number): { low: number; high: number; share: number }[] {
  return Array.from({ length }, (_, i) => {
    const middle = (length - 1) / 2;
    const at = Math.min(length - 1, Math.max(0, middle + (i - middle) / scale - move * length));
    const low = Math.floor(at);
    return { low, high: Math.min(length - 1, low + 1), share: at - low };
  });
}
