/** Pictures as the engine sees them: 8-bit sRGB with straight (not premultiplied) alpha. */

export interface Image {
  readonly width: number;
  readonly height: number;
  /** RGBA, row-major, width * height * 4 bytes. */
  readonly data: Uint8ClampedArray;
}

/** Smallest side, largest side and largest aspect ratio an image may have. */
export const IMAGE_LIMITS = { minSide: 8, maxSide: 8192, maxAspect: 8 } as const;

/** Wraps pixels; throws a RangeError when the byte count does not fit the size. */
export function image(width: number, height: number, data: Uint8ClampedArray): Image {
  if (data.length !== width * height * 4) {
    throw new RangeError(`${data.length} bytes are not ${width} x ${height} RGBA pixels`);
  }
  return { width, height, data };
}
