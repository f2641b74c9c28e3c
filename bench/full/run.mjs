/**
 * A model of real size in our engine and in PyTorch: the same numbers, processor time, and the process's peak memory.
 *
 *   node bench/full/run.mjs MODEL [--python PATH] [--size 512] [--rank 64] [--jobs train,guided,encode,decode]
 *                           [--checkpoint] [--most GIB] [--ours]
 *
 * Each runs in a process of its own, ours first. Peak memory is the largest resident set; of it, `files` are pages of
 * weight files mapped into memory, which the system takes back when others need the room. A process is ended when its
 * own memory (without files) passes --most. --checkpoint lets PyTorch recompute activations; --ours leaves it out.
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
    ours: { type: 'boolean', default: false },
  },
});
const GIB = 2 ** 20;

/** Runs a command; resolves with its last line as JSON and its peaks in GiB, or with why it ended. */
function measured(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    const peak = { all: 0, own: 0, files: 0 };
    child.stdout.on('data', (chunk) => (text += chunk));
    const watch = setInterval(() => {
      try {
        const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
        const kib = (key) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / GIB;
        peak.all = Math.max(peak.all, kib('VmHWM'));
        peak.own = Math.max(peak.own, kib('RssAnon'));
        peak.files = Math.max(peak.files, kib('RssFile'));
        if (kib('RssAnon') > Number(options.most)) child.kill('SIGKILL');
      } catch {
        // It has ended.
      }
    }, 50);
    child.on('exit', (code, signal) => {
      clearInterval(watch);
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
  const args = [model, job, options.size, options.rank, results];
  const rows = [];
  const add = (program, { peak, result }) =>
    rows.push({
      program,
      'first, CPU s': number(result.seconds?.[0]),
      'second, CPU s': number(result.seconds?.[1]),
      'peak GiB': number(peak.all),
      'own GiB': number(peak.own),
      'files GiB': number(peak.files),
      ...(result.ended && { ended: result.ended }),
      ...(result.differences && { differences: JSON.stringify(result.differences) }),
    });
  add('ours', await measured(process.execPath, [outfile, ...args]));
  if (!options.ours) {
    const torch = [join(root, 'bench/full/torch_step.py'), ...args, ...(options.checkpoint ? ['--checkpoint'] : [])];
    add('PyTorch', await measured(options.python, torch));
  }
  console.log(`${job}, ${options.size} px, rank ${options.rank}`);
  console.table(rows);
}
