/** Whether two pictures make a pair to learn from: do they share a layout, and how to fix them if not. */
import {
  fieldStrength,
  agreementAt,
  orientationField,
  mirror,
  searchAlignment,
  zoom,
  type Alignment,
  type OrientationField,
} from '../image/alignment';
import { alphaPlane, chooseMatte, compositeAt, hasTransparency } from '../image/canvas';
import { image, type Image } from '../image/image';
import type { PairProblem, PairVerdict } from '../requests';
import { resize, type Planes } from '../image/resample';

/** Long sides, in px, at which pairs are compared: finely, and coarsely to search widely. */
const FINE = 128;
const COARSE = 64;
/** Moves up to this share of the long side are found. */
const SEARCH_RADIUS = 0.15;
const SCALES = [0.67, 0.72, 0.78, 0.85, 0.92, 1.08, 1.17, 1.28, 1.39, 1.5];

/** Measured in bench/pairs/thresholds/pair-check.ts, which prints how many pairs of each kind fall on which side. */
export const THRESHOLDS = {
  /** Largest difference between two aspect ratios that still counts as rounding. */
  aspect: 0.02,
  /** Largest difference of any pixel, 0 to 1, in two images that count as identical. */
  identical: 2 / 255,
  /** Edge strength under which an image is blank. */
  blank: 0.01,
  /** Least edge agreement of two images of one layout. */
  related: 0.3,
  /** Agreement from which two images serve as they are, however well some other placing would fit. */
  good: 0.55,
  /** Least agreement that makes a mirrored or scaled copy believable, and its least lead over the plain one. */
  transformed: 0.45,
  lead: 0.15,
  /** Least move, as a share of the long side, and least gain in agreement that are worth a correction. */
  shift: 0.015,
  gain: 0.05,
} as const;

/** What the verdict rests on; moves are shares of the long side. */
export interface PairMeasurements {
  readonly difference: number;
  readonly largestDifference: number;
  readonly strengths: readonly [number, number];
  readonly still: number;
  readonly moved: Alignment;
  readonly mirrored: number;
  readonly scaled: number;
  readonly scale: number;
}

/** Judges a pair. Needs no net; about 0.2 s on one core, whatever the images' size beyond reading them once. */
export function checkPair(before: Image, after: Image): PairVerdict {
  const ratio = (before.width * after.height) / (before.height * after.width);
  if (
    Math.abs(ratio - 1) >
    Math.max(THRESHOLDS.aspect, 1.5 / Math.min(before.width, before.height, after.width, after.height))
  ) {
    const sizes = `${before.width} x ${before.height} and ${after.width} x ${after.height} px`;
    return reject('size', `The images have different proportions (${sizes}); export both frames with the same bounds.`);
  }
  return judgePair(measurePair(before, after), Math.max(before.width, before.height));
}

/** The verdict on measurements of two images of one aspect ratio; `side` is the before image's long side in px. */
export function judgePair(m: PairMeasurements, side: number): PairVerdict {
  const measured = { difference: m.difference, edgeAgreement: clip(m.moved.agreement) };
  const [strengthBefore, strengthAfter] = m.strengths;
  if (strengthBefore < THRESHOLDS.blank || strengthAfter < THRESHOLDS.blank) {
    const which = strengthBefore < THRESHOLDS.blank ? 'before' : 'after';
    return reject('blank', `The ${which} image is blank; choose a frame that shows something.`, measured);
  }
  if (m.largestDifference <= THRESHOLDS.identical) {
    return reject('identical', 'The two images are the same; choose an after image in the new style.', measured);
  }
  const plain = m.moved.agreement;
  const believable = (agreement: number): boolean =>
    plain < THRESHOLDS.good && agreement >= Math.max(THRESHOLDS.transformed, plain + THRESHOLDS.lead);
  if (believable(m.mirrored) && m.mirrored >= m.scaled) {
    return reject('mirrored', 'The after image is mirrored; flip it so that both face the same way.', measured);
  }
  if (believable(m.scaled)) {
    const percent = Math.round(100 / m.scale);
    return reject(
      'scaled',
      `The after image's content is drawn at about ${percent} % of its size in the before image; give both the same size.`,
      measured,
    );
  }
  if (plain < THRESHOLDS.related) {
    return reject(
      'unrelated',
      'The two images do not show the same layout; choose two versions of one picture.',
      measured,
    );
  }
  const worthwhile = Math.hypot(m.moved.x, m.moved.y) >= THRESHOLDS.shift && plain - m.still >= THRESHOLDS.gain;
  const shift = worthwhile ? { x: Math.round(m.moved.x * side), y: Math.round(m.moved.y * side) } : { x: 0, y: 0 };
  if (shift.x === 0 && shift.y === 0) {
    return { usable: true, verdict: 'The two images share a layout.', problems: [], shift, ...measured };
  }
  return {
    usable: true,
    verdict: `The after image is off by ${-shift.x} px across and ${-shift.y} px down; it is moved back before learning.`,
    problems: ['shifted'],
    shift,
    ...measured,
  };
}

function reject(
  problem: PairProblem,
  verdict: string,
  measured: { difference: number; edgeAgreement: number } = { difference: 0, edgeAgreement: 0 },
): PairVerdict {
  return { usable: false, verdict, problems: [problem], shift: { x: 0, y: 0 }, ...measured };
}

