/** From a picture to the net's canvas and back onto the picture. */
import fc from 'fast-check';
import { InputError } from '../../engine/errors';
import {
  chooseMatte,
  compositeAt,
  drawOnCanvas,
  fitCanvas,
  hasTransparency,
  liftFromCanvas,
  requireImageSize,
  tensorToImage,
} from '../../engine/image/canvas';
import { addDifference, composeRestyled, LEAST_ALPHA } from '../../engine/restyle/compose';
import type { Image } from '../../engine/image/image';
import { planes, resize } from '../../engine/image/resample';
import { guidedUpsampler, plainUpsampler } from '../../engine/image/upsample';
import { Random } from '../../engine/tensor/random';
import { f32 } from '../../engine/tensor/tensor';
import { disc, fixture, paint, pixel } from '../support/pictures';

const WHITE = [255, 255, 255] as const;

describe('size limits', () => {
  test.each([
    [1, 1, 'x.png is 1 x 1 px; use an image of at least 8 px a side'],
    [9000, 4000, 'x.png is 9000 x 4000 px; scale it down to at most 8192 px a side'],
    [900, 40, 'x.png is 900 x 40 px; crop it so that the long side is at most 8 times the short one'],
  ])('%i x %i is refused in one line', (width, height, line) => {
    expect(() => requireImageSize(width, height, 'x.png')).toThrow(new InputError(line));
  });

  test('the limits themselves are fine', () => {
    requireImageSize(8, 8, 'x');
    requireImageSize(8192, 1024, 'x');
  });
});

describe('the canvas', () => {
  test('holds every legal picture: long side as asked, multiples, at most size² px, centred', () => {
    const side = fc.integer({ min: 8, max: 8192 });
    fc.assert(
      fc.property(
        side,
        side,
        fc.constantFrom([128, 16], [128, 32], [256, 32], [512, 64]),
        (width, height, [size, multiple]) => {
          fc.pre(Math.max(width, height) <= 8 * Math.min(width, height));
          const canvas = fitCanvas(width, height, size!, multiple!);
          expect(canvas.width % multiple!).toBe(0);
          expect(canvas.height % multiple!).toBe(0);
          expect(canvas.width * canvas.height).toBeLessThanOrEqual(size! ** 2);
          expect(Math.max(canvas.contentWidth, canvas.contentHeight)).toBe(size);
          expect(Math.abs(canvas.width - canvas.contentWidth - 2 * canvas.x)).toBeLessThanOrEqual(1);
          expect(Math.abs(canvas.height - canvas.contentHeight - 2 * canvas.y)).toBeLessThanOrEqual(1);
          expect(canvas.width - canvas.contentWidth).toBeLessThan(multiple!);
          // The picture keeps its proportions to within half a pixel.
          const scale = size! / Math.max(width, height);
          expect(Math.abs(canvas.contentWidth - width * scale)).toBeLessThanOrEqual(0.5);
          expect(Math.abs(canvas.contentHeight - height * scale)).toBeLessThanOrEqual(0.5);
        },
      ),
    );
  });

  test('a size that is no multiple is a defect of the caller', () => {
    expect(() => fitCanvas(10, 10, 100, 32)).toThrow(RangeError);
  });

  test('an opaque picture is surrounded by its own border, a transparent one by the background', () => {
    const canvas = fitCanvas(40, 10, 64, 32);
    expect(canvas).toEqual({ width: 64, height: 32, x: 0, y: 8, contentWidth: 64, contentHeight: 16 });
    const opaque = paint(40, 10, () => [255, 0, 0, 255]);
    const at = (data: Float32Array, c: number, y: number, x: number) => Number(data[(c * 32 + y) * 64 + x]!.toFixed(5));
    const drawn = drawOnCanvas(opaque, canvas, WHITE);
    expect(drawn.shape).toEqual([1, 3, 32, 64]);
    expect([0, 1, 2].map((c) => at(drawn.data, c, 0, 5))).toEqual([1, -1, -1]);
    const clear = paint(40, 10, (_, y) => [255, 0, 0, y === 0 ? 254 : 255]);
    const padded = drawOnCanvas(clear, canvas, WHITE);
    expect([0, 1, 2].map((c) => at(padded.data, c, 0, 5))).toEqual([1, 1, 1]);
    expect([0, 1, 2].map((c) => at(padded.data, c, 16, 5))).toEqual([1, -1, -1]);
  });

  test('an opaque picture of the canvas size survives the round trip byte for byte', () => {
    const random = new Random(5);
    const picture = paint(32, 32, () => [random.integer(256), random.integer(256), random.integer(256), 255]);
    const drawn = drawOnCanvas(picture, fitCanvas(32, 32, 32, 16), [0, 0, 0]);
    expect(tensorToImage(drawn).data).toEqual(picture.data);
  });

  test('half transparent red over blue is half of each', () => {
    const { data } = compositeAt(
      paint(8, 8, () => [255, 0, 0, 51]),
      [0, 0, 255],
      8,
      8,
    );
    expect(data[0]).toBeCloseTo(0.2, 5);
    expect(data[64]).toBeCloseTo(0, 5);
    expect(data[128]).toBeCloseTo(0.8, 5);
  });

  test('colour hidden under alpha 0 does not leak when a picture shrinks', () => {
    const picture = paint(64, 64, (x) => (x < 32 ? [0, 255, 0, 0] : [255, 0, 0, 255]));
    const { data } = compositeAt(picture, WHITE, 8, 8);
    // Over white only red and white exist, so green never exceeds red.
    for (let i = 0; i < 64; i++) expect(data[i]!).toBeGreaterThanOrEqual(data[64 + i]! - 1e-6);
  });

  test('lifting clips to the range of pictures', () => {
    const canvas = fitCanvas(16, 16, 16, 16);
    const { data } = liftFromCanvas(f32(new Float32Array(768).fill(1.4), [1, 3, 16, 16]), canvas);
    expect(Math.max(...data)).toBe(1);
    expect(() => liftFromCanvas(f32(new Float32Array(48), [1, 3, 4, 4]), canvas)).toThrow(RangeError);
  });
});

