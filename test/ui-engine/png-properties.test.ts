/** Any valid PNG gives its pixels; any damaged one gives them, too, or one line. */
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { InputError } from '../../engine/errors';
import { Random } from '../../engine/tensor/random';
import { decodePng } from '../../ui/engine/pictures/png';
import { CHANNELS, chunk, pngFile, type ColourType, type PngFile } from '../support/png-file';

const DEPTHS: Readonly<Record<ColourType, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

const kinds = (Object.keys(DEPTHS).map(Number) as ColourType[]).flatMap((colourType) =>
  DEPTHS[colourType].map((depth) => ({ colourType, depth })),
);

/** Numbers from 0 to max; cheaper to make than one by one. */
const numbers = (length: number, max: number): fc.Arbitrary<number[]> =>
  fc.nat().map((seed) => {
    const random = new Random(seed);
    return Array.from({ length }, () => random.integer(max + 1));
  });

const validFile: fc.Arbitrary<PngFile> = fc
  .record({
    kind: fc.constantFrom(...kinds),
    width: fc.integer({ min: 1, max: 13 }),
    height: fc.integer({ min: 1, max: 13 }),
    interlaced: fc.boolean(),
    filters: fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }),
    transparent: fc.boolean(),
    split: fc.nat(40),
    excess: fc.constantFrom(0, 0, 3000),
    colours: fc.integer({ min: 1, max: 256 }),
  })
  .chain(({ kind: { colourType, depth }, width, height, transparent, colours, ...rest }) => {
    const count = colourType === 3 ? Math.min(colours, 2 ** depth) : 2 ** depth;
    const keyLength = colourType === 0 ? 1 : colourType === 2 ? 3 : 0;
    return fc
      .record({
        samples: numbers(width * height * CHANNELS[colourType], count - 1),
        palette: numbers(3 * count, 255),
        alpha: numbers(count, 255),
      })
      .map(({ samples, palette, alpha }) => ({
        ...rest,
        width,
        height,
        depth,
        colourType,
        samples,
        ...(colourType === 3 && { palette }),
        ...(colourType === 3 && transparent && { transparency: alpha }),
        // The colour of the first pixel, so that something is transparent.
        ...(keyLength > 0 &&
          transparent && { transparency: samples.slice(0, keyLength).flatMap((v) => [v >> 8, v & 255]) }),
      }));
  });

/** The pixels of a file, from the definition of each colour type. */
function pixelsOf({ width, height, depth, colourType, samples, palette, transparency }: PngFile): number[] {
  const channels = CHANNELS[colourType];
  const to8 = (value: number): number => Math.round((255 * value) / (2 ** depth - 1));
  return Array.from({ length: width * height }, (_, i) => {
    const s = samples.slice(i * channels, (i + 1) * channels);
    const key = transparency && s.every((v, c) => v === transparency[2 * c]! * 256 + transparency[2 * c + 1]!);
    switch (colourType) {
      case 0:
        return [to8(s[0]!), to8(s[0]!), to8(s[0]!), key ? 0 : 255];
      case 2:
        return [...s.map(to8), key ? 0 : 255];
      case 3:
        return [...palette!.slice(3 * s[0]!, 3 * s[0]! + 3), transparency?.[s[0]!] ?? 255];
      case 4:
        return [to8(s[0]!), to8(s[0]!), to8(s[0]!), to8(s[1]!)];
      case 6:
        return s.map(to8);
    }
  }).flat();
}

test('a valid file of any kind gives its pixels', () => {
  fc.assert(
    fc.property(validFile, (file) => {
      const { width, height, data } = decodePng(pngFile(file), 'it');
      expect([width, height]).toEqual([file.width, file.height]);
      expect(Buffer.from(data).equals(Buffer.from(pixelsOf(file)))).toBe(true);
    }),
    { numRuns: 200, seed: 1 },
  );
});

test('a damaged file gives its pixels or one line', () => {
  let refused = 0;
  fc.assert(
    fc.property(
      validFile,
      fc.array(fc.tuple(fc.nat(100_000), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom('bytes', 'cut', 'both'),
      (file, changes, kept, how) => {
        const png = pngFile(file);
        const damaged = Buffer.from(png.subarray(0, how === 'bytes' ? png.length : Math.floor(kept * png.length)));
        if (how !== 'cut') for (const [at, change] of changes) damaged[at % damaged.length]! ^= change;
        try {
          const { width, height, data } = decodePng(damaged, 'it');
          expect([width, height]).toEqual([file.width, file.height]);
          expect(Buffer.from(data).equals(Buffer.from(pixelsOf(file)))).toBe(true);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          expect(error.message).toMatch(/^it (is not|is a damaged|has) [^\n\0]+; export it [^\n\0]+$/);
          refused++;
        }
      },
    ),
    { numRuns: 300, seed: 1 },
  );
  expect(refused).toBeGreaterThan(150);
});

test('no more is unpacked than the pixels need, and no profile or text', () => {
  const file: PngFile = {
    width: 16,
    height: 16,
    depth: 8,
    colourType: 6,
    interlaced: false,
    samples: Array.from({ length: 1024 }, (_, i) => i % 256),
    filters: [0],
    excess: 100_000_000,
    before: ['iCCP', 'zTXt'].map((type) =>
      chunk(type, Buffer.concat([Buffer.from('x\0\0', 'latin1'), deflateSync(Buffer.alloc(20_000_000))])),
    ),
  };
  const png = pngFile(file);
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  const { set } = Uint8Array.prototype;
  const watch = jest.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, ...args) {
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    return set.apply(this, args);
  });
  expect(Buffer.from(decodePng(png, 'it').data).equals(Buffer.from(pixelsOf(file)))).toBe(true);
  watch.mockRestore();
  expect(most).toBeLessThan(40_000_000);
});
