/** The engine in its worker in Chromium, on WebAssembly: the panel's whole job. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openBrowser, type BrowserUnderTest } from './chromium';
import type { PairRequest } from './in-worker';

const ROOT = join(__dirname, '../..');
const MODEL = readdirSync(join(ROOT, 'models')).find((name) => existsSync(join(ROOT, 'models', name, 'unet')))!;
const TINY_MODEL = 'test/fixtures/tiny-model';
/** All that a worker is handed; a file missing here is one the engine cannot ask for. */
const FILES = readdirSync(join(ROOT, TINY_MODEL), { recursive: true })
  .map(String)
  .filter((path) => /\.(json|txt|safetensors)$/.test(path));

const PICTURE = 'test/fixtures/pairs/bell-flat.png';
const PAIR: PairRequest = {
  before: PICTURE,
  after: 'test/fixtures/pairs/bell-line.png',
  prompt: 'a bell',
  style: 'line',
  contentSteps: 1,
  steps: 2,
  rank: 4,
};

jest.setTimeout(300_000);

let browser: BrowserUnderTest;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());
afterEach(() => expect(browser.takeErrors()).toEqual([]));

/**
 * A worker from a URL with threads and all files fetched, as the hosted plugin has it, with the model that ships; and one
 * from a Blob that fetches nothing, as the embedded plugin has it, where any model will do: the one that ships is in the
 * embedded plugin's own tests. `long` is how many steps a run takes that is cancelled, `soon` when that shows at the latest.
 */
describe.each([
  {
    name: 'hosted',
    setting: { script: 'url', wasmFile: 'ort-wasm-simd-threaded.jspi.wasm', model: `models/${MODEL}` },
    ...{ nativeSize: 256, bytes: 100_000, programs: 1e6, long: 40, soon: 10 },
  },
  {
    name: 'embedded',
    setting: { script: 'blob', wasmFile: 'ort-wasm-simd-threaded.wasm', model: TINY_MODEL, files: FILES },
    ...{ nativeSize: 32, bytes: 10_000, programs: 1e5, long: 400, soon: 100 },
  },
] as const)('$name', ({ name, setting, nativeSize, bytes, programs: programBytes, long, soon }) => {
  test('the model opens in the worker', async () => {
    const description = await browser.page.evaluate((s) => diptychPage.openInWorker(s), setting);
    expect(description).toMatchObject({ nativeSize, device: { kind: 'wasm' } });
    // The page is isolated, so there is shared memory.
    if (name === 'hosted') expect(description.device.threads).toBeGreaterThan(1);
  });

  test('a style is learned', async () => {
    const result = await browser.page.evaluate((pair) => diptychPage.learnInWorker(pair), PAIR);
    expect(result.steps).toBe(3);
    expect(result.phases).toEqual(['encode', 'learn']);
    expect(
      result.losses.map(({ content, style }) => [content, style].map((loss) => loss !== null && loss > 0)),
    ).toEqual([
      [true, false],
      [true, true],
      [true, true],
    ]);
    expect(result.bytes).toBeGreaterThan(bytes);
  });

  test('strength 0 gives the very pixels, strength 1 others under the same alpha', async () => {
    const at = (strength: number) =>
      browser.page.evaluate(([path, s]) => diptychPage.restyleInWorker(path, s), [PICTURE, strength] as const);
    const size = { width: 128, height: 128, length: 128 * 128 * 4 };
    expect(await at(0)).toEqual({ ...size, colours: 0, alphas: 0 });
    const full = await at(1);
    expect(full).toMatchObject({ ...size, alphas: 0 });
    expect(full.colours).toBeGreaterThan(0);
  });

  test('learning is cancelled midway, and hands over a checkpoint', async () => {
    const pair = { ...PAIR, steps: long };
    const cancelled = await browser.page.evaluate(([p, step]) => diptychPage.cancelLearning(p, step), [
      pair,
      2,
    ] as const);
    expect(cancelled.error).toBe('CancelledError');
    expect(cancelled.step).toBeLessThan(soon);
    expect(cancelled.checkpoint).toBeGreaterThan(bytes);
  });

  test('everything is given back', async () => {
    const { programs, tensors } = await browser.page.evaluate(() => diptychPage.memoryInWorker());
    expect(programs).toBeGreaterThan(programBytes);
    expect(tensors).toBeGreaterThan(0);
    const after = await browser.page.evaluate(() => diptychPage.disposeInWorker());
    expect(after).toMatchObject({ files: 0, programs: 0, tensors: 0 });
  });
});

test('a folder that is no model is refused with a line the user can read', async () => {
  const setting = { script: 'url', wasmFile: 'ort-wasm-simd-threaded.wasm', model: 'test/nothing', files: [] } as const;
  expect(await browser.page.evaluate((s) => diptychPage.refusalInWorker(s), setting)).toEqual({
    name: 'InputError',
    message: 'test/nothing holds no model_index.json; give the folder of a diffusers model',
  });
});

test('a worker that vanishes without an error is missed at once', async () => {
  expect(await browser.page.evaluate(() => diptychPage.vanishingWorker())).toBe(
    "DeviceError: the engine's worker ended without an error, as when memory is short; open it again",
  );
});

test('nothing was asked of any other host', async () => {
  expect(browser.strayed()).toEqual([]);
  // It would have been noticed.
  await browser.page.evaluate(() => diptychPage.strayFromWorker('http://elsewhere.invalid/x'));
  expect(browser.strayed()).toEqual(['GET http://elsewhere.invalid/x']);
});
