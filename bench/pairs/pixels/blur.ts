/** Gaussian and box means of one plane, its border pixels repeated outwards. */

/** A Gaussian of `sigma` pixels, cut at `radius`, by default three sigma. */
export function gaussianBlur(
  plane: Float32Array,
  width: number,
  height: number,
  sigma: number,
  radius = Math.ceil(3 * sigma),
): Float32Array {
  const weights = Array.from({ length: 2 * radius + 1 }, (_, k) => Math.exp(-((k - radius) ** 2) / (2 * sigma ** 2)));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const kernel = weights.map((weight) => weight / total);
  return separable(plane, width, height, kernel);
}

/** The mean over (2 radius + 1)² pixels. */
export function boxBlur(plane: Float32Array, width: number, height: number, radius: number): Float32Array {
  const side = 2 * radius + 1;
  return separable(plane, width, height, new Array<number>(side).fill(1 / side));
}

function separable(plane: Float32Array, width: number, height: number, kernel: readonly number[]): Float32Array {
  const across = convolve(plane, width, height, 1, width, kernel);
  return convolve(across, height, width, width, 1, kernel);
}

/** Convolves `lines` lines of `length` pixels, `step` apart within a line and `stride` from line to line. */
function convolve(
  plane: Float32Array,
  length: number,
  lines: number,
  step: number,
  stride: number,
  kernel: readonly number[],
): Float32Array {
  const radius = (kernel.length - 1) / 2;
  const out = new Float32Array(plane.length);
  const line = new Float32Array(length + 2 * radius);
  for (let n = 0; n < lines; n++) {
    const start = n * stride;
    for (let i = -radius; i < length + radius; i++) {
      line[i + radius] = plane[start + Math.min(length - 1, Math.max(0, i)) * step]!;
    }
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * line[i + k]!;
      out[start + i * step] = sum;
    }
  }
  return out;
}
