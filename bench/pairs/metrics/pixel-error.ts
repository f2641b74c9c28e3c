/** How far apart two pictures are, pixel by pixel. */

/** Mean absolute difference of planes in [0, 1], as grey levels of 255. */
export function pixelError(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return (255 * sum) / a.length;
}
