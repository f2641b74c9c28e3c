/** Separable resampling of float planes, antialiased when it shrinks. */

/** Interpolation kernels by their usual names; `area` weighs samples by how much of the output sample they cover. */
export type Kernel = 'area' | 'triangle' | 'catmull-rom' | 'lanczos3';

interface KernelShape {
  /** Input samples on either side of the centre that can count, at `stretch` input samples per output sample. */
  readonly radius: (stretch: number) => number;
  /** Weight at a distance in input samples. */
  readonly weight: (distance: number, stretch: number) => number;
}

const KERNELS: Readonly<Record<Kernel, KernelShape>> = {
  // The overlap of an input sample, one wide, with an output sample, `stretch` wide.
  area: {
    radius: (stretch) => (stretch + 1) / 2,
    weight: (distance, stretch) => Math.min(1, Math.max(0, (stretch + 1) / 2 - Math.abs(distance))),
  },
  triangle: stretched(1, (x) => Math.max(0, 1 - Math.abs(x))),
  // Keys, "Cubic convolution interpolation" (1981), a = -1/2.
  'catmull-rom': stretched(2, (x) => {
    const t = Math.abs(x);
    if (t >= 2) return 0;
    return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : ((-0.5 * t + 2.5) * t - 4) * t + 2;
  }),
  lanczos3: stretched(3, (x) => (Math.abs(x) >= 3 ? 0 : sinc(x) * sinc(x / 3))),
};

/** A kernel of a given radius, widened as a whole when shrinking. */
function stretched(radius: number, kernel: (x: number) => number): KernelShape {
  return { radius: (stretch) => radius * stretch, weight: (distance, stretch) => kernel(distance / stretch) };
}

function sinc(x: number): number {
  if (x === 0) return 1;
  const t = Math.PI * x;
  return Math.sin(t) / t;
}

/** For every output sample along one axis: which input samples it reads and with which weights. */
export interface Taps {
  readonly length: number;
  /** First input sample of output i. */
  readonly start: Int32Array;
  /** Taps per output sample; rows shorter than this are padded with weight 0. */
  readonly count: number;
  /** [length, count]; each row sums to 1. */
  readonly weights: Float32Array;
}

/**
 * The taps that take `from` samples to `to`. Sample centres sit at half integers, as in Pillow and PyTorch's
 * `antialias=True, align_corners=False`; the kernel is widened by the scale when shrinking, and what falls outside
 * the line is dropped and the rest renormalised. `from === to` copies exactly with every kernel.
 */
export function makeTaps(from: number, to: number, kernel: Kernel): Taps {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const radius = KERNELS[kernel].radius(stretch);
  const { weight } = KERNELS[kernel];
  const rows: { start: number; weights: number[] }[] = [];
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.floor(centre - radius));
    const end = Math.min(from, Math.ceil(centre + radius));
    const weights: number[] = [];
    for (let j = start; j < end; j++) weights.push(weight(j + 0.5 - centre, stretch));
    rows.push({ start, weights });
  }
  const count = Math.min(from, Math.max(...rows.map((row) => row.weights.length)));
  const taps = { length: to, start: new Int32Array(to), count, weights: new Float32Array(to * count) };
  rows.forEach(({ start, weights }, i) => {
    // A row near the end moves back so that start + count never passes the line.
    const first = Math.min(start, from - count);
    const total = weights.reduce((sum, w) => sum + w, 0);
    taps.start[i] = first;
    weights.forEach((w, k) => (taps.weights[i * count + start - first + k] = w / total));
  });
  return taps;
}

/** out[to..to + taps.length) = taps applied to line[from..). */
export function resampleLine(line: Float32Array, from: number, taps: Taps, out: Float32Array, to: number): void {
  const { length, start, count, weights } = taps;
  for (let i = 0; i < length; i++) {
    const first = from + start[i]!;
    let sum = 0;
    for (let k = 0, w = i * count; k < count; k++, w++) sum += weights[w]! * line[first + k]!;
    out[to + i] = sum;
  }
}

