/**
 * The engine on WebGPU in Chromium, with the CPU fallback forbidden: what an operation lacks there fails here. The GPU
 * is SwiftShader, which compiles shaders for the processor, so the nets are tiny and share one device.
 */
import { openBrowser, type BrowserUnderTest } from './chromium';
import type { LargeRun } from './large-model';
import type { DeviceRun } from './on-device';

// Compiling the kernels for the processor takes a busy machine minutes.
jest.setTimeout(600_000);

let browser: BrowserUnderTest;
beforeAll(async () => {
  browser = await openBrowser();
});
afterAll(() => browser.close());
afterEach(() => expect(browser.takeErrors()).toEqual([]));

/**
 * A step of learning through an SD net, the guided way back along an inverted path, and a forward pass of every other
 * kind of net. Each net more is kernels more to compile and run on the processor.
 */
const CASES = [
  'lora-gradients/joint',
  'train/decay-v',
  'inversion/two-styles',
  'unet/sdxl',
  'text/sd1',
  'vae/tiny-4',
  'vae/kl-sd',
];

/** A GPU's exponentials and roots are not exact to the last bit, and random nets amplify that. */
const GPU_TOLERANCE = 1e-3;

describe.each(CASES)('%s', (name) => {
  test.each(['webgpu', 'wasm'] as const)('agrees with the reference on %s', async (device) => {
    const dir = `test/goldens/cases/${name}`;
    const { errors, tolerance } = await browser.page.evaluate(([path, on]) => diptychPage.runCase(path, on), [
      dir,
      device,
    ] as const);
    expect(errors.length).toBeGreaterThan(0);
    const allowed = device === 'webgpu' ? GPU_TOLERANCE : tolerance;
    for (const { tensor, error } of errors)
      expect({ tensor, within: error <= allowed, error }).toMatchObject({ tensor, within: true });
  });
});

test('an operation that WebGPU lacks is refused, and not run on the CPU', async () => {
  expect(await browser.page.evaluate(() => diptychPage.compileForeign())).toMatch(
    /nodes that are assigned to the default CPU EP/,
  );
  browser.takeErrors();
});

test('a matrix in 8 bits is widened on the GPU, on the way there and back', async () => {
  const on = (device: 'webgpu' | 'wasm') => browser.page.evaluate((d) => diptychPage.eightBitLayer(d), device);
  const [gpu, wasm] = [await on('webgpu'), await on('wasm')];
  for (const name of ['y', 'dx'] as const) {
    expect(Math.max(...wasm[name].map(Math.abs))).toBeGreaterThan(1);
    wasm[name].forEach((value, i) => expect(Math.abs(gpu[name][i]! - value)).toBeLessThan(1e-4));
  }
});

