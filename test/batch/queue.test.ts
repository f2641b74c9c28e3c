/** The queue on both servers: what is taken, refused, tried again, cancelled. The pictures' work is a stand-in here. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineDescription } from '../../engine/engine';
import { MachineError } from '../../batch/errors';
import { jobKey, outputId, sha256, type BatchJob, type BatchSpec } from '../../batch/job';
import type { QueueServer } from '../../batch/queue/connection';
import { openServer } from '../../batch/queue/server';
import { Registry } from '../../batch/queue/registry';
import { submitBatch } from '../../batch/queue/submit';
import { QueueWorker, type WorkerSlots } from '../../batch/queue/worker';
import type { JobOrder, JobReply } from '../../batch/run-job';
import { PoolClosedError } from '../../batch/slot/pool';
import type { BatchStatus } from '../../batch/status';
import { startPostgres, startRedis, type TestServer } from './servers';

const RESULT: JobReply = { result: { width: 1, height: 1, seconds: 0, engineSeconds: 0 } };
const ENGINE: EngineDescription = {
  model: 'stand-in',
  fingerprint: 'f',
  nativeSize: 64,
  device: { kind: 'cpu', name: 'none', threads: 1, f16: false },
};

/** Slots whose work is a function. */
function slots(work: (order: JobOrder) => Promise<JobReply> | JobReply, size = 2): WorkerSlots {
  let busy = 0;
  return {
    size,
    get idle() {
      return size - busy;
    },
    async run(order) {
      busy++;
      try {
        return await work(order);
      } finally {
        busy--;
      }
    },
    close: async () => undefined,
  };
}

