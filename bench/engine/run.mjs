/**
 * Times the embedded model's work in our engine and in PyTorch, in turn, so that both see the same machine.
 *
 *   node bench/engine/run.mjs [--model DIR] [--python PATH] [--threads 2] [--rank 16] [--rounds 12] [--count 5] [--jobs a,b]
 *
 * A round runs `count` steps of a job in each program and keeps the median of each. Wall time is what a user waits;
 * processor time does not count what other processes take away, so on a busy machine it is the steadier of the two.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { embeddedModelFolder } from '../../scripts/build/model.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: embeddedModelFolder() },
    python: { type: 'string', default: 'python3' },
    threads: { type: 'string', default: '2' },
    rank: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '12' },
    count: { type: 'string', default: '5' },
    jobs: { type: 'string', default: 'text,encode,content,train,invert,guided,decode' },
  },
});

/** Our job, and the ways PyTorch does the same; none for programs whose first run alone is of interest. */
const JOBS = {
  text: ['text'],
  encode: ['encode'],
  content: [],
  train: ['train', 'train-batched'],
  invert: [],
  guided: ['guided', 'guided-batched'],
  decode: ['decode'],
};

const NAMES = {
  text: 'text encoder, 1 prompt',
  encode: 'VAE encode, 1 image',
  content: 'training step, 1 row, content adapter',
  train: 'training step, 2 rows, both adapters',
  'train-batched': '... in one batch by hand',
  invert: 'inversion step, base alone',
  guided: 'guided step, base + 1 style',
  'guided-batched': '... in one batch by hand',
  decode: 'VAE decode, 2 images',
};

/** The programs a user waits for before the first step. */
const WAITS = {
  'to learn': ['text', 'encode', 'content', 'train'],
  'to restyle': ['text', 'encode', 'invert', 'guided', 'decode'],
};

/** A program that answers each line with a line of JSON. */
class Worker {
  #process;
  #lines;

  constructor(command, args) {
    const environment = { ...process.env, OMP_NUM_THREADS: options.threads };
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env: environment });
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  async answer() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`${this.#process.spawnargs.join(' ')} ended; run it by hand to see why`);
    return JSON.parse(value);
  }

  ask(line) {
    this.#process.stdin.write(`${line}\n`);
    return this.answer();
  }

  async end() {
    this.#process.stdin.end();
    await once(this.#process, 'exit');
  }
}

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
const round = (x, digits = 3) => Number(x.toPrecision(digits));

/** How ours compares with theirs, round by round; numbers in ms. */
function summary(ours, theirs, key) {
  const ratios = ours.map((our, i) => our[key] / theirs[i][key]);
  return {
    ours: median(ours.map((r) => r[key])),
    theirs: median(theirs.map((r) => r[key])),
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
  };
}

async function measure(worker, job) {
  const { wall, cpu } = await worker.ask(`${job} ${options.count}`);
  return { wall: median(wall), cpu: median(cpu) };
}

function firstRows(firsts) {
  const row = (program, times) => ({
    program,
    'wall ms': round(times.reduce((sum, { wall }) => sum + wall, 0)),
    'processor ms': round(times.reduce((sum, { cpu }) => sum + cpu, 0)),
  });
  const sums = Object.entries(WAITS).filter(([, jobs]) => jobs.every((job) => firsts.has(job)));
  return [
    ...[...firsts].map(([job, times]) => row(NAMES[job], [times])),
    ...sums.map(([what, jobs]) =>
      row(
        `all ${what}`,
        jobs.map((job) => firsts.get(job)),
      ),
    ),
  ];
}

function requireSame(a, b) {
  if (a && b && a.some((loss, i) => Math.abs(loss - b[i]) > 1e-4 * loss)) {
    throw new Error(`the programs do not compute the same: first losses ${a} and ${b}`);
  }
}

async function main() {
  const outfile = `${root}/node_modules/.cache/bench-step.mjs`;
  const entry = { entryPoints: [`${root}/bench/step.ts`], bundle: true, packages: 'external' };
  await build({ ...entry, platform: 'node', format: 'esm', outfile, logLevel: 'warning' });
  const args = [options.model, options.threads, options.rank];
  const ours = new Worker('node', [outfile, ...args]);
  const torch = new Worker(options.python, [`${root}/bench/torch_step.py`, ...args]);
  await Promise.all([ours.answer(), torch.answer()]);

  const rows = [];
  const firsts = new Map();
  for (const job of options.jobs.split(',')) {
    const first = await ours.ask(`${job} 1`);
    firsts.set(job, first.first);
    if (JOBS[job].length === 0) continue;
    const rounds = { ours: [], theirs: JOBS[job].map(() => []) };
    for (const other of JOBS[job]) requireSame(first.losses, (await torch.ask(`${other} 1`)).losses);
    // One round to warm up.
    for (let i = 0; i <= Number(options.rounds); i++) {
      const our = await measure(ours, job);
      const theirs = [];
      for (const other of JOBS[job]) theirs.push(await measure(torch, other));
      if (i === 0) continue;
      rounds.ours.push(our);
      theirs.forEach((their, k) => rounds.theirs[k].push(their));
    }
    JOBS[job].forEach((other, k) => {
      for (const key of ['wall', 'cpu']) {
        const { ours: our, theirs, ratio, low, high } = summary(rounds.ours, rounds.theirs[k], key);
        rows.push({
          work: NAMES[other],
          time: key === 'wall' ? 'wall' : 'processor',
          'ours ms': round(our),
          'PyTorch ms': round(theirs),
          ratio: round(ratio, 2),
          'least-most': `${round(low, 2)}-${round(high, 2)}`,
        });
      }
    });
  }
  console.log(
    `${options.threads} threads, rank ${options.rank}, ${options.rounds} rounds of ${options.count} steps; ratio = ours / PyTorch`,
  );
  console.table(rows);
  console.log('First run of each program of ours: build, compile, run');
  console.table(firstRows(firsts));
  await Promise.all([ours.end(), torch.end()]);
}

await main();