function clip(value: number): number {
  return Math.min(1, Math.max(0, value));
}

/** Compares two images of one aspect ratio. */
export function measurePair(before: Image, after: Image): PairMeasurements {
  const long = Math.max(before.width, before.height);
  const width = Math.max(1, Math.round((FINE * before.width) / long));
  const height = Math.max(1, Math.round((FINE * before.height) / long));
  const matte = chooseMatte([before, after]);
  const first = compositeAt(before, matte, width, height);
  const second = compositeAt(after, matte, width, height);
  const fieldOfFirst = orientationField(first);
  const fieldOfSecond = orientationField(second);

  const coarse = coarseSearch(first);
  const move = coarse(second);
  const moved = refine(fieldOfFirst, fieldOfSecond, move);
  const flipped = mirror(second);
  const mirrored = refine(fieldOfFirst, orientationField(flipped), coarse(flipped)).agreement;
  const scales = SCALES.map((scale) => ({ scale, move: coarse(zoom(second, scale)) }));
  const best = scales.reduce((p, q) => (q.move.agreement > p.move.agreement ? q : p));
  const scaled = refine(fieldOfFirst, orientationField(zoom(second, best.scale)), best.move).agreement;

  return {
    ...differences(first, second, alphaPlane(before, width, height), alphaPlane(after, width, height)),
    strengths: [fieldStrength(fieldOfFirst), fieldStrength(fieldOfSecond)],
    still: agreementAt(fieldOfFirst, fieldOfSecond, 0, 0),
    moved: { x: moved.x / FINE, y: moved.y / FINE, agreement: moved.agreement },
    mirrored,
    scaled,
    scale: best.scale,
  };
}

/** Searches every move within SEARCH_RADIUS at the coarse size; the answer is in coarse pixels. */
function coarseSearch(first: Planes): (second: Planes) => Alignment {
  const shrink = (picture: Planes): OrientationField => {
    const factor = COARSE / FINE;
    return orientationField(resize(picture, Math.ceil(picture.width * factor), Math.ceil(picture.height * factor)));
  };
  const field = shrink(first);
  return (second) => searchAlignment(field, shrink(second), Math.ceil(SEARCH_RADIUS * COARSE));
}

/** The best move near a coarse one, in fine pixels; follows a peak that lies at the border of what was searched. */
function refine(first: OrientationField, second: OrientationField, coarse: Alignment): Alignment {
  const radius = 3;
  let x = Math.round((coarse.x * FINE) / COARSE);
  let y = Math.round((coarse.y * FINE) / COARSE);
  for (;;) {
    const found = searchAlignment(first, second, radius, x, y);
    const inside = Math.max(Math.abs(found.x - x), Math.abs(found.y - y)) < radius;
    const [nextX, nextY] = [Math.round(found.x), Math.round(found.y)];
    if (inside || Math.max(Math.abs(nextX), Math.abs(nextY)) > SEARCH_RADIUS * FINE) return found;
    [x, y] = [nextX, nextY];
  }
}

/** Mean absolute difference over what either image covers, and the largest difference of any colour. */
function differences(
  first: Planes,
  second: Planes,
  alphaOfFirst: Planes,
  alphaOfSecond: Planes,
): { difference: number; largestDifference: number } {
  const size = first.width * first.height;
  let sum = 0;
  let covered = 0;
  let largest = 0;
  for (let i = 0; i < size; i++) {
    const alpha = Math.max(alphaOfFirst.data[i]!, alphaOfSecond.data[i]!);
    covered += alpha;
    largest = Math.max(largest, Math.abs(alphaOfFirst.data[i]! - alphaOfSecond.data[i]!));
    for (let c = 0; c < 3; c++) {
      const difference = Math.abs(first.data[c * size + i]! - second.data[c * size + i]!);
      sum += (alpha * difference) / 3;
      largest = Math.max(largest, difference);
    }
  }
  return { difference: covered > 0 ? sum / covered : 0, largestDifference: largest };
}

/**
 * The after image moved by a verdict's shift, which is in pixels of a before image of the given width. What comes in
 * from outside is transparent when the image has transparency, else its border repeated.
 */
export function applyShift(
  after: Image,
  shift: { readonly x: number; readonly y: number },
  beforeWidth: number,
): Image {
  const { width, height, data } = after;
  const scale = width / beforeWidth;
  const dx = Math.round(shift.x * scale);
  const dy = Math.round(shift.y * scale);
  if (dx === 0 && dy === 0) return after;
  const transparent = hasTransparency(after);
  const out = new Uint8ClampedArray(data.length);
  for (let y = 0; y < height; y++) {
    const row = y - dy;
    for (let x = 0; x < width; x++) {
      const column = x - dx;
      const inside = row >= 0 && row < height && column >= 0 && column < width;
      if (transparent && !inside) continue;
      const from = (Math.min(height - 1, Math.max(0, row)) * width + Math.min(width - 1, Math.max(0, column))) * 4;
      out.set(data.subarray(from, from + 4), (y * width + x) * 4);
    }
  }
  return image(width, height, out);
}
