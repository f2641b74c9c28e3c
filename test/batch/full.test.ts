/** A Redis whose memory is full, while jobs are added and while results are stored: said once, and nothing is lost. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { jobKey, outputId, sha256, type BatchJob, type BatchSpec } from '../../batch/job';
import { markPng } from '../../batch/mark';
import { prepareOwnFolder } from '../../batch/output';
import type { QueueServer } from '../../batch/queue/connection';
import { Registry } from '../../batch/queue/registry';
import { openServer } from '../../batch/queue/server';
import { Submission, submitBatch } from '../../batch/queue/submit';
import { Transfer } from '../../batch/queue/transfer';
import { QueueWorker, type WorkerSlots } from '../../batch/queue/worker';
import { startRedis, type TestServer } from './servers';

const FULL = /: the server's memory or disk is full; free some, then run the same command again to go on$/;
const STYLE = Buffer.from('style');

let redis: TestServer;
let admin: Redis;
let server: QueueServer;
let registry: Registry;
let folder: string;
beforeAll(async () => {
  redis = await startRedis();
  admin = new Redis(redis.url);
  server = await openServer(redis.url, { patient: true, note: () => undefined });
  registry = new Registry(server);
  folder = mkdtempSync(join(tmpdir(), 'diptych-full-'));
  mkdirSync(join(folder, 'in'));
  writeFileSync(join(folder, 'style'), STYLE);
});
afterAll(async () => {
  await registry.close();
  await server.close();
  admin.disconnect();
  await redis.close();
  rmSync(folder, { recursive: true });
});

/** With one byte allowed nothing is stored any more. */
const fill = (): Promise<unknown> => admin.config('SET', 'maxmemory', '1');
const makeRoom = (): Promise<unknown> => admin.config('SET', 'maxmemory', '0');
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.each([false, true])('with --transfer: %s', (transfer) => {
  test('full while jobs are added, and while results are stored: all pictures are done in the end', async () => {
    const spec: BatchSpec = {
      name: `full-${transfer}`,
      version: '1',
      model: { name: 'm', fingerprint: 'f' },
      styles: [{ path: join(folder, 'style'), sha: sha256(STYLE) }],
      settings: {},
      strengths: [[1]],
      output: join(folder, `out-${transfer}`),
      overwrite: false,
      ...(transfer && { transfer }),
      created: Date.now(),
    };
    await prepareOwnFolder(spec.output);
    const jobs = Array.from({ length: 6 }, (_, i): BatchJob => {
      const input = join(folder, 'in', `${i}.png`);
      writeFileSync(input, `picture ${i}`);
      const inputSha = sha256(`picture ${i}`);
      const outputs = [{ path: join(spec.output, `${i}.png`), id: outputId(spec, inputSha, [1]), strengths: [1] }];
      return { key: jobKey(outputs), input, inputSha, outputs };
    });
    const send = async (): Promise<Transfer | undefined> => {
      if (!transfer) {
        await submitBatch(registry, spec, { jobs, done: [], changed: 0 }, jobs.length);
        return undefined;
      }
      const sending = new Transfer(registry, spec, jobs);
      await sending.start(await Submission.begin(registry, spec, jobs, jobs.length), new Map([[sha256(STYLE), STYLE]]));
      await sending.round();
      return sending;
    };
    await fill();
    await expect(send()).rejects.toThrow(FULL);
    await makeRoom();
    const sent = await send();
    expect((await registry.counts(spec.name)).waiting).toBe(6);

    let filled: Promise<unknown> | undefined;
    const pool: WorkerSlots = {
      ...{ size: 1, idle: 1, close: async () => undefined },
      async run({ job }) {
        await (filled ??= fill());
        const png = markPng(Buffer.alloc(200), job.outputs[0]!.id);
        if (!transfer) writeFileSync(job.outputs[0]!.path, png);
        return { result: { width: 1, height: 1, seconds: 0, engineSeconds: 0 }, files: [png] };
      },
    };
    const said: string[] = [];
    const work = async (until: () => Promise<boolean>): Promise<void> => {
      const stop = new AbortController();
      const device = { kind: 'cpu', name: '', threads: 1, f16: false } as const;
      const options = { version: '1', lockSeconds: 1, readStyle: async (path: string) => readFileSync(path) };
      const engine = { model: 'm', fingerprint: 'f', nativeSize: 64, device };
      const worker = new QueueWorker(registry, pool, engine, options, { note: (line) => said.push(line) });
      const running = worker.run(stop.signal);
      for (let i = 0; i < 600 && !(await until()); i++) await pause(50);
      stop.abort();
      await running;
    };
    const saysFull = (): string[] => said.filter((line) => /memory or disk is full/.test(line));
    await work(async () => saysFull().length > 0 && (await pause(2500), true));
    // Each thing once, however long it lasts.
    expect(saysFull().length).toBeGreaterThan(0);
    expect(new Set(saysFull()).size).toBe(saysFull().length);
    await makeRoom();
    await work(async () => {
      await sent?.round();
      return (await registry.status(await registry.get(spec.name))).state === 'done';
    });
    await sent?.fetch();
    const { state, counts } = await registry.status(await registry.get(spec.name));
    expect([state, counts.done, counts.failed]).toEqual(['done', 6, 0]);
    for (const { outputs } of jobs) expect(existsSync(outputs[0]!.path)).toBe(true);
  });
});
