/**
 * What a batch costs on one machine beside the restyling itself: time and CPU time of each picture outside the engine,
 * two slots against one, and the memory of a slot from the first picture to the last. Pictures on the tiny test model, so
 * that there is much of everything else. `node bench/batch/run.mjs machine [pictures] [CHECKOUT]`: with the folder of
 * another checkout that was built, its overhead is measured in turns with this one's.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';

const ROOT = process.cwd();
const commandOf = (root: string): string => join(root, 'dist/cli/diptych.mjs');
const MODEL = join(ROOT, 'test/fixtures/tiny-model');
/** Side of the pictures, px: that of an icon. */
const SIDE = 64;

interface Run {
  /** Wall seconds from the first picture's end to the last one's, and CPU seconds of the whole run. */
  readonly seconds: number;
  readonly cpu: number;
  readonly done: readonly { readonly seconds: number; readonly engineSeconds: number }[];
  /** MiB of the slots' resident memory as pictures are done. */
  readonly memory: readonly number[];
}

/** CPU seconds of ended children and theirs. */
function childrenCpu(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]!.split(' ');
  const ticks = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout);
  return (Number(fields[13]) + Number(fields[14])) / ticks;
}

function memoryOfSlots(pid: number): number {
  const { stdout } = spawnSync('ps', ['-o', 'rss=', '--ppid', String(pid)], { encoding: 'utf8' });
  return Math.max(...stdout.trim().split('\n').map(Number)) / 1024;
}

async function batch(argv: readonly string[], sampleEvery: number, root = ROOT): Promise<Run> {
  const before = childrenCpu();
  const child = spawn(process.execPath, [commandOf(root), 'batch', ...argv, '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const done: { seconds: number; engineSeconds: number }[] = [];
  const memory: number[] = [];
  let [rest, first, last] = ['', 0, 0];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      const event = JSON.parse(line) as { event: string; seconds: number; engineSeconds: number };
      if (event.event !== 'done') continue;
      last = performance.now();
      first ||= last;
      done.push({ seconds: event.seconds, engineSeconds: event.engineSeconds });
      if (sampleEvery > 0 && done.length % sampleEvery === 0) memory.push(memoryOfSlots(child.pid!));
    }
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`diptych batch ended with ${String(code)}`);
  return { seconds: (last - first) / 1000, cpu: childrenCpu() - before, done, memory };
}

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const round = (value: number, digits = 1): number => Number(value.toFixed(digits));

export async function measureMachine(count: number, other?: string): Promise<object[]> {
  const folder = mkdtempSync(join(tmpdir(), 'diptych-bench-'));
  try {
    for (const name of ['in', 'few']) mkdirSync(join(folder, name));
    for (let i = 0; i < count; i++) {
      const color = { r: i % 256, g: (7 * i) % 256, b: 90, alpha: 1 };
      const picture = sharp({ create: { width: SIDE, height: SIDE, channels: 4, background: color } });
      const png = await picture.png().toBuffer();
      writeFileSync(join(folder, 'in', `${i}.png`), png);
      if (i < count / 20) writeFileSync(join(folder, 'few', `${i}.png`), png);
    }
    const learn = [
      'learn',
      'cli/demo-data/before.png',
      'cli/demo-data/after.png',
      '--prompt',
      'a bear',
      '--model',
      MODEL,
    ];
    const style = join(folder, 'style.safetensors');
    const quick = ['--steps', '2', '--content-steps', '1', '--rank', '2', '--threads', '1', '-o', style, '--force'];
    const learned = spawnSync(process.execPath, [commandOf(ROOT), ...learn, ...quick], { encoding: 'utf8', cwd: ROOT });
    if (learned.status !== 0) throw new Error(learned.stderr);
    const argv = (name: string, slots: number, steps: number, from = 'in'): string[] => [
      ...[style, join(folder, from), '-o', join(folder, name), '--model', MODEL, '--threads', '1'],
      ...['--concurrency', String(slots), '--steps', String(steps)],
    ];
    const rows: object[] = [];
    const roots = other === undefined ? [ROOT] : [other, ROOT];
    const sampleEvery = Math.max(1, Math.floor(count / 20));
    let long: Run;
    for (let turn = 0; turn < (other === undefined ? 1 : 2); turn++) {
      for (const root of roots) {
        long = await batch(argv(`long-${turn}-${roots.indexOf(root)}`, 1, 1), sampleEvery, root);
        const engine = long.done.slice(1).map(({ engineSeconds }) => 1000 * engineSeconds);
        const engineMean = engine.reduce((sum, ms) => sum + ms, 0) / engine.length;
        const each = (1000 * long.seconds) / (count - 1);
        rows.push({
          ...{ case: 'overhead', of: root, pictures: count, pictureMs: round(each) },
          ...{ engineMs: round(engineMean), engineMedianMs: round(median(engine)) },
          // From one picture's end to the next one's, without the time in the engine: files, channels, the journal.
          ...{ overheadMs: round(each - engineMean), cpuMs: round((1000 * long.cpu) / count) },
        });
      }
    }
    rows.push({ case: 'memory of a slot, MiB', at: long!.memory.map((mib) => Math.round(mib)) });
    // In turns, so that what else the machine does is shared alike; enough steps for a picture that is mostly computed.
    const turns: { one: Run; two: Run }[] = [];
    for (let turn = 0; turn < 3; turn++) {
      const one = await batch([...argv(`one-${turn}`, 1, 20, 'few'), '--seed', String(turn)], 0);
      const two = await batch([...argv(`two-${turn}`, 2, 20, 'few'), '--seed', String(turn)], 0);
      turns.push({ one, two });
    }
    rows.push({
      case: 'two slots against one',
      speed: turns.map(({ one, two }) => round(one.seconds / two.seconds, 2)),
      // The work that one picture takes; what two slots cost each other shows here whatever else the machine does.
      cpuRatio: turns.map(({ one, two }) => round(one.cpu / two.cpu, 2)),
    });
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
