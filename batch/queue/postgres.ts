/** BullMQ on PostgreSQL: a pool of connections, in a schema of its own that is made on first use. */
import { FileStore } from './files';
import { postgresFiles } from './postgres-files';
import { connectionProblem, type QueueServer, type ServerOptions } from './connection';

const CONNECT_TIMEOUT_MS = 5000;
/** Each worker of BullMQ holds one to be woken on, of which worker.ts has few at once; the rest are for short queries. */
const CONNECTIONS = 12;
/** BullMQ's default; a pool that is given to it must be set to it by hand. */
const SCHEMA = 'bullmq';

export async function openPostgres(url: string, label: string, { note }: ServerOptions): Promise<QueueServer> {
  // Loaded here, so that who uses no queue needs no driver.
  const [{ default: pg }, bullmq] = await Promise.all([import('pg'), import('bullmq')]);
  const pool = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    options: `-c search_path=${SCHEMA}`,
  });
  // Every queue and worker on the pool listens to it.
  pool.setMaxListeners(0);
  // Without a listener an error of an idle connection would end the process.
  pool.on('error', () => lose());
  let lost = false;
  const lose = (): void => {
    if (lost) return;
    lost = true;
    note(`${label}: connection lost; waiting for the server`);
  };
  pool.on('connect', (client) => {
    // The pool itself hears of those only that nobody uses.
    client.on('error', lose);
    if (lost) note(`${label}: connected again`);
    lost = false;
  });
  try {
    const client = await pool.connect();
    try {
      await bullmq.runMigrations(client);
    } finally {
      client.release();
    }
  } catch (error) {
    await pool.end();
    throw connectionProblem(label, error);
  }
  // BullMQ's types know a pool by its own description of one, and carry the server in the type of every class.
  const Queue = bullmq.Queue as unknown as PostgresClass;
  const Worker = bullmq.Worker as unknown as PostgresClass;
  const backend = bullmq.createPostgresBackend;
  return {
    label,
    queue: (name, options) => quiet(new Queue(name, { ...options, connection: pool }, backend)),
    worker: (name, processor, options) => quiet(new Worker(name, processor, { ...options, connection: pool }, backend)),
    files: new FileStore(postgresFiles(pool)),
    putBack: { delayed: () => new bullmq.DelayedError(), waiting: () => new bullmq.WaitingError() },
    close: () => pool.end(),
  };
}

/** The constructor of a queue or worker on PostgreSQL, which takes the backend last. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type PostgresClass = new (...args: unknown[]) => any;

function quiet<T extends { on(event: 'error', listener: (error: Error) => void): unknown }>(source: T): T {
  source.on('error', () => undefined);
  return source;
}
