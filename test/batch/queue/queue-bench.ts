/** A queue on a server of its own, with workers whose work on a picture is a function. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  jobKey,
  outputId,
  sha256,
  type BatchJob,
  type BatchSpec,
  type JobOrder,
  type JobReply,
} from '../../../batch/job';
import { prepareOwnFolder } from '../../../batch/output';
import type { QueueServer } from '../../../batch/queue/connection';
import { openServer } from '../../../batch/queue/server';
import { Registry } from '../../../batch/queue/registry';
import { submitBatch } from '../../../batch/queue/submit';
import { QueueWorker, type QueueWorkerOptions, type WorkerSlots } from '../../../batch/queue/worker';
import type { BatchStatus } from '../../../batch/status';
import type { EngineDescription } from '../../../engine/engine';
import { startPostgres, startRedis, type TestServer } from '../servers';

export const SERVERS = ['redis', 'postgres'] as const;

/** Not so quick that a worker takes the next picture ahead. */
export const RESULT: JobReply = { result: { width: 1, height: 1, seconds: 1, engineSeconds: 1 } };
const ENGINE: EngineDescription = {
  model: 'stand-in',
  fingerprint: 'f',
  nativeSize: 64,
  device: { kind: 'cpu', name: 'none', threads: 1, f16: false },
};

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Slots whose work is a function. */
export function slots(work: (order: JobOrder) => Promise<JobReply> | JobReply, size = 2): WorkerSlots {
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

export class QueueBench {
  server!: TestServer;
  connection!: QueueServer;
  registry!: Registry;
  folder!: string;
  /** What was said of the connection. */
  readonly notes: string[] = [];

  /** One that starts before the tests of the block it is made in, and ends after them. */
  static forTests(kind: (typeof SERVERS)[number]): QueueBench {
    const bench = new QueueBench();
    beforeAll(async () => {
      bench.server = await (kind === 'redis' ? startRedis() : startPostgres());
      bench.connection = await openServer(bench.server.url, { patient: true, note: (line) => bench.notes.push(line) });
      bench.registry = new Registry(bench.connection);
      bench.folder = mkdtempSync(join(tmpdir(), 'diptych-queue-'));
      writeFileSync(join(bench.folder, 'style.file'), 'style');
    });
    afterAll(async () => {
      await bench.registry.close();
      await bench.connection.close();
      await bench.server.close();
      rmSync(bench.folder, { recursive: true });
    });
    return bench;
  }

  readonly spec = (name: string, over: Partial<BatchSpec> = {}): BatchSpec => ({
    name,
    version: '1',
    model: { name: 'stand-in', fingerprint: 'f' },
    styles: [{ path: join(this.folder, 'style.file'), sha: sha256('style') }],
    settings: {},
    strengths: [[1]],
    output: join(this.folder, name),
    overwrite: false,
    created: Date.now(),
    ...over,
  });

  readonly jobs = (batch: BatchSpec, count: number): BatchJob[] =>
    Array.from({ length: count }, (_, i) => {
      const outputs = [{ path: join(batch.output, `${i}.png`), id: outputId(batch, `sha${i}`, [1]), strengths: [1] }];
      return { key: jobKey(outputs), input: `/in/${i}.png`, inputSha: `sha${i}`, outputs };
    });

  readonly submit = async (batch: BatchSpec, list: readonly BatchJob[], done = 0): Promise<number> => {
    await prepareOwnFolder(batch.output);
    return submitBatch(this.registry, batch, { jobs: list, done: [], changed: 0 }, list.length + done);
  };

  readonly statusOf = async (name: string): Promise<BatchStatus> => this.registry.status(await this.registry.get(name));

  readonly start = (pool: WorkerSlots, said: string[], more: Partial<QueueWorkerOptions> = {}): QueueWorker => {
    const options = { version: '1', lockSeconds: 5, readStyle: async (path: string) => readFileSync(path), ...more };
    return new QueueWorker(this.registry, pool, ENGINE, options, { note: (line) => void said.push(line) });
  };

  /** Runs a worker until the batch is in the state. Pictures that are to be tried again later are so at once. */
  readonly work = async (
    name: string,
    state: BatchStatus['state'],
    pool: WorkerSlots,
    more: Partial<QueueWorkerOptions> = {},
  ): Promise<string[]> => {
    const stop = new AbortController();
    const said: string[] = [];
    const running = this.start(pool, said, more).run(stop.signal);
    for (let i = 0; i < 400 && (await this.statusOf(name)).state !== state; i++) {
      await this.registry.pictures(name).promoteJobs();
      await pause(50);
    }
    stop.abort();
    await running;
    expect((await this.statusOf(name)).state).toBe(state);
    return said;
  };
}
