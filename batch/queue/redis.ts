/** BullMQ on Redis. One connection is shared by all queues of the process; each worker has one more to wait on. */
import { InputError } from '../../engine/errors';
import type { Redis } from 'ioredis';
import { FileStore } from './files';
import { redisFiles } from './redis-files';
import { connectionProblem, type QueueServer, type ServerOptions } from './connection';

const CONNECT_TIMEOUT_MS = 5000;
const LONGEST_RECONNECT_MS = 5000;
/** Older ones lack commands that BullMQ uses. */
const OLDEST_VERSION = [6, 2] as const;

export async function openRedis(url: string, label: string, { patient, note }: ServerOptions): Promise<QueueServer> {
  // Loaded here, so that who uses no queue needs no driver.
  const [{ Redis: RedisClient }, { DelayedError, Queue, WaitingError, Worker }] = await Promise.all([
    import('ioredis'),
    import('bullmq'),
  ]);
  await checkServer(new RedisClient(url, { ...ONCE, connectTimeout: CONNECT_TIMEOUT_MS }), label, note);
  const client = new RedisClient(url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: patient ? null : 1,
    retryStrategy: (times) => Math.min(LONGEST_RECONNECT_MS, 100 * 2 ** times),
  });
  // Without a listener an error of the connection would end the process; its loss is said once instead.
  client.on('error', () => undefined);
  let lost = false;
  client.on('close', () => {
    if (closing || lost) return;
    lost = true;
    note(`${label}: connection lost; waiting for the server`);
  });
  client.on('ready', () => {
    if (lost) note(`${label}: connected again`);
    lost = false;
  });
  let closing = false;
  return {
    label,
    queue: (name, options) => quiet(new Queue(name, { ...options, connection: client })),
    worker: (name, processor, options) => quiet(new Worker(name, processor, { ...options, connection: client })),
    files: new FileStore(redisFiles(client)),
    putBack: { delayed: () => new DelayedError(), waiting: () => new WaitingError() },
    close: async () => {
      closing = true;
      client.disconnect();
    },
  };
}

/** Errors of a connection are said by the connection itself. */
function quiet<T extends { on(event: 'error', listener: (error: Error) => void): unknown }>(source: T): T {
  source.on('error', () => undefined);
  return source;
}

const ONCE = { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null } as const;

/** Throws an InputError when the server cannot be used; notes what may lose jobs. */
async function checkServer(probe: Redis, label: string, note: (line: string) => void): Promise<void> {
  let problem: unknown;
  probe.on('error', (error) => (problem ??= error));
  try {
    await probe.connect();
    const info = parseInfo(await probe.info());
    const version = info.get('redis_version') ?? '0';
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major < OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor < OLDEST_VERSION[1])) {
      throw new InputError(`--queue ${label}: is Redis ${version}; use ${OLDEST_VERSION.join('.')} or later`);
    }
    if (Number(info.get('maxmemory')) > 0 && info.get('maxmemory_policy') !== 'noeviction') {
      note(`${label}: may drop jobs when its memory is full; set maxmemory-policy noeviction`);
    }
    if (info.get('aof_enabled') === '0') {
      note(`${label}: keeps its latest jobs in memory only; set appendonly yes, or a restart may lose some`);
    }
  } catch (error) {
    throw error instanceof InputError ? error : connectionProblem(label, problem ?? error);
  } finally {
    probe.disconnect();
  }
}

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split(/\r?\n/)
      .filter((line) => line.includes(':'))
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
}
