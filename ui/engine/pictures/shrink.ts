/** Pictures at smaller sizes, for previews and thumbnails. */
import { image, type Image } from '../../../engine/image/image';
import { planes, resize } from '../../../engine/image/resample';

/** The picture at most `side` px long; unchanged when it is that small already. Colours count by their alpha. */
export function shrink(picture: Image, side: number): Image {
  const longest = Math.max(picture.width, picture.height);
  if (longest <= side) return picture;
  const [width, height] = [picture.width, picture.height].map((n) => Math.max(1, Math.round((n * side) / longest)));
  const small = resize(premultiplied(picture), width!, height!, 'area');
  const size = width! * height!;
  const data = new Uint8ClampedArray(4 * size);
  for (let i = 0; i < size; i++) {
    const alpha = small.data[3 * size + i]!;
    for (let c = 0; c < 3; c++) data[4 * i + c] = alpha > 0 ? (255 * small.data[c * size + i]!) / alpha : 0;
    data[4 * i + 3] = alpha;
  }
  return image(width!, height!, data);
}

/** Two pictures side by side, each in the middle of a square of `side` px and at most as large. */
export function sideBySide(left: Image, right: Image, side: number): Image {
  const data = new Uint8ClampedArray(2 * side * side * 4);
  for (const [n, picture] of [left, right].entries()) {
    const { width, height, data: pixels } = shrink(picture, side);
    const x = n * side + Math.floor((side - width) / 2);
    const y = Math.floor((side - height) / 2);
    for (let row = 0; row < height; row++) {
      data.set(pixels.subarray(row * width * 4, (row + 1) * width * 4), ((y + row) * 2 * side + x) * 4);
    }
  }
  return image(2 * side, side, data);
}

/** Red, green and blue times alpha, and alpha; all 0 to 255. */
function premultiplied({ width, height, data }: Image) {
  const size = width * height;
  const out = planes(4, width, height);
  for (let i = 0; i < size; i++) {
    const alpha = data[4 * i + 3]!;
    for (let c = 0; c < 3; c++) out.data[c * size + i] = (data[4 * i + c]! * alpha) / 255;
    out.data[3 * size + i] = alpha;
  }
  return out;
}
