/** Every common image file comes in as sRGB with straight alpha. */
import { readFileSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { encodePng, loadImage, problemOfImage, savePng, stemOf } from '../../../cli/inputs/images';
import { Random } from '../../../engine/tensor/random';
import { paint, pixel } from '../../support/pictures';
import { desk, type Desk } from '../desk';

let d: Desk;
beforeEach(() => (d = desk()));
afterEach(() => d.close());

/** Left half one colour, right half another; large blocks survive lossy formats. */
const halves = paint(64, 32, (x) => (x < 32 ? [200, 40, 30, 255] : [20, 60, 180, 255]));
const raw = () => sharp(Buffer.from(halves.data), { raw: { width: 64, height: 32, channels: 4 } });

function expectNear(actual: number[], wanted: number[], tolerance: number): void {
  actual.forEach((value, i) => expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(tolerance));
}

test.each(['png', 'jpeg', 'webp', 'gif', 'avif', 'tiff'] as const)('%s', async (format) => {
  const path = d.at(`a.${format}`);
  await raw().flatten().toFormat(format).toFile(path);
  const picture = await loadImage(path);
  expect([picture.width, picture.height]).toEqual([64, 32]);
  expectNear(pixel(picture, 10, 16), [200, 40, 30, 255], 8);
  expectNear(pixel(picture, 54, 16), [20, 60, 180, 255], 8);
});

test('grey, 16-bit, palette and CMYK pictures', async () => {
  await raw().flatten().greyscale().png().toFile(d.at('grey.png'));
  const [r, g, b, a] = pixel(await loadImage(d.at('grey.png')), 10, 16);
  expect([g, b, a]).toEqual([r, r, 255]);

  await raw().flatten().toColourspace('rgb16').png().toFile(d.at('deep.png'));
  expectNear(pixel(await loadImage(d.at('deep.png')), 10, 16), [200, 40, 30, 255], 1);

  await raw().png({ palette: true }).toFile(d.at('palette.png'));
  expectNear(pixel(await loadImage(d.at('palette.png')), 10, 16), [200, 40, 30, 255], 2);

  await raw().flatten().toColourspace('cmyk').jpeg().toFile(d.at('cmyk.jpg'));
  const cmyk = await loadImage(d.at('cmyk.jpg'));
  // Printing inks cannot show these colours exactly; a picture read as RGB or inverted would be far off.
  expectNear(pixel(cmyk, 10, 16), [200, 40, 30, 255], 40);
});

test('orientation is applied', async () => {
  await raw().flatten().withMetadata({ orientation: 6 }).jpeg({ quality: 95 }).toFile(d.at('turned.jpg'));
  const picture = await loadImage(d.at('turned.jpg'));
  expect([picture.width, picture.height]).toEqual([32, 64]);
  expectNear(pixel(picture, 16, 10), [200, 40, 30, 255], 10);
  expectNear(pixel(picture, 16, 54), [20, 60, 180, 255], 10);
});

test('of an animation the first frame', async () => {
  const frames = [paint(16, 16, () => [255, 0, 0, 255]), paint(16, 16, () => [0, 255, 0, 255])];
  const joined = sharp(Buffer.concat(frames.map(({ data }) => Buffer.from(data))), {
    raw: { width: 16, height: 32, channels: 4, pageHeight: 16 },
  });
  await joined.gif().toFile(d.at('two.gif'));
  expect((await sharp(d.at('two.gif')).metadata()).pages).toBe(2);
  const picture = await loadImage(d.at('two.gif'));
  expect([picture.width, picture.height]).toEqual([16, 16]);
  expectNear(pixel(picture, 8, 8), [255, 0, 0, 255], 2);
});

test('a small vector drawing is rendered large', async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="12"><rect width="12" height="12" fill="#123456"/></svg>';
  writeFileSync(d.at('icon.svg'), svg);
  const picture = await loadImage(d.at('icon.svg'));
  expect([picture.width, picture.height]).toEqual([512, 256]);
  expect(pixel(picture, 100, 100)).toEqual([0x12, 0x34, 0x56, 255]);
  expect(pixel(picture, 400, 100)[3]).toBe(0);
});

test('PNG keeps every byte, also the colours under alpha 0', async () => {
  const random = new Random(1);
  const picture = paint(40, 30, () => [
    random.integer(256),
    random.integer(256),
    random.integer(256),
    random.integer(4) * 85,
  ]);
  await savePng(d.at('x.png'), picture, { overwrite: false });
  expect((await loadImage(d.at('x.png'))).data).toEqual(picture.data);
});

test.each([
  ['a 1 x 1 image', 1, 1, 'is 1 x 1 px; use an image of at least 8 px a side'],
  ['a very long one', 9000, 40, 'is 9000 x 40 px; scale it down to at most 8192 px a side'],
  ['a narrow one', 900, 40, 'is 900 x 40 px; crop it so that the long side is at most 8 times the short one'],
])('%s is refused by its header', async (_, width, height, message) => {
  const path = d.at('odd.png');
  await sharp({ create: { width, height, channels: 3, background: 'red' } })
    .png()
    .toFile(path);
  await expect(loadImage(path)).rejects.toThrow(`odd.png ${message}`);
  expect(await problemOfImage(path)).toContain(`odd.png ${message}`);
});

test('what is no picture, or only half of one, is refused in one line', async () => {
  writeFileSync(d.at('text.png'), 'hello');
  await expect(loadImage(d.at('text.png'))).rejects.toThrow(
    /^[^\n]*text\.png: cannot be read as an image \([^\n]+\); give a PNG[^\n]+$/,
  );
  const whole = await encodePng(paint(200, 200, (x, y) => [x, y, (x * y) % 256, 255]));
  writeFileSync(d.at('half.png'), whole.subarray(0, whole.length / 2));
  await expect(loadImage(d.at('half.png'))).rejects.toThrow(/half\.png: cannot be read as an image/);
  for (const read of [loadImage, problemOfImage]) {
    await expect(read(d.at('none.png'))).rejects.toThrow('none.png: cannot be read (no such file or directory)');
  }
  expect(readFileSync(d.at('text.png'), 'utf8')).toBe('hello');
});

test('stems', () => {
  expect(stemOf('photos/cat.final.jpg')).toBe('cat.final');
  expect(stemOf('icon')).toBe('icon');
});