describe.each(['redis', 'postgres'] as const)('%s', (kind) => {
  let server: TestServer;
  let connection: QueueServer;
  let registry: Registry;
  let folder: string;
  const notes: string[] = [];

  beforeAll(async () => {
    server = await (kind === 'redis' ? startRedis() : startPostgres());
    connection = await openServer(server.url, { patient: true, note: (line) => notes.push(line) });
    registry = new Registry(connection);
    folder = mkdtempSync(join(tmpdir(), 'diptych-queue-'));
    writeFileSync(join(folder, 'style'), 'style');
  });
  afterAll(async () => {
    await registry.close();
    await connection.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });

  const spec = (name: string, over: Partial<BatchSpec> = {}): BatchSpec => ({
    name,
    version: '1',
    model: { name: 'stand-in', fingerprint: 'f' },
    styles: [{ path: join(folder, 'style'), sha: sha256('style') }],
    settings: {},
    strengths: [[1]],
    output: join(folder, name),
    overwrite: false,
    created: Date.now(),
    ...over,
  });
  const jobs = (batch: BatchSpec, count: number): BatchJob[] =>
    Array.from({ length: count }, (_, i) => {
      const outputs = [{ path: join(batch.output, `${i}.png`), id: outputId(batch, `sha${i}`, [1]), strengths: [1] }];
      return { key: jobKey(outputs), input: `/in/${i}.png`, inputSha: `sha${i}`, outputs };
    });
  const submit = (batch: BatchSpec, list: readonly BatchJob[], done = 0): Promise<number> =>
    submitBatch(registry, batch, { jobs: list, done: [], changed: 0 }, list.length + done);
  const statusOf = async (name: string): Promise<BatchStatus> => registry.status(await registry.get(name));

  /** Runs workers until the batch is in the state. */
  async function work(name: string, state: BatchStatus['state'], pool: WorkerSlots, version = '1'): Promise<string[]> {
    const stop = new AbortController();
    const said: string[] = [];
    const hooks = { note: (line: string) => void said.push(line) };
    const worker = new QueueWorker(
      registry,
      pool,
      ENGINE,
      { version, lockSeconds: 5, readStyle: async (path) => readFileSync(path) },
      hooks,
    );
    const running = worker.run(stop.signal);
    for (let i = 0; i < 400 && (await statusOf(name)).state !== state; i++) await pause(50);
    stop.abort();
    await running;
    expect((await statusOf(name)).state).toBe(state);
    return said;
  }

  test('a batch is done once, a picture that fails is tried three times, and --retry-failed tries it again', async () => {
    const batch = spec('main');
    const list = jobs(batch, 30);
    expect(await submit(batch, list, 5)).toBe(30);
    // Twice is as good as once.
    expect(await submit(batch, list, 5)).toBe(0);
    const ran = new Map<string, number>();
    const poison = list[7]!;
    const pool = slots(({ job }) => {
      ran.set(job.key, (ran.get(job.key) ?? 0) + 1);
      if (job.key === poison.key) throw new Error('broken\n  at a line');
      return RESULT;
    });
    await work('main', 'failed', pool);
    expect(list.map(({ key }) => ran.get(key))).toEqual(list.map(({ key }) => (key === poison.key ? 3 : 1)));
    expect(await statusOf('main')).toMatchObject({
      total: 35,
      counts: { done: 34, failed: 1, running: 0, waiting: 0, delayed: 0 },
      failures: [{ key: poison.key, input: poison.input, reason: 'broken at a line', tries: 3 }],
    });
    // Three more tries, all at once or by itself.
    expect(await registry.retryFailed('main')).toBe(1);
    await work('main', 'failed', pool);
    expect(ran.get(poison.key)).toBe(6);
    await registry.retryOne('main', poison.key);
    await work(
      'main',
      'done',
      slots(() => RESULT),
    );
    expect(await statusOf('main')).toMatchObject({ counts: { done: 35, failed: 0 }, failures: [] });
  });

  test('another version, another base and a replaced style are refused with a reason, and stay queued', async () => {
    const list = [spec('version', { version: '2' }), spec('base', { model: { name: 'other', fingerprint: 'g' } })];
    const style = join(folder, 'style-2');
    writeFileSync(style, 'first');
    list.push(spec('style', { styles: [{ path: style, sha: sha256('first') }] }));
    for (const batch of list) await submit(batch, jobs(batch, 3));
    writeFileSync(style, 'second');
    const mine = spec('mine');
    await submit(mine, jobs(mine, 3));
    const said = await work(
      'mine',
      'done',
      slots(() => RESULT),
    );
    expect(said.filter((line) => line.startsWith('refused'))).toEqual([
      expect.stringMatching(/^refused: batch version is of Diptych 2, this worker is 1; .*; its pictures stay queued$/),
      expect.stringMatching(/^refused: batch base is for the model other \(g\), this worker has stand-in \(f\)/),
      expect.stringMatching(/^refused: batch style: its style .*style-2 was replaced after the batch was queued/),
    ]);
    for (const name of ['version', 'base', 'style']) {
      const { state, counts, refusals } = await statusOf(name);
      expect([state, counts.waiting]).toEqual(['waiting', 3]);
      expect(refusals).toHaveLength(1);
    }
    // A worker of that version takes what the other left.
    await work(
      'version',
      'done',
      slots(() => RESULT),
      '2',
    );
    await registry.cancel('base');
    expect(await statusOf('base')).toMatchObject({ state: 'cancelled', counts: { waiting: 0, done: 0 } });
    await registry.cancel('style');
  });

  test('a worker whose disk is full gives pictures back without costing them a try', async () => {
    const batch = spec('full');
    await submit(batch, jobs(batch, 4));
    const stop = new AbortController();
    let tried = 0;
    const said: string[] = [];
    const full = slots(() => {
      tried++;
      throw new MachineError('/out: cannot be written: no space left on the disk; free some');
    });
    const worker = new QueueWorker(
      registry,
      full,
      ENGINE,
      { version: '1', lockSeconds: 5, readStyle: async (path) => readFileSync(path) },
      { note: (line) => said.push(line) },
    );
    const running = worker.run(stop.signal);
    while (tried === 0) await pause(20);
    await pause(200);
    stop.abort();
    await running;
    expect(said.filter((line) => line.includes('no space left'))).toHaveLength(1);
    const seen = new Set<string>();
    await work(
      'full',
      'done',
      slots(({ job }) => (seen.add(job.key), RESULT)),
    );
    expect(seen.size).toBe(4);
    expect((await statusOf('full')).refusals[0]!.reason).toContain('no space left');
  });

  test('a worker that is told to end gives the pictures in work back, at no cost of a try, and another does them', async () => {
    const batch = spec('ending');
    await submit(batch, jobs(batch, 3));
    const stop = new AbortController();
    let abandon: (() => void) | undefined;
    const closed = new Promise<never>((_, reject) => (abandon = () => reject(new PoolClosedError())));
    let begun = 0;
    const hanging = slots(() => {
      begun++;
      return closed;
    });
    const said: string[] = [];
    const options = { version: '1', lockSeconds: 30, readStyle: async (path: string) => readFileSync(path) };
    const worker = new QueueWorker(registry, { ...hanging, idle: 0, close: async () => abandon!() }, ENGINE, options, {
      note: (line) => said.push(line),
    });
    const running = worker.run(stop.signal);
    while (begun < 2) await pause(20);
    stop.abort();
    expect(await running).toEqual({ givenBack: 2 });
    expect(said.at(-1)).toBe('taking no more pictures; those in work (2) end within two seconds or are given back');
    expect(await statusOf('ending')).toMatchObject({ counts: { running: 0, waiting: 3, failed: 0 } });
    const [job] = await registry.pictures('ending').getWaiting();
    expect(job!.attemptsMade).toBe(0);
    await work(
      'ending',
      'done',
      slots(() => RESULT),
    );
  });

  test('the server is restarted in the middle: said in one line each time, and every picture is done', async () => {
    const batch = spec('restart');
    const list = jobs(batch, 40);
    await submit(batch, list);
    notes.length = 0;
    const seen = new Map<string, number>();
    let restarted: Promise<void> | undefined;
    const pool = slots(async ({ job }) => {
      seen.set(job.key, (seen.get(job.key) ?? 0) + 1);
      if (seen.size === 10) {
        restarted ??= server
          .stop()
          .then(() => pause(500))
          .then(() => server.start());
      }
      await pause(20);
      return RESULT;
    });
    const stop = new AbortController();
    const said: string[] = [];
    const options = { version: '1', lockSeconds: 2, readStyle: async (path: string) => readFileSync(path) };
    const worker = new QueueWorker(registry, pool, ENGINE, options, { note: (line) => said.push(line) });
    const running = worker.run(stop.signal);
    const state = async (): Promise<string> => (await statusOf('restart').catch(() => undefined))?.state ?? 'away';
    for (let i = 0; i < 600 && (!restarted || (await state()) !== 'done'); i++) await pause(50);
    stop.abort();
    await running;
    expect(await statusOf('restart')).toMatchObject({ state: 'done', counts: { done: 40, failed: 0 } });
    expect(seen.size).toBe(40);
    expect(notes).toEqual([
      expect.stringMatching(/: connection lost; waiting for the server$/),
      expect.stringMatching(/: connected again$/),
    ]);
  });

  test('a batch that is put in again takes over what waits, and drops what it no longer has', async () => {
    const batch = spec('again');
    const list = jobs(batch, 5);
    await submit(batch, list);
    const changed = { ...list[0]!, key: 'p-other' };
    expect(await submit(batch, [changed, ...list.slice(2)])).toBe(1);
    expect((await registry.counts('again')).waiting).toBe(4);
    await expect(submit({ ...batch, settings: { steps: 9 } }, list)).rejects.toThrow(
      /with other settings; choose another --name/,
    );
    await registry.cancel('again');
    expect(existsSync(batch.output)).toBe(false);
  });
});