describe('learning and restyling on the device', () => {
  const PAIR = ['test/fixtures/pairs/bell-flat.png', 'test/fixtures/pairs/bell-line.png'] as const;
  let gpu: DeviceRun;
  let wasm: DeviceRun;
  beforeAll(async () => {
    const on = (device: 'webgpu' | 'wasm'): Promise<DeviceRun> =>
      browser.page.evaluate(([d, b, a]) => diptychPage.learnAndRestyle(d, b, a), [device, ...PAIR] as const);
    gpu = await on('webgpu');
    wasm = await on('wasm');
  });

  test('both devices see the same losses', () => {
    expect(gpu.losses).toHaveLength(3);
    gpu.losses.forEach((point, i) => {
      for (const term of ['content', 'style'] as const) {
        const [a, b] = [point[term], wasm.losses[i]![term]];
        if (b === null) expect(a).toBeNull();
        else expect(Math.abs(a! - b) / b).toBeLessThan(1e-3);
      }
    });
  });

  test('both restyle alike, and strength 0 gives the very pixels', () => {
    expect(gpu.unstyled).toEqual(gpu.original);
    expect(gpu.restyled).not.toEqual(gpu.original);
    const far = gpu.restyled.filter((value, i) => Math.abs(value - wasm.restyled[i]!) > 2);
    expect(far).toHaveLength(0);
  });

  test('what is learned and sampled stays on the GPU between steps', () => {
    const training = gpu.runs.filter(({ outputs }) => Object.keys(outputs).some((name) => /style.*first/.test(name)));
    expect(training).toHaveLength(2);
    for (const { inputs, outputs } of training) {
      const state = Object.keys(outputs).filter((name) => /up|first|second/.test(name));
      expect(state).toHaveLength(6);
      for (const name of state) expect([name, outputs[name]]).toEqual([name, 'gpu-buffer']);
      const given = Object.keys(inputs).filter((name) => /up|first|second|down/.test(name));
      expect(given).toHaveLength(7);
      for (const name of given) expect([name, inputs[name]]).toEqual([name, 'gpu-buffer']);
    }
    const sampling = gpu.runs.filter(({ inputs }) => Object.keys(inputs).some((name) => /pathOutput/.test(name)));
    expect(sampling.length).toBeGreaterThan(2);
    for (const { inputs, outputs } of sampling) {
      for (const [name, place] of Object.entries(inputs))
        if (/path|deviation|up|down/.test(name)) expect([name, place]).toEqual([name, 'gpu-buffer']);
      expect(Object.values(outputs)).toEqual(['gpu-buffer']);
    }
  });

  test.each([
    ['webgpu', () => gpu],
    ['wasm', () => wasm],
  ] as const)('everything on %s is given back', (_, run) => {
    const [open, after] = run().memory;
    expect(open.tensors).toBeGreaterThan(0);
    expect(open.programs).toBeGreaterThan(0);
    expect(after).toMatchObject({ files: 0, programs: 0, tensors: 0 });
  });
});

describe('as large models are run', () => {
  test('two programs on one weight hold it once, and give it back', async () => {
    const { fileBytes, alive, results } = await browser.page.evaluate(() => diptychPage.twoPrograms());
    const [first, second, afterRuns, end] = alive;
    // No half floats here: they are held as f32.
    expect(first).toBeGreaterThanOrEqual(2 * fileBytes);
    expect(second - first).toBeLessThan(2 ** 16);
    expect(afterRuns - first).toBeLessThan(2 ** 16);
    expect(first - end).toBeGreaterThan(2 * fileBytes - 2 ** 16);
    expect(results).toEqual([2 ** 19, 2 ** 20]);
  });

  test('SDXL in 8 bits learns in parts and restyles with weights that programs share', async () => {
    const run = (device: 'webgpu' | 'wasm'): Promise<LargeRun> =>
      browser.page.evaluate((d) => {
        const pair = ['test/fixtures/pairs/bell-flat.png', 'test/fixtures/pairs/bell-line.png'] as const;
        return diptychPage.learnAsLarge(d, 'test/goldens/cases/pipeline/sdxl', pair);
      }, device);
    const [shared, wasm] = [await run('webgpu'), await run('wasm')];
    expect(shared.losses).toHaveLength(3);
    shared.losses.forEach((point, i) => {
      for (const term of ['content', 'style'] as const) {
        const [a, b] = [point[term], wasm.losses[i]![term]];
        if (b === null) expect(a).toBeNull();
        else expect(Math.abs(a! - b) / b).toBeLessThan(1e-3);
      }
    });
    expect(shared.restyled.filter((value, i) => Math.abs(value - wasm.restyled[i]!) > 2)).toHaveLength(0);
    const places = shared.weights.flat();
    expect(places.length).toBeGreaterThan(1000);
    expect(places.filter((place) => place !== 'gpu-buffer')).toHaveLength(0);
    expect(wasm.weights.flat()).toHaveLength(0);
    // Each weight at most once, and constants; in WebAssembly each program has its own.
    const [learned, closed] = shared.held;
    expect(learned).toBeLessThan(1.1 * shared.modelBytes);
    expect(wasm.held[0]).toBeGreaterThan(1.5 * learned);
    expect(closed).toBe(0);
  });
});
