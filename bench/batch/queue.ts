/**
 * What the queue itself sustains: 200 workers with a job of one second each, and with a job of no time at all, on a
 * Redis or PostgreSQL of their own on this machine. `node bench/batch/run.mjs [redis|postgres] [workers]`.
 */
import { setMaxListeners } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BatchJob, BatchSpec } from '../../batch/job';
import { prepareOwnFolder } from '../../batch/output';
import { openServer } from '../../batch/queue/server';
import { Registry } from '../../batch/queue/registry';
import { submitBatch } from '../../batch/queue/submit';
import { QueueWorker, type WorkerSlots } from '../../batch/queue/worker';
import { startPostgres, startRedis } from '../../test/batch/servers';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function slot(seconds: number): WorkerSlots {
  let busy = 0;
  return {
    size: 1,
    get idle() {
      return 1 - busy;
    },
    async run() {
      busy++;
      if (seconds > 0) await pause(1000 * seconds);
      busy--;
      return { result: { width: 1, height: 1, seconds, engineSeconds: seconds } };
    },
    close: async () => undefined,
  };
}

export async function measureQueue(kind: 'redis' | 'postgres', workers: number): Promise<object[]> {
  const server = await (kind === 'redis' ? startRedis() : startPostgres('-c', 'max_connections=2000'));
  const output = mkdtempSync(join(tmpdir(), 'diptych-bench-'));
  await prepareOwnFolder(output);
  const rows: object[] = [];
  const note = (): void => undefined;
  try {
    for (const [seconds, jobs] of [
      [1, 10 * workers],
      [0, 20 * workers],
    ] as const) {
      const connection = await openServer(server.url, { patient: true, note });
      const registry = new Registry(connection);
      const spec: BatchSpec = {
        name: `bench-${seconds}`,
        version: '1',
        model: { name: 'm', fingerprint: 'f' },
        styles: [],
        settings: {},
        strengths: [],
        output,
        overwrite: false,
        created: Date.now(),
      };
      const list = Array.from({ length: jobs }, (_, i): BatchJob => {
        const name = `p-${i}`;
        return { key: name, input: `/in/${name}.png`, inputSha: name.padEnd(64, '0'), outputs: [] };
      });
      const stop = new AbortController();
      setMaxListeners(0, stop.signal);
      const running: Promise<unknown>[] = [];
      const connections = [];
      for (let i = 0; i < workers; i++) {
        const own = await openServer(server.url, { patient: true, note });
        const ownRegistry = new Registry(own);
        connections.push({ own, ownRegistry });
        const options = { version: '1', lockSeconds: 30, readStyle: async () => new Uint8Array() };
        const engine = {
          model: 'm',
          fingerprint: 'f',
          nativeSize: 64,
          device: { kind: 'cpu', name: '', threads: 1, f16: false },
        } as const;
        running.push(new QueueWorker(ownRegistry, slot(seconds), engine, options, { note }).run(stop.signal));
      }
      const submitting = performance.now();
      await submitBatch(registry, spec, { jobs: list, done: [], changed: 0 }, jobs);
      const submitted = (performance.now() - submitting) / 1000;
      // Workers look for batches once a second; the measurement begins when they all have found this one.
      await pause(2000);
      const left = async (): Promise<number> => {
        const { waiting, running: active, delayed } = await registry.counts(spec.name);
        return waiting + active + delayed;
      };
      const before = await left();
      const began = performance.now();
      while ((await left()) > 0) await pause(50);
      const took = (performance.now() - began) / 1000;
      rows.push({
        kind,
        workers,
        jobSeconds: seconds,
        jobs,
        submittedPerSecond: Math.round(jobs / submitted),
        donePerSecond: before > 0 ? Number((before / took).toFixed(1)) : null,
        ...(seconds > 0 && before > 0 && { ofIdeal: Number((before / took / (workers / seconds)).toFixed(3)) }),
      });
      stop.abort();
      await Promise.all(running);
      await Promise.all(
        connections.map(async ({ own, ownRegistry }) => {
          await ownRegistry.close();
          await own.close();
        }),
      );
      await registry.close();
      await connection.close();
    }
    return rows;
  } finally {
    await server.close();
    rmSync(output, { recursive: true, force: true });
  }
}
