/** Files made to cost time or memory, files of other kinds, and damaged ones: one line each, and the next is read. */
import childProcess from 'node:child_process';
import { getEventListeners } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { Decoder } from '../../../cli/decoding/decoder';
import { decodePicture } from '../../../cli/decoding/decode';
import { LIMITS } from '../../../cli/decoding/protocol';
import { loadImage } from '../../../cli/inputs/images';
import { CancelledError, InputError } from '../../../engine/errors';
import { IMAGE_LIMITS } from '../../../engine/image/image';
import { pixel } from '../../support/pictures';
import { desk, type Desk } from '../desk';

const FIXTURES = join(__dirname, '../../fixtures/pictures');
const fixture = (name: string): Buffer => readFileSync(join(FIXTURES, name));

/** Minutes of work for a filter, in 300 bytes. */
const TURBULENCE = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg" width="8000" height="8000"><filter id="f"><feTurbulence baseFrequency="0.05" numOctaves="1000000"/></filter><rect width="8000" height="8000" filter="url(#f)"/></svg>',
);

let d: Desk;
beforeEach(() => (d = desk()));
afterEach(() => d.close());

describe('a picture that costs too much', () => {
  test('time: refused, and the next one is read', async () => {
    const decoder = new Decoder({ ...LIMITS, time: 300, timePerMegapixel: 0 });
    const next = decoder.decode(fixture('png-rgb16-none.png'), 'next.png');
    await expect(decoder.decode(TURBULENCE, 'a.svg')).rejects.toThrow(
      new InputError('a.svg: takes too much time to decode; give a simpler or smaller file, or export it as PNG'),
    );
    expect((await next).width).toBe(24);
    expect((await decoder.decode(fixture('png-rgb16-none.png'), 'next.png')).width).toBe(24);
    decoder.end();
  });

  test('memory: refused', async () => {
    const decoder = new Decoder({ ...LIMITS, memory: 1e7 });
    await expect(decoder.decode(TURBULENCE, 'a.svg')).rejects.toThrow('a.svg: takes too much memory to decode; give');
    decoder.end();
  });

  test('can be cancelled at any moment', async () => {
    const decoder = new Decoder();
    const controller = new AbortController();
    const decoding = decoder.decode(TURBULENCE, 'a.svg', controller.signal);
    setTimeout(() => controller.abort(), 300);
    await expect(decoding).rejects.toThrow(CancelledError);
    await expect(decoder.check(TURBULENCE, 'a.svg', controller.signal)).rejects.toThrow(CancelledError);
    decoder.end();
  });

  test('a process that ends by itself costs one picture', async () => {
    const decoder = new Decoder();
    const decoding = decoder.decode(TURBULENCE, 'a.svg');
    const failing = expect(decoding).rejects.toThrow('a.svg: the decoder broke down on this file; give');
    setTimeout(() => decoder.end(), 300);
    await failing;
    expect((await decoder.decode(fixture('png-rgb16-none.png'), 'next.png')).width).toBe(24);
    decoder.end();
  });
});

test('many pictures are read by one process, which keeps nothing of those that were', async () => {
  const fork = jest.spyOn(childProcess, 'fork');
  const decoder = new Decoder();
  const { signal } = new AbortController();
  for (let i = 0; i < 3; i++) await decoder.check(fixture('png-rgb16-none.png'), 'a.png', signal);
  const child = fork.mock.results[0]!.value as childProcess.ChildProcess;
  expect([fork.mock.calls.length, child.killed]).toEqual([1, false]);
  // The one that is left notices its end.
  expect(['message', 'error', 'exit'].map((event) => child.listenerCount(event))).toEqual([0, 0, 1]);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  decoder.end();
  expect(child.killed).toBe(true);
  fork.mockRestore();
});

test('a process that hangs is ended in time, and the end of an earlier one does not count as that of the next', async () => {
  const fork = jest.spyOn(childProcess, 'fork');
  const decoder = new Decoder();
  const read = (): Promise<void> => decoder.check(fixture('png-rgb16-none.png'), 'a.png');
  await read();
  (fork.mock.results[0]!.value as childProcess.ChildProcess).kill('SIGSTOP');
  const real = ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'setInterval'] as const;
  jest.useFakeTimers({ doNotFake: [...real] });
  let over = '';
  const hung = read().catch((error: Error) => (over = error.message));
  await new Promise((resolve) => setImmediate(resolve));
  // The time to start, and four times what the largest picture may take.
  const longest = 20_000 + 4 * (LIMITS.time + (LIMITS.timePerMegapixel * IMAGE_LIMITS.maxSide ** 2) / 1e6);
  jest.advanceTimersByTime(longest - 1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(over).toBe('');
  jest.advanceTimersByTime(1);
  jest.useRealTimers();
  await hung;
  expect(over).toMatch(/^a\.png: takes too much time to decode; give/);
  await read();
  await read();
  expect(fork.mock.calls.length).toBe(2);
  decoder.end();
  fork.mockRestore();
});

