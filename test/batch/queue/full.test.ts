/**
 * A Redis whose memory is full and a PostgreSQL whose disk is, while jobs are added and while results are stored: said
 * once, and nothing is lost.
 */
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { jobKey, outputId, sha256, type BatchJob, type BatchSpec } from '../../../batch/job';
import { markPng } from '../../../batch/mark';
import { prepareOwnFolder } from '../../../batch/output';
import type { QueueServer } from '../../../batch/queue/connection';
import { Registry } from '../../../batch/queue/registry';
import { openServer } from '../../../batch/queue/server';
import { Submission, submitBatch } from '../../../batch/queue/submit';
import { Transfer } from '../../../batch/queue/transfer';
import { QueueWorker, type WorkerSlots } from '../../../batch/queue/worker';
import { postgresUser, startPostgres, startRedis } from '../servers';

const FULL = /: the server's memory or disk is full; free some, then run the same command again to go on$/;
const STYLE = Buffer.from('style');

interface FullServer {
  readonly url: string;
  /** Pictures of a batch: more than what is full still takes. */
  readonly pictures: number;
  fill(): Promise<unknown>;
  makeRoom(): Promise<unknown>;
  close(): Promise<void>;
}

/** With one byte allowed nothing is stored any more. */
async function redisToFill(): Promise<FullServer> {
  const redis = await startRedis();
  const admin = new Redis(redis.url);
  return {
    url: redis.url,
    pictures: 6,
    fill: () => admin.config('SET', 'maxmemory', '1'),
    makeRoom: () => admin.config('SET', 'maxmemory', '0'),
    async close() {
      admin.disconnect();
      await redis.close();
    },
  };
}

/** Its tables lie on a small disk of their own, which a file beside them fills; undefined for who may not mount one. */
async function postgresToFill(): Promise<FullServer | undefined> {
  const disk = mkdtempSync(join(tmpdir(), 'diptych-disk-'));
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=777', 'tmpfs', disk]).status !== 0) {
    rmSync(disk, { recursive: true });
    return undefined;
  }
  const unmount = (): void => {
    spawnSync('umount', ['-l', disk]);
    rmSync(disk, { recursive: true });
  };
  try {
    const postgres = await startPostgres();
    const tables = join(disk, 'tables');
    mkdirSync(tables);
    const { uid, gid } = postgresUser();
    chownSync(tables, uid, gid);
    await runSql(postgres.url, `CREATE TABLESPACE small LOCATION '${tables}'`);
    await runSql(postgres.url, 'ALTER DATABASE postgres SET default_tablespace = small');
    const filler = join(disk, 'filler');
    return {
      url: postgres.url,
      // The last page of each table has room for a few.
      pictures: 60,
      async fill() {
        const file = openSync(filler, 'a');
        try {
          for (const chunk of [Buffer.alloc(2 ** 20), Buffer.alloc(4096)]) while (writes(file, chunk));
        } finally {
          closeSync(file);
        }
      },
      makeRoom: async () => rmSync(filler, { force: true }),
      async close() {
        await postgres.close();
        unmount();
      },
    };
  } catch (error) {
    unmount();
    throw error;
  }
}

function writes(file: number, chunk: Buffer): boolean {
  try {
    return writeSync(file, chunk) > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    return false;
  }
}

async function runSql(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement);
  await client.end();
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe.each(['redis', 'postgres'] as const)('%s', (kind) => {
  let full: FullServer | undefined;
  let server: QueueServer;
  let registry: Registry;
  let folder: string;
  beforeAll(async () => {
    full = await (kind === 'redis' ? redisToFill() : postgresToFill());
    if (!full) return;
    server = await openServer(full.url, { patient: true, note: () => undefined });
    registry = new Registry(server);
    folder = mkdtempSync(join(tmpdir(), 'diptych-full-'));
    mkdirSync(join(folder, 'in'));
    writeFileSync(join(folder, 'style'), STYLE);
  });
  afterAll(async () => {
    if (!full) return;
    await full.makeRoom();
    await registry.close();
    await server.close();
    await full.close();
    rmSync(folder, { recursive: true });
  });

  test.each([false, true])(
    'with --transfer: %s; full while jobs are added, and while results are stored: all pictures are done in the end',
    async (transfer) => {
      if (!full) {
        console.warn('not tested: only root may mount the small disk that is to be full');
        return;
      }
      const { fill, makeRoom, pictures } = full;
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
      const jobs = Array.from({ length: pictures }, (_, i): BatchJob => {
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
        await sending.start(
          await Submission.begin(registry, spec, jobs, jobs.length),
          new Map([[sha256(STYLE), STYLE]]),
        );
        await sending.round();
        return sending;
      };
      await fill();
      await expect(send()).rejects.toThrow(FULL);
      await makeRoom();
      const sent = await send();
      expect((await registry.counts(spec.name)).waiting).toBe(pictures);

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
      expect([state, counts.done, counts.failed]).toEqual(['done', pictures, 0]);
      for (const { outputs } of jobs) expect(existsSync(outputs[0]!.path)).toBe(true);
    },
  );
});
