/** PNG files of every kind against sharp, and what is no PNG. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode } from 'fast-png';
import sharp from 'sharp';
import { InputError } from '../../engine/errors';
import { decodePng, encodePng } from '../../ui/engine/pictures/png';
import { chunk } from '../support/png-file';

/** Odd sizes, so that rows of less than 8 bits end within a byte. */
const [WIDTH, HEIGHT] = [13, 7];
const noise = (length: number, most: number, seed = 1): number[] =>
  Array.from({ length }, (_, i) => Math.floor(Math.abs(Math.sin((i + seed) * 12.9898) * 43758.5453) % (most + 1)));

const rgba = Uint8Array.from(noise(WIDTH * HEIGHT * 4, 255));
const raw = (channels: 1 | 2 | 3 | 4) =>
  sharp(rgba.slice(0, WIDTH * HEIGHT * channels), { raw: { width: WIDTH, height: HEIGHT, channels } });

/** Samples below 8 bits, packed as the file has them. */
function greyPng(depth: 1 | 2 | 4): Buffer {
  const rowBytes = Math.ceil((WIDTH * depth) / 8);
  const data = Uint8Array.from(noise(rowBytes * HEIGHT, 255));
  return Buffer.from(encode({ width: WIDTH, height: HEIGHT, data, channels: 1, depth }));
}

function deepPng(channels: 1 | 2 | 3 | 4): Buffer {
  const data = Uint16Array.from(noise(WIDTH * HEIGHT * channels, 65535));
  return Buffer.from(encode({ width: WIDTH, height: HEIGHT, data, channels, depth: 16 }));
}

/** The file with a chunk put before its pixels. */
function withChunk(png: Buffer, type: string, content: Buffer): Buffer {
  const at = png.indexOf('IDAT') - 4;
  return Buffer.concat([png.subarray(0, at), chunk(type, content), png.subarray(at)]);
}

const palette = (colours: number): Promise<Buffer> => raw(4).png({ palette: true, colours, dither: 0 }).toBuffer();

const FILES: Record<string, () => Promise<Buffer> | Buffer> = {
  'RGBA, 8 bits': () => raw(4).png().toBuffer(),
  'RGB, 8 bits': () => raw(3).png().toBuffer(),
  'grey with alpha': () => raw(2).toColourspace('b-w').png().toBuffer(),
  grey: () => raw(1).toColourspace('b-w').png().toBuffer(),
  interlaced: () => raw(4).png({ progressive: true }).toBuffer(),
  'interlaced grey': () => raw(1).toColourspace('b-w').png({ progressive: true }).toBuffer(),
  'filtered hard': () => raw(4).png({ adaptiveFiltering: true, compressionLevel: 9 }).toBuffer(),
  'palette of 2': () => palette(2),
  'palette of 4': () => palette(4),
  'palette of 16': () => palette(16),
  'palette of 256': () => palette(256),
  'grey, 1 bit': () => greyPng(1),
  'grey, 2 bits': () => greyPng(2),
  'grey, 4 bits': () => greyPng(4),
  'RGB with a transparent colour': () =>
    raw(3)
      .png()
      .toBuffer()
      .then((png) => withChunk(png, 'tRNS', Buffer.from([0, rgba[0]!, 0, rgba[1]!, 0, rgba[2]!]))),
  'grey with a transparent level': () => withChunk(greyPng(2), 'tRNS', Buffer.from([0, 2])),
};

test.each(['c0d1i1t0.png', 'c3d4i1t0.png'])('interlaced below 8 bits: %s', async (name) => {
  const png = readFileSync(join(__dirname, '../fixtures/pictures', name));
  expect(Buffer.from(decodePng(png, 'it').data).equals(await reference(png))).toBe(true);
});

const reference = async (png: Buffer): Promise<Buffer> =>
  sharp(png).toColourspace('srgb').ensureAlpha().raw().toBuffer();

test.each(Object.entries(FILES))('%s', async (_, make) => {
  const png = await make();
  const { width, height, data } = decodePng(png, 'it');
  expect([width, height]).toEqual([WIDTH, HEIGHT]);
  expect(Buffer.from(data).equals(await reference(png))).toBe(true);
});

test('the files are of the kinds they claim to be', async () => {
  const kind = async (name: string): Promise<number[]> => {
    const png = await FILES[name]!();
    return [png[24]!, png[25]!, png[28]!];
  };
  expect(await kind('palette of 2')).toEqual([1, 3, 0]);
  expect(await kind('palette of 16')).toEqual([4, 3, 0]);
  expect(await kind('grey, 2 bits')).toEqual([2, 0, 0]);
  expect(await kind('grey with alpha')).toEqual([8, 4, 0]);
  expect(await kind('interlaced')).toEqual([8, 6, 1]);
});

test.each([1, 2, 3, 4] as const)('16 bits, %d channels, are rounded to 8', (channels) => {
  const samples = noise(WIDTH * HEIGHT * channels, 65535);
  const { data } = decodePng(deepPng(channels), 'it');
  const rounded = (i: number): number => Math.round(samples[i]! / 257);
  const colours = channels < 3 ? 1 : 3;
  const expected = Array.from({ length: WIDTH * HEIGHT }, (_, i) => [
    ...[0, 1, 2].map((c) => rounded(i * channels + Math.min(c, colours - 1))),
    channels % 2 === 0 ? rounded(i * channels + colours) : 255,
  ]).flat();
  expect([...data]).toEqual(expected);
});

test('what is written is read by sharp, byte for byte, also colours under alpha 0', async () => {
  const data = new Uint8ClampedArray(rgba);
  for (let i = 3; i < data.length; i += 8) data[i] = 0;
  for (const purpose of ['result', 'preview'] as const) {
    const png = encodePng({ width: WIDTH, height: HEIGHT, data }, purpose);
    expect(Buffer.from(data).equals(await sharp(png).raw().toBuffer())).toBe(true);
    expect(decodePng(png, 'it').data).toEqual(data);
  }
});

test('files that are no sound PNG are refused in one line', async () => {
  const png = await raw(4).png().toBuffer();
  const refusal = (file: Uint8Array): string => {
    try {
      decodePng(file, 'the before image');
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      return (error as Error).message;
    }
    return 'none';
  };
  expect(refusal(await raw(3).jpeg().toBuffer())).toBe('the before image is not a PNG file; export it as PNG');
  expect(refusal(new Uint8Array(0))).toBe('the before image is not a PNG file; export it as PNG');
  expect(refusal(png.subarray(0, png.length - 30))).toMatch(
    /^the before image is a damaged PNG file \(.+\); export it again$/,
  );
  const bent = Buffer.from(png);
  bent[png.indexOf('IDAT') + 10]! ^= 1;
  expect(refusal(bent)).toMatch(/is a damaged PNG file/);
  const renamed = Buffer.from(withChunk(png, 'tRNS', Buffer.from([0, 0])));
  renamed[renamed.indexOf('tRNS')]! += 1;
  expect(refusal(renamed)).toMatch(/is a damaged PNG file \(the checksum of uRNS is wrong\)/);
});

test('a picture too large is refused before it is unpacked', async () => {
  const bomb = Buffer.from(await raw(4).png().toBuffer());
  bomb.writeUInt32BE(4097, 16);
  bomb.writeUInt32BE(4096, 20);
  expect(() => decodePng(bomb, 'the picture')).toThrow(
    new InputError('the picture has 4097 x 4096 pixels, more than 4096 x 4096; export it smaller'),
  );
});
