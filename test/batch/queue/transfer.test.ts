/** Batches whose files go through the queue: a worker that sees none of the folders, on both servers. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import { jobKey, outputId, sha256, type BatchJob, type BatchSpec } from '../../../batch/job';
import { markPng } from '../../../batch/mark';
import { prepareOwnFolder } from '../../../batch/output';
import type { QueueServer } from '../../../batch/queue/connection';
import { INPUTS, resultName } from '../../../batch/queue/files';
import { openServer } from '../../../batch/queue/server';
import { Registry } from '../../../batch/queue/registry';
import { Submission } from '../../../batch/queue/submit';
import { requireSmall, requireWindow, Transfer } from '../../../batch/queue/transfer';
import { QueueWorker, type WorkerSlots } from '../../../batch/queue/worker';
import { Bench, events, filesUnder, QUICK } from '../bench';
import { startPostgres, startRedis, type TestServer } from '../servers';

const WEEK = 7 * 24 * 3600;

/** Does as if a week had passed for the batch "forgotten". */
async function forget(kind: 'redis' | 'postgres', url: string): Promise<void> {
  if (kind === 'redis') {
    const redis = new Redis(url);
    const key = 'diptych-files:forgotten';
    const left = await redis.ttl(key);
    expect([left > WEEK - 60, left <= WEEK]).toEqual([true, true]);
    await redis.pexpire(key, 1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    redis.disconnect();
  } else {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const old = `now() - interval '${WEEK + 60} seconds'`;
    await client.query(`update bullmq.diptych_files set stored = ${old} where batch = 'forgotten'`);
    await client.end();
  }
}

describe.each(['redis', 'postgres'] as const)('%s', (kind) => {
  let server: TestServer;
  let connection: QueueServer;
  beforeAll(async () => {
    server = await (kind === 'redis' ? startRedis() : startPostgres());
    connection = await openServer(server.url, { patient: true, note: () => undefined });
  });
  afterAll(async () => {
    await connection.close();
    await server.close();
  });

  test('a worker whose folders are elsewhere makes the same bytes, and the store is empty at the end', async () => {
    const b = new Bench();
    try {
      const style = await b.style();
      const input = await b.pictures(5);
      const argv = [style, input, ...QUICK, '--strength', '0.5', '--strength', '1'];
      expect((await b.run('batch', ...argv, '-o', b.at('here'), '--concurrency', '1')).code).toBe(0);
      writeFileSync(b.at('in/broken.png'), 'no picture');
      const worker = b.startElsewhere('worker', '--queue', server.url, ...QUICK.slice(0, 4), '--concurrency', '1');
      const through = ['-o', b.at('out'), '--queue', server.url, '--transfer', '--name', 'far', '--json'];
      // Ended in the middle, the batch goes on; the same command fetches what was made meanwhile.
      const first = b.start('batch', ...argv, ...through);
      await first.line((line) => /"event":"progress","done":[1-9]/.test(line));
      first.child.kill('SIGINT');
      const ended = await first.finished;
      expect(ended.err).toMatch(
        /stopped waiting; batch far goes on in the queue; run the same command to go on with it/,
      );
      // By SIGINT itself where a connection keeps the process; shells show 130 for either.
      expect([130, null]).toContain(ended.code);
      const { code, out, err } = await b.run('batch', ...argv, ...through);
      expect([code, events(out).at(-1)]).toEqual([2, expect.objectContaining({ total: 6, done: 5, failed: 1 })]);
      expect(err).toMatch(/failed: [^\n]*broken\.png: cannot be read as an image/);
      expect(filesUnder(b.at('out'))).toEqual(filesUnder(b.at('here')));
      expect(await connection.files.names('far', '')).toEqual([]);
      const retried = await b.run('batch', 'far', '--queue', server.url, '--retry-failed');
      expect(retried.err).toMatch(/diptych: batch far: its pictures come through the queue; run its diptych batch/);
      worker.child.kill('SIGINT');
      expect((await worker.finished).err).toMatch(/it did 5 pictures, the rest stays queued\n$/);
    } finally {
      b.close();
    }
  });

  test('few inputs are in the store at once; a lost input fails, a damaged result is not written', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'diptych-transfer-'));
    const registry = new Registry(connection);
    const stop = new AbortController();
    let running: Promise<unknown> | undefined;
    try {
      mkdirSync(join(folder, 'in'));
      await prepareOwnFolder(join(folder, 'out'));
      const spec: BatchSpec = {
        name: 'window',
        version: '1',
        model: { name: 'm', fingerprint: 'f' },
        styles: [{ path: '/nowhere/style', sha: sha256('style') }],
        settings: {},
        strengths: [[1]],
        output: join(folder, 'out'),
        overwrite: false,
        transfer: true,
        created: Date.now(),
      };
      const jobs = Array.from({ length: 9 }, (_, i): BatchJob => {
        const path = join(folder, 'in', `${i}.png`);
        writeFileSync(path, `picture ${i}`);
        const inputSha = sha256(`picture ${i}`);
        const outputs = [{ path: join(spec.output, `${i}.png`), id: outputId(spec, inputSha, [1]), strengths: [1] }];
        return { key: jobKey(outputs), input: path, inputSha, outputs };
      });
      const [damaged, deleted, blocked] = [jobs[1]!, jobs[2]!, jobs[3]!];
      // A folder in the place of one result keeps none of the others from being written.
      mkdirSync(blocked.outputs[0]!.path);
      rmSync(deleted.input);
      const engine = {
        ...{ model: 'm', fingerprint: 'f', nativeSize: 64 },
        device: { kind: 'cpu', name: '', threads: 1, f16: false },
      } as const;
      const pool: WorkerSlots = {
        ...{ size: 1, idle: 1, close: async () => undefined },
        async run({ job, bytes }, styles) {
          expect([sha256(bytes!), styles.get(sha256('style'))]).toEqual([job.inputSha, Buffer.from('style')]);
          const png = markPng(Buffer.alloc(200), job.outputs[0]!.id);
          const result = { width: 1, height: 1, seconds: 0, engineSeconds: 0 };
          return { result, files: [job.key === damaged.key ? png.subarray(1) : png] };
        },
      };
      const options = { version: '1', lockSeconds: 5, readStyle: () => Promise.reject(new Error('not here')) };
      const said: string[] = [];
      const worker = new QueueWorker(registry, pool, engine, options, { note: (line) => said.push(line) });
      running = worker.run(stop.signal);
      const transfer = new Transfer(registry, { ...spec, overwrite: true }, jobs, { bytes: 1e6, files: 3 });
      await transfer.start(
        await Submission.begin(registry, spec, jobs, jobs.length),
        new Map([[sha256('style'), Buffer.from('style')]]),
      );
      let most = 0;
      for (;;) {
        const { state } = await registry.status(await registry.get('window'));
        await transfer.round();
        most = Math.max(most, (await connection.files.names('window', INPUTS)).length);
        if (state === 'failed') break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      expect(most).toBeLessThanOrEqual(3);
      const written = jobs.filter(({ outputs }) => existsSync(outputs[0]!.path));
      expect(written).toEqual(jobs.filter((job) => job !== damaged && job !== deleted));
      expect(transfer.unwritten).toEqual([
        { input: blocked.input, reason: expect.stringContaining('3.png: cannot be written (') as string },
      ]);
      const { failures, counts } = await registry.status(await registry.get('window'));
      expect([counts.done, failures.map(({ reason }) => reason)]).toEqual([
        8,
        [expect.stringMatching(/2\.png: is not in the queue's store; check that it is still there, then run the same/)],
      ]);
      // A result that was changed in the store is none.
      await connection.files.put('window', new Map([[resultName(damaged.key, 0), Buffer.from('x')]]));
      await transfer.fetch();
      expect(existsSync(damaged.outputs[0]!.path)).toBe(false);
      // What nobody touches for long is dropped by the server, or when it is next used.
      await connection.files.put('forgotten', new Map([['x', Buffer.from('x')]]));
      await forget(kind, server.url);
      expect(await connection.files.names('window', '')).not.toEqual([]);
      const later = await openServer(server.url, { patient: true, note: () => undefined });
      expect(await later.files.names('forgotten', '')).toEqual([]);
      await later.close();
      await transfer.clear();
      expect(await connection.files.names('window', '')).toEqual([]);
      expect(said.filter((line) => line.startsWith('refused'))).toEqual([]);
    } finally {
      stop.abort();
      await running;
      await registry.close();
      rmSync(folder, { recursive: true });
    }
  });
});

test('what is too large for the queue is refused before anything is sent, with the size', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'diptych-large-'));
  try {
    const input = join(folder, 'large.png');
    writeFileSync(input, '');

    truncateSync(input, 33 * 2 ** 20);
    const job: BatchJob = { key: 'p', input, inputSha: '', outputs: [] };
    await expect(requireSmall([job], [])).rejects.toThrow(
      /large\.png: has 33 MiB, and --transfer takes files of at most 32 MiB; leave it out, or share a folder/,
    );
    await expect(requireSmall([], [{ path: 's', bytes: 2 ** 30 }])).rejects.toThrow(/s: has 1024 MiB.* 256 MiB;/);
    await expect(requireWindow([job, job, job, job])).rejects.toThrow(/4 pictures of 132 MiB are more than .*128 MiB/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
