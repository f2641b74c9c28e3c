/** The engine's jobs through breakdowns: what is tried again, from where, what the user is told, and what is given up. */
import { CancelledError, DeviceError, InputError, throwIfCancelled } from '../../engine/errors';
import type { Hooks, LearnRequest } from '../../engine/requests';
import { writePairStyle } from '../../engine/restyle/pair-style-file';
import type { ModelLocation, OpenRequest } from '../../engine/worker/protocol';
import { EngineService, type JobEngine } from '../../engine/worker/service';
import { createPorts, type PortOptions } from '../../ui/engine/create';
import { memoryStore } from '../../ui/engine/models/store';
import { encodePng } from '../../ui/engine/pictures/png';
import { PictureService } from '../../ui/engine/pictures/service';
import type { JobProgress, LearnJob, PanelAssets, RestyleJob } from '../../ui/ports';
import { failure, workersOf } from './support';

const assets: PanelAssets = {
  build: 'embedded',
  workerUrl: async () => 'engine',
  pictureWorkerUrl: async () => 'pictures',
  wasm: async () => new Map(),
  embeddedModel: async () => ({ name: 'icons', files: new Map([['model_index.json', new Uint8Array(2)]]) }),
  pairModel: async () => ({ name: 'pairs', files: new Map([['config.json', new Uint8Array(2)]]) }),
};

const PNG = encodePng({ width: 8, height: 8, data: new Uint8ClampedArray(256).fill(200) }, 'result');
const STEPS = 6;
const LEARN: LearnJob = {
  ...{ before: PNG, after: PNG, prompt: ' apple ', style: ' ink ', steps: STEPS, contentSteps: 0 },
  ...{ rank: 4, learningRate: 0.1, seed: 0 },
};
const RESTYLE: RestyleJob = {
  ...{ picture: PNG, styles: [{ file: new Uint8Array(1), strength: 1 }], prompt: 'a', guide: 'style' as const },
  ...{ steps: 2, seed: 0 },
};

/** What goes wrong in which worker; a step is the number of steps a job of it has done. */
interface Script {
  /** Called at each step of a job; what it throws or never resolves ends or hangs the job. */
  readonly atStep?: (worker: number, job: string, step: number, request: LearnRequest) => unknown;
  readonly atOpen?: (worker: number, request: OpenRequest) => unknown;
}

/** Engines that learn by counting; a checkpoint holds the count, and the style all counts. */
function start(script: Script = {}, options: PortOptions = {}) {
  const log: string[] = [];
  const engineOf =
    (worker: number) =>
    async (request: OpenRequest): Promise<JobEngine> => {
      const { device = 'auto', threads = 0 } = request.device ?? {};
      log.push(`${worker} open ${request.model.name} ${device}${threads || ''}`);
      await script.atOpen?.(worker, request);
      const step = async (job: string, n: number, learning: LearnRequest, hooks: Hooks): Promise<void> => {
        // Messages arrive between steps, as they do between the runs of a real engine.
        await turn();
        await script.atStep?.(worker, job, n, learning);
        await turn();
        throwIfCancelled(hooks.signal);
      };
      return {
        description: {
          ...{ model: request.model.name, fingerprint: `print of ${request.model.name}`, nativeSize: 8 },
          device: { kind: 'wasm', name: 'fake', threads: 1, f16: false },
        },
        async learn(learning, hooks = {}) {
          const from = learning.resume?.[0] ?? 0;
          log.push(`${worker} learn from ${from}`);
          const done = Array.from({ length: from }, (_, i) => i + 1);
          for (let n = from + 1; n <= STEPS; n++) {
            await step('learn', n, learning, hooks).catch((error: unknown) => {
              if (error instanceof CancelledError)
                hooks.onProgress?.({ phase: 'learn', step: n - 1, steps: STEPS, checkpoint: Uint8Array.of(n - 1) });
              throw error;
            });
            done.push(n);
            hooks.onProgress?.({
              ...{ phase: 'learn', step: n, steps: STEPS, loss: { step: n, content: null, style: 1 / n } },
              ...(n % 2 === 0 && { checkpoint: Uint8Array.of(n) }),
              ...(learning.sampleEvery &&
                n % learning.sampleEvery === 0 && { sample: structuredClone(learning.sampleImage!) }),
            });
          }
          return { style: Uint8Array.from(done), losses: [], steps: STEPS, seconds: 1 };
        },
        async restyle({ image, prompt }, hooks = {}) {
          log.push(`${worker} restyle ${prompt}`);
          await step(`restyle ${prompt}`, 1, {} as LearnRequest, hooks);
          return { ...image, data: image.data.map((value) => value - 1) };
        },
        imagine: async () => ({ width: 1, height: 1, data: new Uint8ClampedArray(4) }),
        describeStyle: async (name, file) => ({
          ...{ name: '', prompt: name, model: null, rank: 2, steps: 3 },
          coverage: { applied: 3, modules: file.length, notApplied: [{ reason: 'DoRA', count: file.length - 3 }] },
        }),
        memory: () => ({ files: 0, programs: 5, tensors: 0, peak: 5 }),
        dispose: async () => void log.push(`${worker} dispose ${request.model.name}`),
      };
    };
  const needsOf = (worker: number) => async (model: ModelLocation) => {
    log.push(`${worker} needs of ${model.kind} ${model.name}`);
    return { learn: 3, restyle: 2 };
  };
  const engines = workersOf((nth) => new EngineService(engineOf(nth), needsOf(nth)));
  const ports = createPorts(assets, {
    connectEngine: engines.connect,
    connectPictures: workersOf(() => new PictureService()).connect,
    openStore: async () => memoryStore(),
    ...options,
  });
  const statuses: string[] = [];
  ports.engine.status.subscribe(({ state }) => void statuses.push(state));
  return { ...ports, log, statuses, workers: engines.workers };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2));
