/** The worker's service and its client over a message channel: order, cancelling, errors, progress, disposing. */
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/umd/node-adapter';
import { CancelledError, DeviceError, InputError, throwIfCancelled } from '../../engine/errors';
import type { Image } from '../../engine/image/image';
import type { Hooks, LearnRequest, Progress, RestyleRequest } from '../../engine/requests';
import { EngineClient, type Patience } from '../../engine/worker/client';
import type { OpenRequest } from '../../engine/worker/protocol';
import { EngineService, type JobEngine } from '../../engine/worker/service';

const noNeeds = async (): Promise<never> => {
  throw new Error('not asked for here');
};
const WHOLE = { applied: 2, modules: 2, notApplied: [] };

const picture = (...bytes: number[]): Image => ({ width: 1, height: 1, data: Uint8ClampedArray.of(...bytes) });
const PICTURE = picture(1, 2, 3, 4);
const LEARN: LearnRequest = { before: PICTURE, after: picture(5, 6, 7, 8), prompt: 'apple', style: 'line' };
const restyling = (prompt: string): RestyleRequest => ({ image: PICTURE, styles: [], prompt });
const OPEN: OpenRequest = { model: { kind: 'hub', name: 'fake' }, wasm: new Map() };

/** Engines whose jobs go on only when the test says so. */
function fakeEngines() {
  const log: string[] = [];
  const steps: (() => void)[] = [];
  /** Ends a step; a cancelled job notices then, as the engine's do. */
  const step = (hooks: Hooks): Promise<void> =>
    new Promise((resolve, reject) => {
      steps.push(() => {
        try {
          throwIfCancelled(hooks.signal);
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
  const open = async ({ model }: OpenRequest): Promise<JobEngine> => {
    if (model.name === 'bad') throw new InputError('bad holds no model_index.json; give another');
    log.push(`open ${model.name}`);
    return {
      description: {
        model: model.name,
        fingerprint: 'f',
        nativeSize: 32,
        device: { kind: 'wasm', name: 'fake', threads: 1, f16: false },
      },
      async learn(request, hooks = {}) {
        log.push(`learn ${request.style}`);
        try {
          await step(hooks);
        } catch (error) {
          hooks.onProgress?.({ phase: 'learn', step: 1, steps: 2, checkpoint: Uint8Array.of(7, 7) });
          throw error;
        }
        hooks.onProgress?.({ phase: 'learn', step: 2, steps: 2, sample: picture(9, 9, 9, 9) });
        return { style: Uint8Array.of(1, 2, 3), losses: [], steps: 2, seconds: 0 };
      },
      async restyle({ prompt, image }, hooks = {}) {
        log.push(`restyle ${prompt}`);
        if (prompt === 'lost') throw new DeviceError('the GPU was lost');
        if (prompt === 'defect') throw new TypeError('x is not a function');
        await step(hooks);
        return { ...image, data: image.data.map((value) => value + 1) };
      },
      imagine: async () => picture(0, 0, 0, 0),
      describeStyle: async (name) => ({ name, prompt: '', model: null, rank: 4, steps: 0, coverage: WHOLE }),
      memory: () => ({ files: 1, programs: 2, tensors: 3, peak: 6 }),
      async dispose() {
        log.push(`dispose ${model.name}`);
      },
    };
  };
  /** Lets the job under way end its step, once it has one. */
  const advance = async (): Promise<void> => {
    while (steps.length === 0) await turn();
    steps.shift()!();
  };
  return { open, log, advance };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));

const ports: MessagePort[] = [];
afterEach(() => {
  for (const port of ports.splice(0)) port.close();
});

async function connected(patience?: Patience) {
  const engines = fakeEngines();
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  Comlink.expose(new EngineService(engines.open, noNeeds), nodeEndpoint(port1));
  let ended = false;
  const client = new EngineClient(nodeEndpoint(port2), () => (ended = true), patience);
  await client.open(OPEN);
  return { ...engines, client, ended: () => ended };
}

/** What a promise was rejected with. */
const failure = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: Error) => error,
  );

test('opening describes the model, and a second one is opened when the first is given back', async () => {
  const { client, log } = await connected();
  const description = await client.open({ ...OPEN, model: { kind: 'hub', name: 'second' } });
  expect(description).toMatchObject({ model: 'second', nativeSize: 32 });
  expect(log).toEqual(['open fake', 'dispose fake', 'open second']);
});

test('jobs run one at a time, in the order asked for', async () => {
  const { client, log, advance } = await connected();
  const jobs = ['a', 'b', 'c'].map((prompt) => client.restyle(restyling(prompt)));
  for (const prompt of ['a', 'b', 'c']) {
    await client.memory();
    expect(log.at(-1)).toBe(`restyle ${prompt}`);
    await advance();
    await jobs.shift();
  }
});

test('pixels and styles arrive whole, and the request stays with its owner', async () => {
  const { client, advance } = await connected();
  const restyled = client.restyle(restyling('a'));
  await advance();
  expect(await restyled).toEqual(picture(2, 3, 4, 5));
  expect(PICTURE.data).toHaveLength(4);
  const learned = client.learn(LEARN);
  await advance();
  expect((await learned).style).toEqual(Uint8Array.of(1, 2, 3));
});

test('results are moved out of the worker, not copied', async () => {
  const { open, advance } = fakeEngines();
  const service = new EngineService(open, noNeeds);
  await service.open(1, OPEN);
  const learning = service.learn(2, LEARN);
  await advance();
  const result = await learning;
  const { port1, port2 } = new MessageChannel();
  ports.push(port1, port2);
  Comlink.expose({ get: () => result }, nodeEndpoint(port1));
  expect(await Comlink.wrap<{ get(): typeof result }>(nodeEndpoint(port2)).get()).toMatchObject({ steps: 2 });
  expect(result.style).toHaveLength(0);
});

test('progress comes before the result, samples and all', async () => {
  const { client, advance } = await connected();
  const heard: (Progress | string)[] = [];
  const job = client.learn(LEARN, { onProgress: (progress) => heard.push(progress) }).then(() => heard.push('done'));
  await advance();
  await job;
  expect(heard).toEqual([{ phase: 'learn', step: 2, steps: 2, sample: picture(9, 9, 9, 9) }, 'done']);
});

test('a callback that throws ends the job with what it threw', async () => {
  const { client, advance } = await connected();
  const job = client.learn(LEARN, {
    onProgress: () => {
      throw new RangeError('the panel is gone');
    },
  });
  await advance();
  expect(await failure(job)).toMatchObject({ name: 'RangeError', message: 'the panel is gone' });
});

test('a running job is cancelled at its next step, and its checkpoint comes first', async () => {
  const { client, advance } = await connected();
  const controller = new AbortController();
  const heard: unknown[] = [];
  const onProgress = ({ checkpoint }: Progress): void => void heard.push(checkpoint);
  const job = failure(client.learn(LEARN, { signal: controller.signal, onProgress })).then((error) => {
    heard.push(error.name);
    return error;
  });
  await client.memory();
  controller.abort();
  await client.memory();
  await advance();
  expect(await job).toBeInstanceOf(CancelledError);
  expect(heard).toEqual([Uint8Array.of(7, 7), 'CancelledError']);
});

test('a job that waits is cancelled at once and never starts', async () => {
  const { client, log, advance } = await connected();
  const controller = new AbortController();
  const first = client.restyle(restyling('first'));
  const second = failure(client.restyle(restyling('second'), { signal: controller.signal }));
  const third = client.restyle(restyling('third'));
  await client.memory();
  controller.abort();
  // The first has not ended yet.
  expect(await second).toBeInstanceOf(CancelledError);
  await advance();
  await first;
  await advance();
  await third;
  expect(log).toEqual(['open fake', 'restyle first', 'restyle third']);
});

test('a signal that has fired already asks nothing of the worker', async () => {
  const { client, log } = await connected();
  expect(await failure(client.restyle(restyling('a'), { signal: AbortSignal.abort() }))).toBeInstanceOf(CancelledError);
  await client.memory();
  expect(log).toEqual(['open fake']);
});

test('cancelling a job that is over does nothing', async () => {
  const { client, advance } = await connected();
  const controller = new AbortController();
  const job = client.restyle(restyling('a'), { signal: controller.signal });
  await advance();
  await job;
  controller.abort();
  const next = client.restyle(restyling('b'));
  await advance();
  expect(await next).toEqual(picture(2, 3, 4, 5));
});

describe('races', () => {
  /** Would end the worker soon after an abort that is not answered. */
  const HASTY = { silence: 60_000, cancel: 40 };
  const settled = (job: Promise<Image>): Promise<string> =>
    job.then(
      () => 'done',
      (error: Error) => error.name,
    );

  test('cancelled at the moment it is done, a job is one or the other, and the worker stays', async () => {
    for (const delay of [undefined, 0, 1]) {
      const { client, advance, ended } = await connected(HASTY);
      const controller = new AbortController();
      const job = settled(client.restyle(restyling('a'), { signal: controller.signal }));
      await advance();
      if (delay !== undefined) await new Promise((wake) => setTimeout(wake, delay));
      controller.abort();
      expect(['done', 'CancelledError']).toContain(await job);
      await new Promise((wake) => setTimeout(wake, 2 * HASTY.cancel));
      expect(ended()).toBe(false);
      const next = client.restyle(restyling('b'));
      await advance();
      expect(await next).toEqual(picture(2, 3, 4, 5));
    }
  });

  test('cancelled twice is cancelled once, and so is a job that the service does not know', async () => {
    const { open, log, advance } = fakeEngines();
    const service = new EngineService(open, noNeeds);
    await service.open(1, OPEN);
    const job = settled(service.restyle(2, restyling('a')));
    const waiting = settled(service.restyle(3, restyling('b')));
    while (log.length < 2) await turn();
    for (const id of [2, 2, 3, 3, 99]) service.abort(id);
    await advance();
    expect([await job, await waiting]).toEqual(['CancelledError', 'CancelledError']);
    service.abort(2);
    const again = settled(service.restyle(2, restyling('c')));
    await advance();
    expect(await again).toBe('done');
    expect(log).toEqual(['open fake', 'restyle a', 'restyle c']);
  });

  test('cancelled out of order, each ends as cancelled and none of those behind is held up', async () => {
    const { client, log, advance, ended } = await connected();
    const controllers = ['a', 'b', 'c', 'd'].map((prompt) => ({ prompt, controller: new AbortController() }));
    const jobs = controllers.map(({ prompt, controller: { signal } }) =>
      settled(client.restyle(restyling(prompt), { signal })),
    );
    await client.memory();
    for (const i of [2, 0, 1]) controllers[i]!.controller.abort();
    expect(await jobs[2]).toBe('CancelledError');
    expect(await jobs[1]).toBe('CancelledError');
    await advance();
    expect(await jobs[0]).toBe('CancelledError');
    await advance();
    expect(await jobs[3]).toBe('done');
    expect(log).toEqual(['open fake', 'restyle a', 'restyle d']);
    expect(ended()).toBe(false);
  });
});

test('errors keep their class, name and message, and a failed job does not stop the next', async () => {
  const { client, advance } = await connected();
  const opening = await failure(client.open({ ...OPEN, model: { kind: 'hub', name: 'bad' } }));
  expect(opening).toBeInstanceOf(InputError);
  expect(opening.message).toBe('bad holds no model_index.json; give another');
  expect((await failure(client.restyle(restyling('a')))).message).toBe('no model is open');
  await client.open(OPEN);
  const lost = await failure(client.restyle(restyling('lost')));
  expect(lost).toBeInstanceOf(DeviceError);
  expect(lost.message).toBe('the GPU was lost');
  const defect = await failure(client.restyle(restyling('defect')));
  expect(defect).toMatchObject({ name: 'TypeError', message: 'x is not a function' });
  const next = client.restyle(restyling('b'));
  await advance();
  expect(await next).toEqual(picture(2, 3, 4, 5));
});

test('a pair is checked without a model, while a job runs', async () => {
  const { client, advance } = await connected();
  const job = client.restyle(restyling('a'));
  const data = new Uint8ClampedArray(16 * 16 * 4).fill(255);
  const blank: Image = { width: 16, height: 16, data };
  expect(await client.check(blank, blank)).toMatchObject({ usable: false });
  await advance();
  await job;
});

test('a style is described while a job runs', async () => {
  const { client, advance } = await connected();
  const job = client.restyle(restyling('a'));
  expect(await client.describeStyle('ink', Uint8Array.of(1))).toMatchObject({ name: 'ink', rank: 4 });
  await advance();
  await job;
});

test('disposing cancels what runs and waits, gives the engine back, and ends the worker', async () => {
  const { client, log, advance, ended } = await connected();
  const jobs = ['a', 'b'].map((prompt) => failure(client.restyle(restyling(prompt))));
  await client.memory();
  const disposing = client.dispose();
  expect(await jobs[1]).toBeInstanceOf(CancelledError);
  expect(ended()).toBe(false);
  await advance();
  expect(await jobs[0]).toBeInstanceOf(CancelledError);
  expect(await disposing).toEqual({ files: 1, programs: 2, tensors: 3, peak: 6 });
  expect(ended()).toBe(true);
  expect(log).toEqual(['open fake', 'restyle a', 'dispose fake']);
  expect((await failure(client.restyle(restyling('c')))).message).toBe('the engine is used after it was disposed');
});

test('when the worker dies every job fails', async () => {
  const { client, ended } = await connected();
  const job = failure(client.restyle(restyling('a')));
  client.fail(new DeviceError("the engine's worker stopped; open it again"));
  expect(await job).toBeInstanceOf(DeviceError);
  expect((await failure(client.memory())).message).toBe("the engine's worker stopped; open it again");
  await client.dispose();
  await client.dispose();
  expect(ended()).toBe(true);
});

test('a job number is not used twice at once', async () => {
  const { open, advance } = fakeEngines();
  const service = new EngineService(open, noNeeds);
  await service.open(1, OPEN);
  const first = service.restyle(2, restyling('a'));
  await expect(service.restyle(2, restyling('b'))).rejects.toThrow('job 2 is under way already');
  await advance();
  await first;
});
