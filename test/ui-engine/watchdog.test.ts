/** Workers that hang or vanish, as real threads: no job stays pending, none is lost, and cancelling is answered. */
import { CancelledError, DeviceError } from '../../engine/errors';
import { Watchdog } from '../../engine/worker/watchdog';
import { workerAt } from '../../ui/engine/connection';
import { createPorts, type PortOptions } from '../../ui/engine/create';
import { memoryStore } from '../../ui/engine/models/store';
import { encodePng } from '../../ui/engine/pictures/png';
import { Pictures } from '../../ui/engine/pictures/pictures';
import { PictureService } from '../../ui/engine/pictures/service';
import type { LearnJob, PanelAssets, RestyleJob } from '../../ui/ports';
import { failure, workersOf } from './support';
import { workersAreThreads } from './thread-worker';

const PNG = encodePng({ width: 8, height: 8, data: new Uint8ClampedArray(256).fill(200) }, 'result');
const RESTYLE: RestyleJob = {
  ...{ picture: PNG, styles: [{ file: new Uint8Array(1), strength: 1 }], prompt: 'a', guide: 'style' as const },
  ...{ steps: 2, seed: 0 },
};
const LEARN: LearnJob = {
  ...{ before: PNG, after: PNG, prompt: 'apple', style: 'ink', steps: 4, contentSteps: 0 },
  ...{ rank: 4, learningRate: 0.1, seed: 0 },
};
const assets: PanelAssets = {
  build: 'embedded',
  workerUrl: async () => 'engine',
  pictureWorkerUrl: async () => 'pictures',
  wasm: async () => new Map(),
  embeddedModel: async () => ({ name: 'icons', files: new Map([['model_index.json', new Uint8Array(2)]]) }),
  pairModel: async () => ({ name: 'pairs', files: new Map() }),
};
/** Never too long in a test that waits for something else. */
const LONG = 60_000;

/** The engine's side with a thread for a worker; its script says what becomes of a job in which worker. */
function start(script: string, patience: PortOptions['patience']) {
  const threads = workersAreThreads(`
    const image = { width: 1, height: 1, data: new Uint8ClampedArray(4) };
    const description = { model: 'icons', fingerprint: 'f', nativeSize: 8, device: { kind: 'wasm', name: 'n', threads: 1, f16: false } };
    ${script}
    expose({
      open: () => description,
      restyle: (job, { prompt }) => (restyle(prompt), image),
      learn: (job, request, report) => learn(request, report),
      abort: () => undefined,
      memory: () => ({ files: 0, programs: nth, tensors: 0, peak: 0 }),
      dispose: () => ({ files: 0, programs: 0, tensors: 0, peak: 0 }),
    });
  `);
  const ports = createPorts(assets, {
    connectPictures: workersOf(() => new PictureService()).connect,
    openStore: async () => memoryStore(),
    ...(patience && { patience }),
  });
  return { ...ports, threads };
}

test.each([
  ['hangs in a call of the device', 'hang()', 2000],
  ['vanishes without an error event', 'vanish()', LONG],
])('an engine that %s is replaced, and its picture is made once more', async (_, does, silence) => {
  const { engine, threads } = start(`const restyle = () => nth === 0 && ${does};`, { silence, cancel: LONG });
  const notices: (string | null)[] = [];
  engine.notice.subscribe((notice) => void notices.push(notice));
  await engine.restyle(RESTYLE);
  expect(notices).toContain('The engine stopped and was started again. The picture is made once more.');
  expect(threads.ended).toEqual([0]);
});

test('one that hangs each time fails the job, and serves the next', async () => {
  const { engine } = start(`const restyle = (prompt) => prompt === 'a' && hang();`, { silence: 2000, cancel: LONG });
  const error = await failure(engine.restyle(RESTYLE));
  expect(error).toBeInstanceOf(DeviceError);
  expect(error.message).toMatch(/^the engine did not answer for \d+ seconds and was ended; try again$/);
  await engine.restyle({ ...RESTYLE, prompt: 'b' });
});

test('one that vanishes while nothing is asked of it is replaced in silence', async () => {
  const { engine, threads } = start(`const restyle = () => nth === 0 && setTimeout(vanish, 1);`, {
    ...{ silence: LONG, cancel: LONG },
  });
  await engine.restyle(RESTYLE);
  while (!threads.gone.has(0)) await new Promise((wake) => setTimeout(wake, 20));
  await engine.restyle(RESTYLE);
  expect(engine.notice.value).toBeNull();
  expect(threads.started).toHaveLength(2);
});

test('an answer that cannot be read is a breakdown', async () => {
  const { engine, threads } = start(`const restyle = () => nth === 0 && hang();`, { silence: LONG, cancel: LONG });
  await engine.open('embedded');
  const job = engine.restyle(RESTYLE);
  setTimeout(() => threads.started[0]!.dispatchEvent(new Event('messageerror')), 20);
  await job;
  expect(threads.ended).toEqual([0]);
});

test('a job that hangs is cancelled in time; those behind it are done by the next worker', async () => {
  const { engine, threads } = start(`const restyle = (prompt) => prompt === 'a' && hang();`, {
    ...{ silence: LONG, cancel: 100 },
  });
  await engine.open('embedded');
  const controller = new AbortController();
  const waiting = new AbortController();
  const hung = failure(engine.restyle(RESTYLE, { signal: controller.signal }));
  const left = failure(engine.restyle({ ...RESTYLE, prompt: 'c' }, { signal: waiting.signal }));
  const other = engine.restyle({ ...RESTYLE, prompt: 'b' });
  await new Promise((wake) => setTimeout(wake, 50));
  // A job that waits costs no worker.
  waiting.abort();
  expect(await left).toBeInstanceOf(CancelledError);
  expect(threads.ended).toEqual([]);
  controller.abort();
  expect(await hung).toBeInstanceOf(CancelledError);
  await other;
  expect(threads.ended).toEqual([0]);
  // The device is not to blame: it is not replaced by a slower one.
  expect(engine.notice.value).toBeNull();
});