const never = (): Promise<never> => new Promise(() => undefined);
const lost = (): never => {
  throw new DeviceError('the webgpu device was lost (test)');
};

test('nothing is started before it is needed; the first job opens the embedded model', async () => {
  const { engine, log, statuses, workers } = start();
  expect(workers).toHaveLength(0);
  expect(await engine.memory()).toMatchObject({ programs: 0 });
  const png = await engine.restyle(RESTYLE);
  expect(png.subarray(1, 4)).toEqual(Uint8Array.of(0x50, 0x4e, 0x47));
  expect(log).toEqual(['0 open icons auto', '0 restyle a']);
  expect(statuses).toEqual(['closed', 'opening', 'ready']);
  expect(await engine.memory()).toMatchObject({ programs: 5 });
  await engine.dispose();
  expect(workers[0]!.ended).toBe(true);
  expect(engine.status.value.state).toBe('closed');
});

test('styles that hold their pair are made and used on the model that reads pairs, and not blended with others', async () => {
  const { engine, log } = start();
  const kept = await engine.keep({ before: PNG, after: PNG, style: ' ink ' });
  expect(kept).toMatchObject({
    ...{ name: 'ink', kind: 'pair', rank: 0, steps: 0, file: Uint8Array.of(1, 2, 3, 4, 5, 6) },
    model: { name: 'pairs', fingerprint: 'print of pairs' },
  });
  const picture = { width: 8, height: 8, data: new Uint8ClampedArray(256).fill(9) };
  const info = { style: 'ink', modelFingerprint: 'f', baseModel: 'pairs' };
  const file = writePairStyle([{ before: picture, after: picture }], info);
  await engine.restyle({ ...RESTYLE, styles: [{ file, strength: 1 }] });
  const imported = await engine.inspectStyle('sign.safetensors', file);
  expect(imported.file).toBe(file);
  const blend = [{ file, strength: 1 }, ...RESTYLE.styles];
  await expect(engine.restyle({ ...RESTYLE, styles: blend })).rejects.toThrow(
    /cannot be blended: take one of them out/,
  );
  await engine.restyle(RESTYLE);
  // No prompt for pairs; the embedded model is not opened for them.
  expect(log).toEqual([
    ...['0 open pairs auto', '0 learn from 0', '0 restyle undefined'],
    ...['1 open icons auto', '1 restyle a'],
  ]);
});

