/** Any valid TIFF or PNG gives its colours; a damaged PNG gives them, too, or one line; a damaged TIFF has its size. */
import fc from 'fast-check';
import { decodePicture } from '../../../cli/decoding/decode';
import { InputError } from '../../../engine/errors';
import { Random } from '../../../engine/tensor/random';
import { pngFile } from '../../support/png-file';
import { tiffFile, type TiffFile } from '../../support/tiff-file';

const side = fc.integer({ min: 8, max: 20 });

function noise(seed: number, length: number, depth: number): number[] {
  const random = new Random(seed);
  return Array.from({ length }, () => random.integer(2 ** depth));
}

const tiff: fc.Arbitrary<TiffFile> = fc
  .record({
    seed: fc.nat(),
    width: side,
    height: side,
    depth: fc.constantFrom(8, 16),
    colours: fc.constantFrom(1, 3),
    alpha: fc.boolean(),
    littleEndian: fc.boolean(),
    whiteIsZero: fc.boolean(),
    planar: fc.boolean(),
    rowsPerStrip: fc.integer({ min: 1, max: 20 }),
    compression: fc.constantFrom('none', 'deflate', 'packbits'),
  })
  .map(({ seed, ...file }) => ({
    ...file,
    samples: noise(seed, file.width * file.height * (file.colours + (file.alpha ? 1 : 0)), file.depth),
  }));

/** RGBA, 8 bits. */
function coloursOf({ width, height, depth, colours, alpha, whiteIsZero, samples }: TiffFile): Buffer {
  const channels = colours + (alpha ? 1 : 0);
  const to8 = (value: number): number => Math.round((255 * value) / (2 ** depth - 1));
  return Buffer.from(
    Array.from({ length: width * height }, (_, i) => {
      const s = samples.slice(i * channels, (i + 1) * channels).map(to8);
      const colour = colours === 3 ? s.slice(0, 3) : new Array<number>(3).fill(whiteIsZero ? 255 - s[0]! : s[0]!);
      return [...colour, alpha ? s[colours]! : 255];
    }).flat(),
  );
}

test('a valid TIFF of any kind gives its colours, or is refused', async () => {
  await fc.assert(
    fc.asyncProperty(tiff, async (file) => {
      const decoding = decodePicture(tiffFile(file), 'it');
      if (file.planar && file.alpha && file.colours === 1) {
        // libvips reads these wrong.
        await expect(decoding).rejects.toThrow('it: has grey and transparency in separate planes, which are not read;');
        return;
      }
      const { width, height, data } = await decoding;
      expect([width, height]).toEqual([file.width, file.height]);
      expect(Buffer.from(data).equals(coloursOf(file))).toBe(true);
    }),
    { numRuns: 150, seed: 1 },
  );
});

/** Up to three bytes changed, and perhaps the end cut off. */
const damage = fc.record({
  changes: fc.array(fc.tuple(fc.nat(100_000), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
  kept: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
});

function damaged(file: Buffer, { changes, kept }: typeof damage extends fc.Arbitrary<infer T> ? T : never): Buffer {
  const out = Buffer.from(file.subarray(0, Math.ceil(kept * file.length)));
  for (const [at, change] of changes) if (out.length > 0) out[at % out.length]! ^= change;
  return out;
}

async function decodeOrRefuse(file: Buffer) {
  try {
    return await decodePicture(file, 'it');
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    expect(error.message).toMatch(/^it(:| is \d+ x) [^\n\0]+; [^\n\0]+$/);
    return undefined;
  }
}

test('a damaged TIFF is refused in one line, or has a size: it holds no checksums', async () => {
  await fc.assert(
    fc.asyncProperty(tiff, damage, async (file, how) => {
      const picture = await decodeOrRefuse(damaged(tiffFile(file), how));
      if (picture) expect(picture.data.length).toBe(4 * picture.width * picture.height);
    }),
    { numRuns: 100, seed: 1 },
  );
});

test('a valid PNG gives its colours, a damaged one gives them or one line', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        seed: fc.nat(),
        width: side,
        height: side,
        depth: fc.constantFrom(8, 16),
        interlaced: fc.boolean(),
        filters: fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }),
      }),
      damage,
      async ({ seed, ...rest }, how) => {
        const { width, height, depth } = rest;
        const file = { ...rest, colourType: 6 as const, samples: noise(seed, width * height * 4, depth) };
        const png = pngFile(file);
        const right = Buffer.from(file.samples.map((value) => Math.round((255 * value) / (2 ** depth - 1))));
        expect(Buffer.from((await decodePicture(png, 'it')).data).equals(right)).toBe(true);
        const picture = await decodeOrRefuse(damaged(png, how));
        if (picture) expect(Buffer.from(picture.data).equals(right)).toBe(true);
      },
    ),
    { numRuns: 100, seed: 1 },
  );
});
