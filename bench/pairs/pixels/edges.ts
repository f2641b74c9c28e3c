/** Edge strength of a picture. */

/**
 * The largest Sobel gradient magnitude of any plane at each pixel, with border pixels repeated. A straight vertical or
 * horizontal step from 0 to 1 gives 1.
 *
 * @param data one or more planes of width * height numbers in [0, 1].
 */
export function edgeMap(data: Float32Array, width: number, height: number): Float32Array {
  const size = width * height;
  const out = new Float32Array(size);
  for (let plane = 0; plane < data.length; plane += size) {
    for (let y = 0; y < height; y++) {
      const above = plane + Math.max(0, y - 1) * width;
      const here = plane + y * width;
      const below = plane + Math.min(height - 1, y + 1) * width;
      for (let x = 0; x < width; x++) {
        const left = Math.max(0, x - 1);
        const right = Math.min(width - 1, x + 1);
        const gx =
          data[above + right]! -
          data[above + left]! +
          data[below + right]! -
          data[below + left]! +
          2 * (data[here + right]! - data[here + left]!);
        const gy =
          data[below + left]! -
          data[above + left]! +
          data[below + right]! -
          data[above + right]! +
          2 * (data[below + x]! - data[above + x]!);
        const magnitude = Math.hypot(gx, gy) / 4;
        const i = y * width + x;
        if (magnitude > out[i]!) out[i] = magnitude;
      }
    }
  }
  return out;
}
