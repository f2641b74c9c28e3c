/** Previews, thumbnails, and the picture worker behind its connection. */
import { DeviceError, InputError } from '../../engine/errors';
import type { Image } from '../../engine/image/image';
import { blend, shareOfChange } from '../../ui/engine/pictures/blend';
import { Pictures } from '../../ui/engine/pictures/pictures';
import { decodePng, encodePng } from '../../ui/engine/pictures/png';
import { PictureService } from '../../ui/engine/pictures/service';
import { shrink, sideBySide } from '../../ui/engine/pictures/shrink';
import { failure, workersOf } from './support';

function picture(width: number, height: number, paint: (x: number, y: number) => readonly number[]): Image {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set(paint(x, y), (y * width + x) * 4);
  return { width, height, data };
}
const plain = (width: number, height: number, ...colour: number[]): Image => picture(width, height, () => colour);
const pngOf = (image: Image): Uint8Array => encodePng(image, 'result');

describe('the share of a change', () => {
  test('is exact where the change was made, and at 0', () => {
    for (const made of [[1], [0.3], [-1.7], [0.7, 1.3]]) {
      expect(shareOfChange(made, made)).toBe(1);
      expect(
        shareOfChange(
          made,
          made.map(() => 0),
        ),
      ).toBe(0);
    }
  });

  test('of one style is the ratio of the strengths', () => {
    expect(shareOfChange([0.5], [1])).toBe(2);
    expect(shareOfChange([2], [-1])).toBe(-0.5);
  });

  test('of two styles counts the way in the direction of the change', () => {
    expect(shareOfChange([1, 1], [1, 0])).toBe(0.5);
    expect(shareOfChange([1, 0], [0, 1])).toBe(0);
  });

  test('of no change is nothing', () => expect(shareOfChange([0, 0], [1, 1])).toBe(0));
});

test('a blend goes from the original through the styled picture and beyond, and is clipped', () => {
  const [original, styled] = [plain(1, 1, 100, 100, 200, 255), plain(1, 1, 150, 50, 255, 255)];
  const at = (share: number): number[] => [...blend(original, styled, share).data];
  expect(at(0)).toEqual([100, 100, 200, 255]);
  expect(at(1)).toEqual([150, 50, 255, 255]);
  expect(at(0.5)).toEqual([125, 75, 228, 255]);
  expect(at(4)).toEqual([255, 0, 255, 255]);
});

describe('shrinking', () => {
  test('leaves what is small enough alone, and keeps proportions', () => {
    const small = plain(30, 20, 1, 2, 3, 4);
    expect(shrink(small, 30)).toBe(small);
    expect(shrink(small, 15)).toMatchObject({ width: 15, height: 10 });
    expect(shrink(plain(400, 2, 9, 9, 9, 255), 100)).toMatchObject({ width: 100, height: 1 });
  });

  test('is the mean of what a pixel covers, weighed by alpha', () => {
    const columns = picture(
      4,
      2,
      (x) =>
        [
          [200, 0, 0, 255],
          [100, 50, 0, 255],
          [0, 0, 250, 255],
          [99, 99, 99, 0],
        ][x]!,
    );
    expect([...shrink(columns, 2).data]).toEqual([150, 25, 0, 255, 0, 0, 250, 128]);
  });
});

test('a thumbnail has both pictures, each in the middle of its square, on nothing', () => {
  const pair = sideBySide(plain(20, 10, 255, 0, 0, 255), plain(4, 8, 0, 0, 255, 255), 10);
  expect(pair).toMatchObject({ width: 20, height: 10 });
  const at = (x: number, y: number): number[] => [...pair.data.subarray((y * 20 + x) * 4, (y * 20 + x) * 4 + 4)];
  expect(at(0, 5)).toEqual([255, 0, 0, 255]);
  expect(at(9, 3)).toEqual([255, 0, 0, 255]);
  expect(at(5, 1)).toEqual([0, 0, 0, 0]);
  expect(at(13, 1)).toEqual([0, 0, 255, 255]);
  expect(at(16, 8)).toEqual([0, 0, 255, 255]);
  expect(at(12, 5)).toEqual([0, 0, 0, 0]);
});

