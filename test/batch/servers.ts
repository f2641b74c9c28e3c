/** Redis and PostgreSQL of their own for a test: free ports, own folders, stopped and removed at the end. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** Ends the process; what is on disk stays. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Stops it from answering, with its connections open. */
  pause(): void;
  /** Starts it again on the same port and folder. */
  start(): Promise<void>;
  /** Ends it and removes its folder. */
  close(): Promise<void>;
}

/** A Redis with its append-only file on. */
export async function startRedis(...more: string[]): Promise<TestServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'diptych-redis-'));
  const argv = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--appendonly', 'yes', '--save', ''];
  return serve(`redis://127.0.0.1:${port}`, port, folder, redisProgram(), [...argv, ...more]);
}

/** A PostgreSQL with one database; it refuses to run as root, so that root runs it as the user postgres. */
export async function startPostgres(...more: string[]): Promise<TestServer> {
  const bin = postgresFolder();
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'diptych-postgres-'));
  const user = process.getuid?.() === 0 ? postgresUser() : undefined;
  if (user) chownSync(folder, user.uid, user.gid);
  chmodSync(folder, 0o700);
  const data = join(folder, 'data');
  const made = spawnSync(join(bin, 'initdb'), ['-D', data, '-U', 'diptych', '-A', 'trust', '-E', 'UTF8', '--no-sync'], {
    ...user,
    cwd: folder,
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr || made.error?.message}`);
  const argv = ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-c', 'fsync=off'];
  const url = `postgres://diptych@127.0.0.1:${port}/postgres`;
  return serve(url, port, folder, join(bin, 'postgres'), [...argv, ...more], user);
}

async function serve(
  url: string,
  port: number,
  folder: string,
  program: string,
  argv: readonly string[],
  user: { uid: number; gid: number } | undefined = undefined,
): Promise<TestServer> {
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    let said = '';
    child = spawn(program, argv, { ...user, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (text: Buffer) => (said += text.toString()));
    const failed = new Promise<never>((_, reject) => {
      child!.on('error', (error) => reject(new Error(`${program}: ${error.message}; npm test installs it`)));
      child!.on('exit', (code) => reject(new Error(`${program} ended with ${code}: ${said.slice(-500)}`)));
    });
    failed.catch(() => undefined);
    await Promise.race([answers(port), failed]);
  };
  const stop = async (signal: NodeJS.Signals = 'SIGINT'): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child!.once('exit', resolve));
    child.kill(signal);
    await ended;
  };
  await start();
  return {
    url,
    port,
    start,
    stop,
    pause: () => void child!.kill('SIGSTOP'),
    close: async () => {
      await stop('SIGKILL');
      // PostgreSQL's own children end a moment after it.
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** Resolves once something listens on the port. */
async function answers(port: number): Promise<void> {
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('connect', () => (socket.destroy(), resolve(true))).on('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** npm test says where the programs are; without it they are looked for as it does. */
const redisProgram = (): string => process.env['DIPTYCH_REDIS'] ?? 'redis-server';

function postgresFolder(): string {
  const named = process.env['DIPTYCH_POSTGRES'];
  if (named) return dirname(realpathSync(named));
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(root, version, 'bin')).find((bin) => existsSync(join(bin, 'postgres'))) ?? '';
}

/** Whom root runs PostgreSQL as. */
export function postgresUser(): { uid: number; gid: number } {
  const id = (flag: string): number => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
}
