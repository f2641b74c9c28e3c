/** What the measurements of batches have in common: small pictures, a style on the tiny test model, and commands that are timed. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

export const ROOT = process.cwd();
const commandOf = (root: string): string => join(root, 'dist/cli/diptych.mjs');
const MODEL = join(ROOT, 'test/fixtures/tiny-model');
/** Side of the pictures, px: that of an icon. */
const SIDE = 64;

export interface Run {
  /** Seconds from the first picture's end to the last one's, and CPU seconds of all its processes meanwhile. */
  readonly seconds: number;
  readonly steadyCpu: number;
  /** CPU seconds of the whole run, its start and end included. */
  readonly cpu: number;
  readonly done: readonly { readonly seconds: number; readonly engineSeconds: number }[];
  /** MiB of the slots' resident memory as pictures are done. */
  readonly memory: readonly number[];
}

/** Fields of a process's stat from its state on. */
const statOf = (pid: number | 'self'): number[] =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ').map(Number);

const ticks = (): number => Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);

/** CPU seconds of ended children and theirs. */
function childrenCpu(): number {
  const fields = statOf('self');
  return (fields[13]! + fields[14]!) / ticks();
}

/** CPU ticks of a process and those that it started and that run. */
function treeTicks(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').map(Number).filter(Boolean);
  const fields = statOf(pid);
  return children.reduce((sum, child) => sum + treeTicks(child), fields[11]! + fields[12]!);
}

function memoryOfSlots(pid: number): number {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '--ppid', String(pid)], { encoding: 'utf8' });
  return Math.max(...stdout.trim().split('\n').map(Number)) / 1024;
}

/** Runs a command of batches to its end. Throws an Error when it fails. */
export function command(argv: readonly string[], root = ROOT): void {
  const { status, stderr } = spawnSync(process.execPath, [commandOf(root), ...argv], { encoding: 'utf8', cwd: ROOT });
  if (status !== 0) throw new Error(stderr);
}

/**
 * Runs a command that does pictures, and times them.
 *
 * @param ends the number of pictures after which the command is told to end; it ends by itself when left out.
 * @param sampleEvery pictures between two looks at the memory; 0 for none.
 */
export async function timed(
  argv: readonly string[],
  { root = ROOT, sampleEvery = 0, ends = Infinity }: { root?: string; sampleEvery?: number; ends?: number } = {},
): Promise<Run> {
  const before = childrenCpu();
  const child = spawn(process.execPath, [commandOf(root), ...argv, '--json'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const done: { seconds: number; engineSeconds: number }[] = [];
  const memory: number[] = [];
  let [rest, first, last] = ['', 0, 0];
  let [firstTicks, lastTicks] = [0, 0];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const event = JSON.parse(line) as { event: string; seconds: number; engineSeconds: number };
      if (event.event !== 'done') continue;
      last = performance.now();
      lastTicks = treeTicks(child.pid!);
      first ||= last;
      firstTicks ||= lastTicks;
      done.push({ seconds: event.seconds, engineSeconds: event.engineSeconds });
      if (sampleEvery > 0 && done.length % sampleEvery === 0) memory.push(memoryOfSlots(child.pid!));
      if (done.length === ends) child.kill('SIGTERM');
    }
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== (ends === Infinity ? 0 : 130)) throw new Error(`diptych ${argv[0]} ended with ${String(code)}`);
  const steadyCpu = (lastTicks - firstTicks) / ticks();
  return { seconds: (last - first) / 1000, steadyCpu, cpu: childrenCpu() - before, done, memory };
}

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
export const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

/** What a picture of a run with one slot costs. */
export function costs({ done, seconds, steadyCpu }: Run): Record<string, number> {
  const engine = done.slice(1).map(({ engineSeconds }) => 1000 * engineSeconds);
  const engineMean = engine.reduce((sum, ms) => sum + ms, 0) / engine.length;
  const each = (1000 * seconds) / (done.length - 1);
  return {
    ...{ pictureMs: round(each), engineMs: round(engineMean), engineMedianMs: round(median(engine)) },
    // From one picture's end to the next one's, without the time in the engine: files, channels, the journal or queue.
    ...{ overheadMs: round(each - engineMean), cpuMs: round((1000 * steadyCpu) / (done.length - 1)) },
  };
}

/** A folder that is removed at the end. */
export class Workplace {
  readonly folder = mkdtempSync(join(tmpdir(), 'diptych-bench-'));
  readonly #style = join(this.folder, 'style.safetensors');

  /** Pictures that all differ, and the first few of them in a folder of their own. */
  async pictures(count: number): Promise<void> {
    for (const name of ['in', 'few']) mkdirSync(join(this.folder, name));
    for (let i = 0; i < count; i++) {
      const color = { r: i % 256, g: (7 * i) % 256, b: 90, alpha: 1 };
      const picture = sharp({ create: { width: SIDE, height: SIDE, channels: 4, background: color } });
      const png = await picture.png().toBuffer();
      writeFileSync(join(this.folder, 'in', `${i}.png`), png);
      if (i < count / 20) writeFileSync(join(this.folder, 'few', `${i}.png`), png);
    }
    const pair = ['cli/demo-data/before.png', 'cli/demo-data/after.png', '--prompt', 'a bear'];
    const quick = ['--steps', '2', '--content-steps', '1', '--rank', '2', '--force'];
    command(['learn', ...pair, ...ENGINE, ...quick, '-o', this.#style]);
  }

  /** Arguments of `diptych batch`; the results go into a folder of that name. */
  batch(name: string, steps: number, from = 'in'): string[] {
    const places = [this.#style, join(this.folder, from), '-o', join(this.folder, name)];
    return ['batch', ...places, ...ENGINE, '--steps', String(steps)];
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One thread a slot. */
export const ENGINE = ['--model', MODEL, '--threads', '1'];