describe('the background', () => {
  const shape = (r: number, g: number, b: number): Image =>
    paint(40, 40, (x, y) => [r, g, b, 255 * disc(x, y, 20, 20, 12)]);

  test('is white for what shows on white, and for opaque pictures', async () => {
    expect(chooseMatte([shape(20, 90, 200)])).toEqual(WHITE);
    expect(chooseMatte([await fixture('bell-flat'), await fixture('bell-line')])).toEqual(WHITE);
    expect(chooseMatte([paint(10, 10, () => [250, 250, 250, 255])])).toEqual(WHITE);
  });

  test('is a grey for what would vanish on white, one for both pictures', () => {
    const grey = chooseMatte([shape(252, 252, 252)]);
    expect(grey[0]).toBeLessThan(160);
    expect(chooseMatte([shape(0, 0, 0), shape(252, 252, 252)])).toEqual([128, 128, 128]);
    // Mid grey on white shows, mid grey on mid grey would not.
    expect(chooseMatte([shape(252, 252, 252), shape(128, 128, 128)])).toEqual([48, 48, 48]);
  });
});

describe('composition', () => {
  const canvasOf = (picture: Image) => fitCanvas(picture.width, picture.height, 64, 16);
  const noise = (seed: number, size: number, scale: number) => new Random(seed).normals(size).map((v) => v * scale);

  test.each(['bell-flat', 'umbrella-gradient', 'teddy-bear-line'])(
    'no difference gives %s byte for byte',
    async (name) => {
      const picture = await fixture(name);
      const canvas = canvasOf(picture);
      const decoded = f32(noise(1, 3 * canvas.width * canvas.height, 0.5), [1, 3, canvas.height, canvas.width]);
      const out = composeRestyled({
        ...{ picture, canvas, matte: WHITE, backgroundExtent: null },
        ...{ styled: decoded, original: decoded },
      });
      expect(out.data).toEqual(picture.data);
    },
  );

  test('float noise far below half a grey level changes nothing, at any size', () => {
    const random = new Random(2);
    for (const size of [24, 64, 150]) {
      const picture = paint(size, size, () => [
        random.integer(256),
        random.integer(256),
        random.integer(256),
        random.integer(256),
      ]);
      const guide = compositeAt(picture, WHITE, 64, 64);
      const out = addDifference(picture, WHITE, planes(3, 64, 64, noise(3, 3 * 64 * 64, 1e-5)), guide);
      expect(out.data).toEqual(picture.data);
    }
  });

  test('the change grows smoothly with the difference', async () => {
    const picture = await fixture('bell-flat');
    const [b, a] = [compositeAt(picture, WHITE, 64, 64), compositeAt(await fixture('bell-line'), WHITE, 64, 64)];
    let last = 0;
    for (const strength of [0, 0.02, 0.1, 0.3, 0.6, 1]) {
      const difference = planes(
        3,
        64,
        64,
        a.data.map((v, i) => strength * (v - b.data[i]!)),
      );
      const out = addDifference(picture, WHITE, difference, b);
      const change = out.data.reduce((sum, v, i) => sum + Math.abs(v - picture.data[i]!), 0) / out.data.length;
      if (strength === 0) expect(change).toBe(0);
      else expect(change).toBeGreaterThan(last);
      expect(change).toBeLessThan(60 * strength + 0.01);
      last = change;
    }
  });

  test('alpha stays, fully transparent bytes stay, partial alpha gets the difference undone by alpha', () => {
    const picture = paint(64, 64, (x) => [100, 100, 100, [0, 5, 64, 255][Math.floor(x / 16)]!]);
    const out = addDifference(
      picture,
      WHITE,
      planes(3, 64, 64, new Float32Array(3 * 4096).fill(0.05)),
      planes(3, 64, 64),
    );
    expect(pixel(out, 3, 9)).toEqual([100, 100, 100, 0]);
    // 0.05 * 255 / LEAST_ALPHA: held there, though 5 / 255 is less.
    expect(LEAST_ALPHA).toBeGreaterThan(5 / 255);
    expect(pixel(out, 20, 9)).toEqual([255, 255, 255, 5]);
    const quarter = 100 + (0.05 * 255) / (64 / 255);
    expect(pixel(out, 40, 9)).toEqual([Math.round(quarter), Math.round(quarter), Math.round(quarter), 64]);
    expect(pixel(out, 60, 9)).toEqual([113, 113, 113, 255]);
  });

  test('the wanted composite comes out where alpha allows it', async () => {
    // before and after share their alpha; with the true difference the result must be the after image.
    const before = await fixture('bell-flat');
    const after = paint(128, 128, (x, y) => {
      const [r, g, b, a] = pixel(before, x, y) as [number, number, number, number];
      return [b, 255 - r, g, a];
    });
    const [b, a] = [compositeAt(before, WHITE, 128, 128), compositeAt(after, WHITE, 128, 128)];
    const out = addDifference(
      before,
      WHITE,
      planes(
        3,
        128,
        128,
        a.data.map((v, i) => v - b.data[i]!),
      ),
      b,
    );
    for (let i = 0; i < out.data.length; i += 4) {
      if (out.data[i + 3]! < 255 * LEAST_ALPHA) continue;
      for (let c = 0; c < 3; c++) expect(Math.abs(out.data[i + c]! - after.data[i + c]!)).toBeLessThanOrEqual(1);
    }
  });

  test('pictures smaller than the canvas take the difference shrunk', () => {
    const picture = paint(16, 16, () => [100, 100, 100, 255]);
    const difference = planes(
      3,
      64,
      64,
      Float32Array.from({ length: 3 * 4096 }, (_, i) => (i % 64 < 32 ? 0 : 0.2)),
    );
    const out = addDifference(picture, WHITE, difference, planes(3, 64, 64));
    expect(pixel(out, 7, 4)).toEqual([100, 100, 100, 255]);
    expect(pixel(out, 8, 4)).toEqual([151, 151, 151, 255]);
  });
});