describe('the worker', () => {
  const start = () => {
    const { connect, workers } = workersOf(() => new PictureService());
    return { pictures: new Pictures(connect), workers };
  };
  const ORIGINAL = picture(40, 40, (x, y) => [x * 6, y * 6, 100, 255]);
  const STYLED = picture(40, 40, (x, y) => [255 - x * 6, y * 6, 20, 255]);

  test('starts when it is first needed, once, and reads and writes pictures', async () => {
    const { pictures, workers } = start();
    expect(workers).toHaveLength(0);
    const png = pngOf(ORIGINAL);
    const [image] = await Promise.all([pictures.decode(png, 'it'), pictures.decode(png, 'it')]);
    expect(image).toEqual(ORIGINAL);
    expect(decodePng(await pictures.encode(image), 'it')).toEqual(ORIGINAL);
    // Handed over as a copy: the caller's bytes were not moved to the worker.
    expect(decodePng(png, 'it')).toEqual(ORIGINAL);
    expect(workers).toHaveLength(1);
    await pictures.dispose();
    expect(workers[0]!.ended).toBe(true);
  });

  test('says what is wrong with a file, as an InputError', async () => {
    const { pictures } = start();
    const error = await failure(pictures.check(pngOf(ORIGINAL), Uint8Array.of(1, 2, 3)));
    expect(error).toBeInstanceOf(InputError);
    expect(error.message).toBe('the after image is not a PNG file; export it as PNG');
  });

  test('checks a pair', async () => {
    const { pictures } = start();
    const blank = pngOf(plain(40, 40, 255, 255, 255, 255));
    expect(await pictures.check(blank, blank)).toMatchObject({ usable: false, problems: ['blank'] });
  });

  test('a preview is the very result, and the very original, at their strengths', async () => {
    const { pictures } = start();
    const preview = await pictures.preview(pngOf(ORIGINAL), pngOf(STYLED), [0.8], 40);
    expect(decodePng((await preview.at([0.8]))!, 'it')).toEqual(STYLED);
    expect(decodePng((await preview.at([0]))!, 'it')).toEqual(ORIGINAL);
    expect(decodePng((await preview.at([0.4]))!, 'it')).toEqual(blend(ORIGINAL, STYLED, 0.5));
  });

  test('of a quick drag only the newest strength is shown, and few are computed', async () => {
    const { pictures, workers } = start();
    const preview = await pictures.preview(pngOf(ORIGINAL), pngOf(STYLED), [1], 20);
    const computed = jest.spyOn(workers[0]!.service, 'preview');
    const drag = Array.from({ length: 50 }, (_, i) => preview.at([i / 49]));
    const shown = await Promise.all(drag);
    expect(shown.slice(0, -1).every((png) => png === undefined)).toBe(true);
    expect(decodePng(shown.at(-1)!, 'it')).toEqual(shrink(STYLED, 20));
    expect(computed.mock.calls.length).toBeLessThanOrEqual(2);
  });

  test('pictures of two sizes are no change', async () => {
    const { pictures } = start();
    const opening = pictures.preview(pngOf(ORIGINAL), pngOf(plain(20, 20, 1, 1, 1, 255)), [1], 40);
    expect((await failure(opening)).message).toBe('the result has another size than its original; restyle it again');
  });

  test('that breaks down fails what was asked of it, and is started again', async () => {
    const { pictures, workers } = start();
    const preview = await pictures.preview(pngOf(ORIGINAL), pngOf(STYLED), [1], 40);
    const lost = failure(pictures.encode(ORIGINAL));
    await Promise.resolve();
    workers[0]!.fail('out of memory');
    expect(await lost).toBeInstanceOf(DeviceError);
    expect(workers[0]!.ended).toBe(true);
    expect(await pictures.decode(pngOf(STYLED), 'it')).toEqual(STYLED);
    expect(workers).toHaveLength(2);
    expect((await failure(preview.at([1]))).message).toBe('this preview is closed');
    preview.dispose();
  });
});