describe('a server that cannot be used is one line', () => {
  const refusal = async (url: string): Promise<string> => {
    const error = await openServer(url, { patient: true, note: () => undefined }).then(
      () => undefined,
      (problem: Error) => problem,
    );
    expect(error?.name).toBe('InputError');
    return error!.message;
  };

  test('nothing there, no such host, no address, another kind of address', async () => {
    expect(await refusal('redis://127.0.0.1:1')).toBe(
      '--queue redis://127.0.0.1:1: no server answers there; start it, or correct the address',
    );
    expect(await refusal('postgres://u:secret@127.0.0.1:1/d')).toBe(
      '--queue postgres://u:***@127.0.0.1:1/d: no server answers there; start it, or correct the address',
    );
    expect(await refusal('redis://no-such-host.invalid')).toMatch(/there is no such host; correct the address$/);
    expect(await refusal('localhost')).toMatch(/^--queue: is no address; write redis:/);
    expect(await refusal('http://127.0.0.1:1')).toMatch(/use an address that begins with redis:/);
  });

  test('a wrong password, none, and a full server', async () => {
    const redis = await startRedis('--requirepass', 'right');
    try {
      expect(await refusal(`redis://:wrong@127.0.0.1:${redis.port}`)).toMatch(
        /\*\*\*@.*: the password is wrong; correct it/,
      );
      expect(await refusal(redis.url)).toMatch(/the server wants a login; put USER:PASSWORD@ into the address$/);
    } finally {
      await redis.close();
    }
    const small = await startRedis('--maxmemory', '3mb');
    const server = await openServer(small.url, { patient: true, note: () => undefined });
    const registry = new Registry(server);
    try {
      const batch: BatchSpec = {
        name: 'big',
        version: '1',
        model: { name: 'm', fingerprint: 'f' },
        styles: [],
        settings: {},
        strengths: [],
        output: '/nowhere',
        overwrite: false,
        created: 0,
      };
      const list = Array.from({ length: 8000 }, (_, i): BatchJob => ({
        key: `p${i}-${'x'.repeat(100)}`,
        input: `/in/${i}`,
        inputSha: sha256(String(i)),
        outputs: [],
      }));
      await expect(submitBatch(registry, batch, { jobs: list, done: [], changed: 0 }, 8000)).rejects.toThrow(
        /memory or disk is full; free some, then run the same command again to go on$/,
      );
    } finally {
      await registry.close();
      await server.close();
      await small.close();
    }
  });
});

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