describe('guided upsampling', () => {
  const FULL = 256;
  const SMALL = 64;
  const flag = (radius: number): Image =>
    paint(FULL, FULL, (x, y) => {
      const inside = disc(x, y, 128, 128, radius);
      return [40 + 180 * inside, 90 - 50 * inside, 200 - 150 * inside, 255];
    });
  const enlarge = (upsampler: ReturnType<typeof plainUpsampler>, picture: Image): Float32Array => {
    const out = new Float32Array(3 * FULL * FULL);
    const guide = compositeAt(picture, WHITE, FULL, FULL);
    for (let y = 0; y < FULL; y++) {
      const row = Float32Array.from(
        { length: 3 * FULL },
        (_, i) => guide.data[(Math.floor(i / FULL) * FULL + y) * FULL + (i % FULL)]!,
      );
      const line = new Float32Array(3 * FULL);
      upsampler.row(y, row, line);
      for (let c = 0; c < 3; c++) out.set(line.subarray(c * FULL, (c + 1) * FULL), (c * FULL + y) * FULL);
    }
    return out;
  };
  const error = (values: Float32Array, truth: Float32Array) =>
    values.reduce((sum, v, i) => sum + Math.abs(v - truth[i]!), 0) / values.length;

  test('keeps an edge that the change shares with the picture, where bicubic blurs it', () => {
    const picture = flag(70);
    const guide = compositeAt(picture, WHITE, FULL, FULL);
    // Disc and background each take another colour.
    const truth = guide.data.map((v, i) => (i < FULL * FULL ? 0.5 - v : 0.3 * v));
    const small = compositeAt(picture, WHITE, SMALL, SMALL);
    const difference = resize(planes(3, FULL, FULL, truth), SMALL, SMALL);
    const guided = error(enlarge(guidedUpsampler(difference, small, FULL, FULL), picture), truth);
    const plain = error(enlarge(plainUpsampler(difference, FULL, FULL), picture), truth);
    expect(guided).toBeLessThan(plain / 4);
  });

  test('keeps a change that the picture knows nothing of as well as bicubic does', () => {
    const picture = paint(FULL, FULL, () => [120, 120, 120, 255]);
    const truth = new Float32Array(3 * FULL * FULL);
    for (let y = 0; y < FULL; y++)
      for (let x = 0; x < FULL; x++) truth.fill(0.4 * disc(x, y, 90, 100, 20), y * FULL + x, y * FULL + x + 1);
    const difference = resize(planes(3, FULL, FULL, truth), SMALL, SMALL);
    const guided = error(
      enlarge(guidedUpsampler(difference, compositeAt(picture, WHITE, SMALL, SMALL), FULL, FULL), picture),
      truth,
    );
    const plain = error(enlarge(plainUpsampler(difference, FULL, FULL), picture), truth);
    expect(guided).toBeLessThan(1.1 * plain);
  });
});

test('hasTransparency sees a single pixel', () => {
  expect(hasTransparency(paint(9, 9, () => [1, 2, 3, 255]))).toBe(false);
  expect(hasTransparency(paint(9, 9, (x, y) => [1, 2, 3, x + y === 16 ? 254 : 255]))).toBe(true);
});
