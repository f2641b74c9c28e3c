/** A folder with pictures and a style on the tiny model, and the built command as processes, for tests of batches. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { tinyEngine, drawing, BLUE, PALE, RED, TINY_MODEL } from '../support/tiny-engine';
import { paint } from '../support/pictures';
import { writePng } from '../cli/desk';
import { built } from '../support/built';

/** One step on a small picture: what a test needs of the engine is that its work is real. */
export const QUICK = ['--model', TINY_MODEL, '--threads', '1', '--steps', '1'];

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  /** Resolves with the line of standard output or error that first satisfies the test; rejects when the command ends. */
  line(test: (line: string) => boolean): Promise<string>;
}

/** A folder that is removed at the end, with every process started in it. */
export class Bench {
  readonly folder = mkdtempSync(join(tmpdir(), 'diptych-batch-'));
  readonly #running = new Set<ChildProcess>();

  readonly at = (...names: string[]): string => join(this.folder, ...names);

  /** A style learned in one step. */
  async style(name = 'style.safetensors', after = BLUE): Promise<string> {
    const engine = await tinyEngine();
    try {
      const { style } = await engine.learn({
        before: drawing(48, 48, RED, PALE),
        after: drawing(48, 48, after, PALE),
        prompt: 'a disc',
        style: 'blue',
        steps: 1,
        contentSteps: 0,
        rank: 2,
      });
      writeFileSync(this.at(name), style);
    } finally {
      await engine.dispose();
    }
    return this.at(name);
  }

  /** Small pictures that all differ, in two folders. */
  async pictures(count: number, folder = 'in', side = 24): Promise<string> {
    mkdirSync(this.at(folder, 'sub'), { recursive: true });
    await Promise.all(
      Array.from({ length: count }, (_, i) => {
        const name = `${i % 3 === 0 ? 'sub/' : ''}icon-${String(i).padStart(4, '0')}.png`;
        const radius = 4 + (i % 5);
        const picture = paint(side, side, (x, y) =>
          Math.hypot(x - 8 - (i % 7), y - 12) < radius ? [200, i % 256, (7 * i) % 256, 255] : [240, 235, 220, 255],
        );
        return writePng(this.at(folder, name), picture);
      }),
    );
    return this.at(folder);
  }

  start(...argv: string[]): Running {
    return this.#start(process.execPath, [built('cli/diptych.mjs'), ...argv], this.folder);
  }

  /** As on another machine: the command does not see this folder. Only root can have that; for others it does see it. */
  startElsewhere(...argv: string[]): Running {
    const command = [process.execPath, built('cli/diptych.mjs'), ...argv];
    const script = 'mount -t tmpfs tmpfs "$0" && cd / && exec "$@"';
    const hidden = ['-m', 'sh', '-c', script, this.folder];
    const allowed = spawnSync('unshare', [...hidden, 'true']).status === 0;
    return allowed
      ? this.#start('unshare', [...hidden, ...command], '/')
      : this.#start(command[0]!, command.slice(1), '/');
  }

  #start(program: string, argv: readonly string[], cwd: string): Running {
    const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], cwd });
    this.#running.add(child);
    let out = '';
    let err = '';
    const watchers = new Set<() => void>();
    const hear = (): void => watchers.forEach((watch) => watch());
    child.stdout.setEncoding('utf8').on('data', (text: string) => ((out += text), hear()));
    child.stderr.setEncoding('utf8').on('data', (text: string) => ((err += text), hear()));
    const finished = new Promise<Finished>((resolve) =>
      child.on('close', (code) => {
        this.#running.delete(child);
        resolve({ code, out, err });
      }),
    );
    const line = (test: (line: string) => boolean): Promise<string> =>
      new Promise((resolve, reject) => {
        const watch = (): void => {
          const found = `${out}\n${err}`.split('\n').find(test);
          if (found === undefined) return;
          watchers.delete(watch);
          resolve(found);
        };
        watchers.add(watch);
        watch();
        void finished.then(() => reject(new Error(`the command ended first: ${err || out}`)));
      });
    return { child, finished, line };
  }

  run(...argv: string[]): Promise<Finished> {
    return this.start(...argv).finished;
  }

  close(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Every file under a folder with its bytes, by relative path; the batch's journals left out. */
export function filesUnder(folder: string): Map<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return new Map(
    entries
      .filter((entry) => entry.isFile() && !entry.name.endsWith('.jsonl'))
      .map((entry): [string, Buffer] => {
        const path = join(entry.parentPath, entry.name);
        return [relative(folder, path), readFileSync(path)];
      })
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** Process ids of a process's children. */
export function childrenOf(pid: number): number[] {
  return spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .stdout.split('\n')
    .map(Number)
    .filter((child) => child > 0);
}

/** The events that --json printed. */
export function events(out: string): Record<string, unknown>[] {
  return out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** A killed process that nobody waits for does not run. */
export function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