test.each<[string, Buffer | string, RegExp]>([
  [
    'a HEIC picture under another name',
    fixture('renamed-heic.jpg'),
    /: is a HEIC picture, which cannot be read; convert it to PNG or JPEG$/,
  ],
  [
    'a Git LFS pointer',
    'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n',
    /: is a Git LFS pointer, not the picture itself; fetch the picture with: git lfs pull$/,
  ],
  ['an empty file', '', /: is empty; export it again$/],
  ['a web page', '<!DOCTYPE html>\n<html><body><svg width="9"/></body></html>', /: is a web page, not a picture; /],
  ['a Photoshop document', '8BPS\0\x01', /: is a Photoshop document, which cannot be read; convert/],
  ['JPEG XL', '\xff\x0a\xfa\x1f', /: is a JPEG XL picture, which cannot be read; convert/],
  ['a video', '\0\0\0\x18ftypmp42\0\0\0\0mp42isom', /: is a video or a raw photo, which cannot be read; convert/],
  ['text', 'hello', /: cannot be read as an image \([^\n]+\); give a PNG[^\n]+$/],
])('%s is named', async (_, content, message) => {
  writeFileSync(d.at('x.png'), typeof content === 'string' ? Buffer.from(content, 'latin1') : content);
  await expect(loadImage(d.at('x.png'))).rejects.toThrow(message);
});

test.each([
  ['a folder', () => d.folder, /: is a folder; give the picture files in it$/],
  ['a device', () => '/dev/zero', /: is a device; give a file$/],
])('%s is no picture', async (_, path, message) => {
  await expect(loadImage(path())).rejects.toThrow(message);
});

describe('vector drawings', () => {
  const body =
    '<svg xmlns="http://www.w3.org/2000/svg" width="24" height="12"><rect width="12" height="12" fill="#123456"/></svg>';
  const bigEndian = Buffer.from(`\ufeff${body}`, 'utf16le').swap16();
  test.each<[string, Buffer]>([
    ['UTF-8', Buffer.from(body)],
    ['UTF-16', Buffer.from(`\ufeff<?xml version="1.0" encoding="UTF-16"?>${body}`, 'utf16le')],
    ['UTF-16, big end first', bigEndian],
    ['UTF-16 without a mark', Buffer.from(body, 'utf16le')],
    ['Latin 1', Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?><!-- caf\xe9 -->${body}`, 'latin1')],
    [
      'with a namespace prefix',
      Buffer.from(body.replaceAll('<', '<s:').replaceAll('<s:/', '</s:').replace('xmlns=', 'xmlns:s=')),
    ],
    ['after a long comment', Buffer.from(`<?xml version="1.0"?><!--${'x'.repeat(3000)}-->${body}`)],
    ['compressed', gzipSync(body)],
  ])('%s', async (_, file) => {
    const picture = await decodePicture(file, 'x.svg');
    expect([picture.width, picture.height]).toEqual([512, 256]);
    expect(pixel(picture, 100, 100)).toEqual([0x12, 0x34, 0x56, 255]);
    expect(pixel(picture, 400, 100)[3]).toBe(0);
  });

  test('the file of the report', async () => {
    expect(await decodePicture(fixture('utf16.svg'), 'utf16.svg')).toMatchObject({ height: 512 });
  });
});

test('damaged files of every format are refused in one line or read at the size they have', async () => {
  const names = [
    'png-rgba16-adobe-i.png',
    'png-pal4-adobe-t-i.png',
    'tif-rgb16-adobe-be.tif',
    'tif-rgbplanar16-srgb.tif',
    'jpg-grey8-grey22.jpg',
    'webp-animated.webp',
    'gif-transparent.gif',
    'avif-rgb8-srgb.avif',
  ];
  const files = names.map(fixture);
  await fc.assert(
    fc.asyncProperty(
      fc.nat(files.length - 1),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.array(fc.tuple(fc.nat(100_000), fc.nat(255)), { maxLength: 4 }),
      async (which, kept, changes) => {
        const file = Buffer.from(files[which]!.subarray(0, Math.ceil(kept * files[which]!.length)));
        for (const [at, value] of changes) file[at % file.length] = value;
        try {
          const { width, height, data } = await decodePicture(file, names[which]!);
          expect(data.length).toBe(4 * width * height);
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect((error as Error).message).toMatch(new RegExp(`^${names[which]}[^\n\0]+$`));
        }
      },
    ),
    { numRuns: 200, seed: 1 },
  );
});

test('a PNG whose profile is damaged, or hidden by a damaged type, is refused', async () => {
  for (const [at, value] of [
    [30, 0xff],
    [0, 'j'.charCodeAt(0)],
  ] as const) {
    const png = Buffer.from(fixture('png-rgba16-adobe-i.png'));
    png[png.indexOf('iCCP') + at] = value;
    await expect(decodePicture(png, 'x.png')).rejects.toThrow(/^x\.png: is a damaged PNG file \(the checksum of .CCP/);
  }
});

test('a JPEG whose data end early is refused', async () => {
  const noise = { type: 'gaussian', mean: 128, sigma: 50 } as const;
  const whole = await sharp({ create: { width: 200, height: 200, channels: 3, background: 'red', noise } })
    .jpeg()
    .toBuffer();
  await expect(decodePicture(whole, 'x.jpg')).resolves.toMatchObject({ width: 200 });
  const end = whole.subarray(-2);
  const early = Buffer.concat([whole.subarray(0, whole.length >> 1), end]);
  await expect(decodePicture(early, 'x.jpg')).rejects.toThrow(/^x\.jpg: cannot be read as an image \(VipsJpeg: /);
});