test('what a model takes is asked of the worker, of the hub where it is not here, and opens nothing', async () => {
  const { engine, models, log } = start();
  expect(await engine.needs('hub:org/name')).toEqual({ learn: 3, restyle: 2 });
  const paths = ['model_index.json', 'scheduler/scheduler_config.json', 'tokenizer/vocab.json', 'tokenizer/merges.txt'];
  for (const net of ['unet', 'vae', 'text_encoder']) {
    paths.push(
      `${net}/config.json`,
      `${net}/${net === 'text_encoder' ? 'model' : 'diffusion_pytorch_model'}.safetensors`,
    );
  }
  const files = new Map(paths.map((path) => [path, new File(['{}'], path.split('/').at(-1)!)]));
  await engine.needs(models.useFolder('mine', files).name);
  await engine.restyle(RESTYLE);
  expect(log).toEqual([
    '0 needs of hub hub:org/name',
    '0 needs of files folder:mine',
    '0 open icons auto',
    '0 restyle a',
  ]);
});

test('a learned style has its facts, its samples as PNG, and its reports in order', async () => {
  const { engine } = start();
  const heard: JobProgress[] = [];
  const checkpoints: number[] = [];
  const style = await engine.learn(
    { ...LEARN, sample: { picture: PNG, every: 3 } },
    { onProgress: (progress) => heard.push(progress), onCheckpoint: (_, step) => checkpoints.push(step) },
  );
  expect(style).toMatchObject({
    ...{ name: 'ink', prompt: 'apple', model: { name: 'icons', fingerprint: 'print of icons' } },
    ...{ rank: 4, steps: STEPS, file: Uint8Array.of(1, 2, 3, 4, 5, 6) },
  });
  expect(heard.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(heard.map(({ sample }) => sample?.[1])).toEqual([undefined, undefined, 0x50, undefined, undefined, 0x50]);
  expect(checkpoints).toEqual([2, 4, 6]);
});

test('what the user chose goes to the engine: f16 files, a checkpoint now and then, and force', async () => {
  const requests: LearnRequest[] = [];
  const { engine } = start({ atStep: (_, __, ___, request) => void requests.push(request) });
  await engine.learn({ ...LEARN, force: true });
  expect(requests[0]).toMatchObject({ force: true, file: { dtype: 'F16' }, checkpointSeconds: 5, prompt: ' apple ' });
  await engine.learn(LEARN);
  expect(requests.at(-1)!.force).toBeUndefined();
});

describe('learning goes on from the last checkpoint', () => {
  test('when the worker dies', async () => {
    const { engine, log, workers } = start({
      atStep: (worker, _, step) => {
        if (worker > 0 || step < 6) return undefined;
        workers[0]!.fail('killed');
        return never();
      },
    });
    const notices: (string | null)[] = [];
    engine.notice.subscribe((notice) => void notices.push(notice));
    const steps: number[] = [];
    const { file } = await engine.learn(LEARN, { onProgress: ({ step }) => steps.push(step) });
    expect(file).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect(log).toEqual(['0 open icons auto', '0 learn from 0', '1 open icons auto', '1 learn from 4']);
    expect(steps).toEqual([1, 2, 3, 4, 5, 5, 6]);
    expect(notices).toEqual([null, 'The engine stopped and was started again. Learning goes on from step 4.', null]);
    expect(workers[0]!.ended).toBe(true);
  });

  test('as often as it breaks down, if it gets on in between', async () => {
    const { engine, log } = start({ atStep: (worker, _, step) => step === 2 * worker + 3 && lost() });
    await engine.learn({ ...LEARN });
    expect(log.filter((line) => line.includes('learn'))).toEqual([
      '0 learn from 0',
      '1 learn from 2',
      '2 learn from 4',
    ]);
  });

  test('but is given up when it does not', async () => {
    const { engine, log } = start({ atStep: (_, __, step) => step === 3 && lost() });
    expect(await failure(engine.learn(LEARN))).toMatchObject({ name: 'DeviceError', message: /was lost/ });
    expect(log.filter((line) => line.includes('learn'))).toEqual(['0 learn from 0', '1 learn from 2']);
    // The engine is started again all the same.
    await engine.restyle(RESTYLE);
    expect(log.at(-1)).toBe('2 restyle a');
  });

  test('and from the checkpoint it was given, if none came since', async () => {
    const { engine, log } = start({ atStep: (worker, _, step) => worker === 0 && step === 4 && lost() });
    await engine.learn({ ...LEARN, resume: Uint8Array.of(3) });
    expect(log.filter((line) => line.includes('learn'))).toEqual(['0 learn from 3', '1 learn from 3']);
  });
});

test('a cancelled run hands over its checkpoint before it rejects, and the engine stays', async () => {
  const controller = new AbortController();
  const { engine, workers } = start({ atStep: (_, __, step) => step === 4 && controller.abort() });
  const heard: unknown[] = [];
  const onCheckpoint = (checkpoint: Uint8Array, step: number): void => void heard.push([...checkpoint], step);
  const error = await failure(engine.learn(LEARN, { signal: controller.signal, onCheckpoint }));
  expect(error).toBeInstanceOf(CancelledError);
  expect(heard.at(-1)).toBeGreaterThanOrEqual(3);
  expect(heard.at(-2)).toEqual([heard.at(-1)]);
  expect(workers).toHaveLength(1);
});

describe('a restyle', () => {
  test('is made once more after a breakdown, and the user is told', async () => {
    const { engine, log } = start({ atStep: (worker) => worker === 0 && lost() });
    const notices: (string | null)[] = [];
    engine.notice.subscribe((notice) => void notices.push(notice));
    await engine.restyle(RESTYLE);
    expect(log.filter((line) => line.includes('restyle'))).toEqual(['0 restyle a', '1 restyle a']);
    expect(notices[1]).toBe('The engine stopped and was started again. The picture is made once more.');
    expect(notices.at(-1)).toBeNull();
  });

  test('that breaks the engine twice is given up, and takes no other job along', async () => {
    const { engine, log } = start({ atStep: (_, job) => job === 'restyle poison' && lost() });
    const jobs = ['poison', 'b', 'c'].map((prompt) => engine.restyle({ ...RESTYLE, prompt }));
    const [poison, ...others] = await Promise.allSettled(jobs);
    expect(poison).toMatchObject({ status: 'rejected', reason: { name: 'DeviceError' } });
    expect(others.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled']);
    expect(log.filter((line) => line.includes('poison'))).toHaveLength(2);
  });

  test('with a wrong file is refused without a restart', async () => {
    const { engine, workers } = start();
    const error = await failure(engine.restyle({ ...RESTYLE, picture: Uint8Array.of(1) }));
    expect(error).toBeInstanceOf(InputError);
    expect(workers).toHaveLength(0);
  });

  test('that is cancelled while the engine breaks down is not made again', async () => {
    const controller = new AbortController();
    const { engine, log, workers } = start({
      atStep: () => {
        controller.abort();
        workers[0]!.fail('killed');
        return never();
      },
    });
    expect(await failure(engine.restyle(RESTYLE, { signal: controller.signal }))).toBeInstanceOf(CancelledError);
    expect(log.filter((line) => line.includes('restyle'))).toHaveLength(1);
  });
});

describe('opening', () => {
  test('the same model again does nothing; another one gives the first back', async () => {
    const { engine, models, log } = start();
    models.useFolder('other', folder());
    await Promise.all([engine.open('embedded'), engine.open('embedded')]);
    expect(await engine.open('folder:other')).toMatchObject({ model: 'folder:other' });
    expect(log).toEqual(['0 open icons auto', '0 dispose icons', '0 open folder:other auto']);
  });

  test('a model that is not here says so, and the next one opens', async () => {
    const { engine } = start();
    const error = await failure(engine.open('hub:some/model'));
    expect(error).toBeInstanceOf(InputError);
    expect(engine.status.value).toEqual({ state: 'failed', model: 'hub:some/model', message: error.message });
    await engine.open('embedded');
    expect(engine.status.value).toMatchObject({ state: 'ready' });
  });

  test('falls back to one thread of WebAssembly where the best does not start, and says so', async () => {
    const { engine, log } = start({ atOpen: (worker) => worker === 0 && lost() });
    await engine.open('embedded');
    expect(log).toEqual(['0 open icons auto', '1 open icons wasm1']);
    expect(engine.notice.value).toBe('The faster way to compute did not start here. The slower one is used.');
  });

  test('a start that hangs is given up', async () => {
    const { engine, log, workers } = start({ atOpen: (worker) => worker === 0 && never() }, { openLimit: 50 });
    await engine.open('embedded');
    expect(log).toEqual(['0 open icons auto', '1 open icons wasm1']);
    expect(workers[0]!.ended).toBe(true);
  });

  test('that fails on every device leaves the status failed, and can be tried again', async () => {
    const { engine } = start({ atOpen: (worker) => worker < 2 && lost() });
    expect(await failure(engine.open('embedded'))).toBeInstanceOf(DeviceError);
    expect(engine.status.value).toMatchObject({ state: 'failed', message: /was lost/ });
    await engine.open('embedded');
    expect(engine.status.value).toMatchObject({ state: 'ready' });
  });

  test('cancelled, it rejects at once', async () => {
    const controller = new AbortController();
    const { engine } = start({ atOpen: (worker) => worker === 0 && never() }, { openLimit: 50 });
    const opening = failure(engine.open('embedded', controller.signal));
    controller.abort();
    expect(await opening).toBeInstanceOf(CancelledError);
  });
});

test('an engine that did some work before it broke down is started the same way again', async () => {
  const { engine, log } = start({ atStep: (worker, _, step) => worker === 0 && step === 3 && lost() });
  await engine.learn(LEARN);
  expect(log[2]).toBe('1 open icons auto');
  const second = start({ atStep: (worker, _, step) => worker === 0 && step === 1 && lost() });
  await second.engine.learn(LEARN);
  expect(second.log[2]).toBe('1 open icons wasm1');
});

test('a job runs on the model that was chosen when it was asked for', async () => {
  const { engine, models, log } = start();
  models.useFolder('other', folder());
  await engine.open('embedded');
  const first = engine.restyle({ ...RESTYLE, prompt: 'first' });
  await first;
  const opening = engine.open('folder:other');
  const second = engine.restyle({ ...RESTYLE, prompt: 'second' });
  await Promise.all([opening, second]);
  expect(log.slice(-2)).toEqual(['0 open folder:other auto', '0 restyle second']);
});

test('a style file is described by what it says and else by its file name', async () => {
  const { engine } = start();
  expect(await engine.inspectStyle('Ink.safetensors', new Uint8Array(4))).toEqual({
    ...{ name: 'Ink', prompt: 'Ink.safetensors', model: null, rank: 2, steps: 3, file: new Uint8Array(4) },
    note: '3 of 4 modules are applied; not applied: 1 DoRA',
  });
});

function folder(): Map<string, File> {
  const paths = ['model_index.json', 'scheduler/scheduler_config.json'].concat(
    ...['unet', 'vae', 'text_encoder'].map((net) => [`${net}/config.json`, `${net}/model.safetensors`]),
  );
  return new Map(paths.map((path) => [path, new File(['{}'], path.split('/').at(-1)!)]));
}

test('a pair is shown on an engine of its own, which does not wait for a style that is being learned', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const { engine, log } = start({ atStep: (_, job) => (job === 'learn' ? held : undefined) });
  const learning = engine.learn(LEARN);
  engine.prepareToShow();
  engine.prepareToShow();
  const png = await engine.showPair({ before: PNG, after: PNG, picture: PNG, side: 4 });
  expect(new DataView(png.buffer, png.byteOffset).getUint32(16)).toBe(4);
  const worker = log.find((line) => line.endsWith(' open pairs auto'))![0]!;
  expect(log).toContain(`${worker === '0' ? 1 : 0} open icons auto`);
  // The picture that warms the engine up, once, and the one that was asked for.
  expect(log.filter((line) => line.startsWith(`${worker} restyle`))).toHaveLength(2);
  release();
  await learning;
  await engine.dispose();
  expect(log).toEqual(expect.arrayContaining([expect.stringContaining('dispose icons'), `${worker} dispose pairs`]));
});
