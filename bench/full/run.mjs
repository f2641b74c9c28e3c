/**
 * A model of real size in our engine and in PyTorch: the same numbers, processor time, and the process's peak memory.
 *
 *   node bench/full/run.mjs MODEL [--python PATH] [--size 512] [--rank 64] [--jobs train,guided,encode,decode]
 *                           [--checkpoint] [--most GIB] [--once] [--ours] [--weights 8-bit] [--keep nothing]
 *
 * Each runs in a process of its own, ours first. `peak` is memory with every page counted once (Pss), sampled; `own` is
 * what of it is no file: the rest are weights mapped from their files, which the system takes back when others need the
 * room. `resident set` counts a page again for every session that maps it. A process is ended when its own memory
 * passes --most. --checkpoint lets PyTorch recompute activations; --ours leaves it
 * out; --once runs each a single time. --weights 8-bit adds ours with 8-bit weights, its differences being relative
 * errors against ours; --keep nothing makes training steps of ours keep nothing for the way back.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    python: { type: 'string', default: 'python3' },
    size: { type: 'string', default: '512' },
    rank: { type: 'string', default: '64' },
    jobs: { type: 'string', default: 'encode,decode,guided,train' },
    most: { type: 'string', default: '14' },
    checkpoint: { type: 'boolean', default: false },
    once: { type: 'boolean', default: false },
    ours: { type: 'boolean', default: false },
    weights: { type: 'string', default: 'stored' },
    keep: { type: 'string', default: 'products' },
  },
});
const GIB = 2 ** 20;

/** Reads the fields of a /proc file that are in KiB, as GiB. */
const kibOf = (text) => (key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) / GIB;

/** Runs a command; resolves with its last line as JSON and its peaks in GiB, or with why it ended. */
function measured(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    const peak = { all: 0, own: 0, resident: 0 };
    child.stdout.on('data', (chunk) => (text += chunk));
    const watch = setInterval(() => {
      try {
        const status = kibOf(readFileSync(`/proc/${child.pid}/status`, 'utf8'));
        peak.resident = Math.max(peak.resident, status('VmHWM'));
        peak.own = Math.max(peak.own, status('RssAnon'));
        if (status('RssAnon') > Number(options.most)) child.kill('SIGKILL');
      } catch {
        // It has ended.
      }
    }, 50);
    // Walks the page tables, so less often.
    const walk = setInterval(() => {
      try {
        const pages = kibOf(readFileSync(`/proc/${child.pid}/smaps_rollup`, 'utf8'));
        peak.all = Math.max(peak.all, pages('Pss'));
      } catch {
        // It has ended.
      }
    }, 400);
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      clearInterval(walk);
      resolve({ peak, result: code === 0 ? JSON.parse(text.trim().split('\n').at(-1)) : { ended: signal ?? code } });
    });
  });
}

const [model] = positionals;
const outfile = join(root, 'node_modules/.cache/bench-full-step.mjs');
const entry = { entryPoints: [join(root, 'bench/full/step.ts')], bundle: true, packages: 'external' };
await build({ ...entry, platform: 'node', format: 'esm', outfile, logLevel: 'warning' });
const number = (x) => (x === undefined ? '' : Number(x.toFixed(2)));
for (const job of options.jobs.split(',')) {
  const results = join(tmpdir(), `diptych-${process.pid}-${job}.safetensors`);
  const args = [model, job, options.size, options.rank, results, ...(options.once ? ['--once'] : [])];
  const rows = [];
  const add = (program, { peak, result }) =>
    rows.push({
      program,
      'first, CPU s': number(result.seconds?.[0]),
      'second, CPU s': number(result.seconds?.[1]),
      'peak GiB': number(peak.all),
      'own GiB': number(peak.own),
      'resident set GiB': number(peak.resident),
      ...(result.ended && { ended: result.ended }),
      ...(result.differences && { differences: JSON.stringify(result.differences) }),
    });
  const ours = [outfile, ...args, '--keep', options.keep];
  add('ours', await measured(process.execPath, ours));
  if (options.weights === '8-bit') {
    const eightBit = ours.with(5, `${results}.8-bit`);
    add('ours, 8-bit', await measured(process.execPath, [...eightBit, '--weights', '8-bit', '--against', results]));
  }
  if (!options.ours) {
    const torch = [join(root, 'bench/full/torch_step.py'), ...args, ...(options.checkpoint ? ['--checkpoint'] : [])];
    add('PyTorch', await measured(options.python, torch));
  }
  console.log(`${job}, ${options.size} px, rank ${options.rank}`);
  console.table(rows);
}
