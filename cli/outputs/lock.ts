/** One run at a time per output: a file beside it names the process that writes it. */
import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname, uptime } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { InputError } from '../../engine/errors';
import { onEnding } from '../terminal/ending';
import { reasonOf } from '../inputs/files';

/** Held until it is released or the process ends; that of a process that was killed is taken over by the next. */
export interface Lock {
  release(): Promise<void>;
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the lock was taken, ms since 1970. */
  readonly since: number;
  /** Tells the process from a later one of the same number, where the system says; null elsewhere. */
  readonly started: string | null;
  /** Tells this lock from every other. */
  readonly token: string;
}

/** A lock file that cannot be read as one is being written, or was left by a crash: after this time, ms. */
const UNREADABLE_MS = 10_000;
const ATTEMPTS = 20;

/** Where the lock of an output lies. */
export function lockPath(output: string): string {
  return `${output}.lock`;
}

/**
 * Locks an output, whose folder must exist.
 *
 * @throws InputError when another run, of this or another process, has it, or the lock file cannot be written.
 */
export async function lockOutput(output: string): Promise<Lock> {
  const path = lockPath(output);
  const owner: Owner = {
    pid: process.pid,
    host: hostname(),
    since: Date.now(),
    started: startOf(process.pid),
    token: randomBytes(8).toString('hex'),
  };
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (await create(path, owner, output)) return held(path, owner);
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const other = parseOwner(text);
    if (other ? isAlive(other) : await isYoung(path)) throw refusal(output, path, other);
    await remove(path, text);
  }
  throw refusal(output, path, undefined);
}

/** Does a piece of work with an output locked; throws as lockOutput does. */
export async function withLock<T>(output: string, work: () => Promise<T>): Promise<T> {
  const lock = await lockOutput(output);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** Makes the lock file with its content in one move; false when there is one. */
async function create(path: string, owner: Owner, output: string): Promise<boolean> {
  const draft = draftBeside(path);
  try {
    const handle = await open(draft, 'wx');
    try {
      await handle.writeFile(JSON.stringify(owner));
    } finally {
      await handle.close();
    }
    await link(draft, path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') throw error;
      // File systems without hard links: for a moment the file is empty, which isYoung allows for.
      const plain = await open(path, 'wx');
      try {
        await plain.writeFile(JSON.stringify(owner));
      } finally {
        await plain.close();
      }
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new InputError(`-o ${output}: cannot be written (${reasonOf(error)}); choose another place`);
  } finally {
    await rm(draft, { force: true }).catch(() => undefined);
  }
}

/** Removes a dead lock, and only that: a fresh one that another run put there meanwhile is put back. */
async function remove(path: string, dead: string): Promise<void> {
  const aside = draftBeside(path);
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await readFile(aside, 'utf8').catch(() => dead)) !== dead) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
}

function draftBeside(path: string): string {
  return join(dirname(path), `.diptych-${randomBytes(8).toString('hex')}.tmp`);
}

function held(path: string, { token }: Owner): Lock {
  const release = (): void => {
    // Only our own: who deleted it by hand may have let another run in.
    try {
      if (parseOwner(readFileSync(path, 'utf8'))?.token === token) rmSync(path, { force: true });
    } catch {
      // It is gone already.
    }
  };
  const forget = onEnding(release, { path: resolve(path), lock: true });
  return {
    release: async () => {
      forget();
      release();
    },
  };
}

/** Removes a lock file, of any path, if a process that is dead now made it. */
export function removeLockOf(pid: number, path: string): void {
  try {
    const owner = parseOwner(readFileSync(path, 'utf8'));
    if (owner?.pid === pid && owner.host === hostname()) rmSync(path, { force: true });
  } catch {
    // It is gone already.
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    const value = JSON.parse(text) as Partial<Owner> | null;
    const sound =
      Number.isInteger(value?.pid) && typeof value?.host === 'string' && Number.isFinite(value.since) && value.token;
    return sound ? (value as Owner) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the owner may still be at work. That of another machine is believed to be. */
function isAlive({ pid, host, since, started }: Owner): boolean {
  if (host !== hostname()) return true;
  // Before this machine started; a minute for clocks that were set.
  if (since < Date.now() - 1000 * (uptime() + 60)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const fields = statOf(pid);
  // A killed process whose parent never asks for its exit code stays as a zombie, in containers for good.
  if (fields?.[0] === 'Z' || fields?.[0] === 'X') return false;
  return started === null || fields?.[STARTED] === undefined || fields[STARTED] === started;
}

/** Of proc(5)'s fields of stat from the third one on, the one with the time of the start. */
const STARTED = 19;

/** When a process started, in ticks since the machine did; null where that is not known. */
function startOf(pid: number): string | null {
  return statOf(pid)?.[STARTED] ?? null;
}

/** What the system says of a process, from its state on; undefined where it says nothing. */
function statOf(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the program's name, may hold spaces and brackets.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

async function isYoung(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Date.now() - info.mtimeMs < UNREADABLE_MS;
}

function refusal(output: string, path: string, owner: Owner | undefined): InputError {
  if (!owner) return new InputError(`${output}: another run is writing it; wait for it, or choose another -o`);
  const since = new Date(owner.since).toISOString().slice(0, 16).replace('T', ' ');
  if (owner.host === hostname()) {
    return new InputError(
      `${output}: another run is writing it (process ${owner.pid}, since ${since} UTC); wait for it, or choose another -o`,
    );
  }
  return new InputError(
    `${output}: a run on ${owner.host} is writing it (since ${since} UTC); choose another -o, or delete ${path} if that run is over`,
  );
}