test('a learn that hangs keeps its checkpoint when it is cancelled, and goes on from it in the next worker', async () => {
  const { engine } = start(
    `const learn = async ({ resume }, report) => {
      const from = resume ? resume[0] : 0;
      for (let n = from + 1; n <= 4; n++) {
        await report({ phase: 'learn', step: n, steps: 4, loss: { step: n, content: null, style: 1 }, checkpoint: Uint8Array.of(n) });
        if (nth === 0 && n === 2) hang();
      }
      return { style: Uint8Array.of(from), losses: [], steps: 4, seconds: 1 };
    };`,
    { silence: LONG, cancel: 100 },
  );
  const controller = new AbortController();
  let kept: Uint8Array | undefined;
  const onCheckpoint = (checkpoint: Uint8Array, step: number): void => {
    kept = checkpoint;
    if (step === 2) controller.abort();
  };
  expect(await failure(engine.learn(LEARN, { signal: controller.signal, onCheckpoint }))).toBeInstanceOf(
    CancelledError,
  );
  expect(kept).toEqual(Uint8Array.of(2));
  expect((await engine.learn({ ...LEARN, resume: kept! })).file).toEqual(Uint8Array.of(2));
});

test('an engine that hangs does not keep the panel from closing', async () => {
  const { engine, threads } = start(`const restyle = () => hang();`, { silence: LONG, cancel: 50 });
  await engine.open('embedded');
  const job = failure(engine.restyle(RESTYLE));
  await new Promise((wake) => setTimeout(wake, 50));
  await engine.dispose();
  expect((await job).message).toBe('the engine is used after it was disposed');
  expect(threads.ended).toEqual([0]);
});

describe('the picture worker', () => {
  const start = (script: string, silence: number) => {
    const threads = workersAreThreads(`
      const image = { width: 1, height: 1, data: new Uint8ClampedArray(4) };
      ${script}
      expose({ decode: (png, name) => (decode(name), image), encode: () => Uint8Array.of(nth) });
    `);
    return {
      pictures: new Pictures(
        workerAt(async () => 'it'),
        { silence, cancel: 50 },
      ),
      threads,
    };
  };

  test.each([
    ['hangs', 'hang()', 2000],
    ['vanishes', 'vanish()', LONG],
  ])('that %s fails the picture it is at, and the others are asked of the next', async (_, does, silence) => {
    const { pictures, threads } = start(`const decode = (name) => name === 'bad' && ${does};`, silence);
    const bad = failure(pictures.decode(PNG, 'bad'));
    const good = pictures.decode(PNG, 'good');
    expect(await bad).toBeInstanceOf(DeviceError);
    expect(await good).toMatchObject({ width: 1 });
    expect(threads.ended).toEqual([0]);
    await pictures.dispose();
  });

  test('is left at once by who cancels; if it hangs at that picture it is replaced', async () => {
    const { pictures, threads } = start(`const decode = (name) => name === 'bad' && hang();`, LONG);
    const controller = new AbortController();
    const bad = failure(pictures.decode(PNG, 'bad', controller.signal));
    const other = pictures.encode({ width: 1, height: 1, data: new Uint8ClampedArray(4) });
    await new Promise((wake) => setTimeout(wake, 50));
    controller.abort();
    expect(await bad).toBeInstanceOf(CancelledError);
    expect(threads.ended).toEqual([]);
    expect(await other).toEqual(Uint8Array.of(1));
    expect(threads.ended).toEqual([0]);
    await pictures.dispose();
  });

  test('that answers meanwhile stays', async () => {
    const { pictures, threads } = start(`const decode = () => undefined;`, LONG);
    const controller = new AbortController();
    const first = failure(pictures.decode(PNG, 'a', controller.signal));
    controller.abort();
    expect(await first).toBeInstanceOf(CancelledError);
    await pictures.decode(PNG, 'b');
    await new Promise((wake) => setTimeout(wake, 120));
    expect(threads.ended).toEqual([]);
    await pictures.dispose();
  });
});

describe('the watch', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('is reset by signs of life, and grows with the silences that ended', () => {
    let now = 0;
    const silent = jest.fn();
    const watchdog = new Watchdog(1000, silent, () => now);
    const pass = (ms: number): void => {
      for (let t = 0; t < ms; t += 10) {
        now += 10;
        jest.advanceTimersByTime(10);
      }
    };
    watchdog.start();
    for (let i = 0; i < 5; i++) {
      pass(900);
      watchdog.heard();
    }
    pass(17_000);
    expect(silent).not.toHaveBeenCalled();
    pass(2_000);
    expect(silent).toHaveBeenCalledTimes(1);
    pass(100_000);
    expect(silent).toHaveBeenCalledTimes(1);
  });

  test('time in which the machine sleeps is no silence', () => {
    let now = 0;
    const silent = jest.fn();
    const watchdog = new Watchdog(120_000, silent, () => now);
    watchdog.start();
    now += 8 * 3600_000;
    jest.advanceTimersByTime(5_000);
    expect(silent).not.toHaveBeenCalled();
    watchdog.stop();
  });
});