/** Weighs whole rows: out[x] = sum over the taps of output row `row`; `plane` is [rows, width] from offset `from`. */
export function blendRows(
  plane: Float32Array,
  from: number,
  width: number,
  taps: Taps,
  row: number,
  out: Float32Array,
): void {
  out.fill(0, 0, width);
  for (let k = 0; k < taps.count; k++) {
    const weight = taps.weights[row * taps.count + k]!;
    if (weight === 0) continue;
    const first = from + (taps.start[row]! + k) * width;
    for (let x = 0; x < width; x++) out[x]! += weight * plane[first + x]!;
  }
}

/** Float planes of one size: data is [channels, height, width]. */
export interface Planes {
  readonly channels: number;
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** New planes, zero unless data is given; throws a RangeError when the data does not fit. */
export function planes(channels: number, width: number, height: number, data?: Float32Array): Planes {
  const size = channels * width * height;
  if (data && data.length !== size) {
    throw new RangeError(`${data.length} numbers do not fill ${channels} planes of ${width} x ${height}`);
  }
  return { channels, width, height, data: data ?? new Float32Array(size) };
}

/**
 * The kernel to use along an axis. Shrinking by area comes closest to what a renderer draws at the small size, which
 * is what nets are trained on, and has no overshoot (bench/pairs/thresholds/pair-images.ts).
 */
export function kernelFor(from: number, to: number): Kernel {
  return to < from ? 'area' : 'catmull-rom';
}

/** Planes at another size; without a kernel, `kernelFor` picks one per axis. */
export function resize(source: Planes, width: number, height: number, kernel?: Kernel): Planes {
  const wide = resizeWidth(source, width, kernel ?? kernelFor(source.width, width));
  return resizeHeight(wide, height, kernel ?? kernelFor(source.height, height));
}

/** Planes with another width and the same height. */
export function resizeWidth(source: Planes, width: number, kernel: Kernel): Planes {
  if (width === source.width) return source;
  const taps = makeTaps(source.width, width, kernel);
  const out = planes(source.channels, width, source.height);
  const rows = source.channels * source.height;
  for (let row = 0; row < rows; row++) resampleLine(source.data, row * source.width, taps, out.data, row * width);
  return out;
}

/** Planes with another height and the same width. */
export function resizeHeight(source: Planes, height: number, kernel: Kernel): Planes {
  if (height === source.height) return source;
  const { channels, width } = source;
  const taps = makeTaps(source.height, height, kernel);
  const out = planes(channels, width, height);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const to = (c * height + y) * width;
      blendRows(source.data, c * source.height * width, width, taps, y, out.data.subarray(to, to + width));
    }
  }
  return out;
}

/** Rows [y, y + height) and columns [x, x + width) of every plane. */
export function crop(source: Planes, x: number, y: number, width: number, height: number): Planes {
  const out = planes(source.channels, width, height);
  for (let c = 0; c < source.channels; c++) {
    for (let row = 0; row < height; row++) {
      const from = (c * source.height + y + row) * source.width + x;
      out.data.set(source.data.subarray(from, from + width), (c * height + row) * width);
    }
  }
  return out;
}

/** Mean over the (2 radius + 1)² window cut off at the borders; running sums, so any radius costs the same. */
export function boxMean(source: Planes, radius: number): Planes {
  const { channels, width, height } = source;
  const rows = slidingMean(source.data, channels * height, width, 1, width, radius);
  const data = new Float32Array(rows.length);
  for (let c = 0; c < channels; c++) {
    const plane = c * width * height;
    data.set(slidingMean(rows.subarray(plane, plane + width * height), width, height, width, 1, radius), plane);
  }
  return planes(channels, width, height, data);
}

/** Sliding mean along `lines` lines of `length` samples: samples lie `step` apart, line starts `lineStep` apart. */
function slidingMean(
  data: Float32Array,
  lines: number,
  length: number,
  step: number,
  lineStep: number,
  radius: number,
): Float32Array {
  const out = new Float32Array(data.length);
  for (let line = 0; line < lines; line++) {
    const base = line * lineStep;
    let sum = 0;
    let n = 0;
    for (let i = -radius; i < length; i++) {
      const enter = i + radius;
      const leave = i - radius - 1;
      if (enter < length) {
        sum += data[base + enter * step]!;
        n++;
      }
      if (leave >= 0) {
        sum -= data[base + leave * step]!;
        n--;
      }
      if (i >= 0) out[base + i * step] = sum / n;
    }
  }
  return out;
}
