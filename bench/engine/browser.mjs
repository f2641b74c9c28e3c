/**
 * Times the embedded model's work in Chromium's WebAssembly against onnxruntime-node, in turn, so that both see the
 * same machine.
 *
 *   node bench/engine/browser.mjs [--model DIR] [--threads 2] [--rank 16] [--rounds 8] [--count 2]
 *
 * A round runs `count` steps of a job in each program and keeps the median of each. Processor time does not count what
 * other processes take away, so on a busy machine it is the steadier of the two; with threads it counts their waiting.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { embeddedModelFolder } from '../../scripts/build/model.mjs';
import { loadBundled } from '../node-bundle.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: embeddedModelFolder() },
    threads: { type: 'string', default: '2' },
    rank: { type: 'string', default: '16' },
    rounds: { type: 'string', default: '8' },
    count: { type: 'string', default: '2' },
  },
});
const [threads, rank, rounds, count] = ['threads', 'rank', 'rounds', 'count'].map((name) => Number(options[name]));

execFileSync(process.execPath, [join(root, 'build.mjs')], { stdio: 'inherit' });
const { openBrowser, open } = await loadBundled('bench-browser', [
  'test/browser/chromium.ts',
  'bench/engine/browser-node.ts',
]);

/** Seconds of processor time used so far by this process's children and theirs. */
function childSeconds() {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /, '')
          .split(' ');
        return [{ pid: Number(pid), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }];
      } catch {
        return [];
      }
    });
  const ours = new Set([process.pid]);
  for (let grown = true; grown;) {
    grown = false;
    for (const { pid, parent } of stats) if (ours.has(parent) && !ours.has(pid)) grown = !!ours.add(pid);
  }
  ours.delete(process.pid);
  // A tick is 10 ms on every Linux that Node runs on.
  return stats.filter(({ pid }) => ours.has(pid)).reduce((sum, { ticks }) => sum + ticks, 0) / 100;
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
const round = (x) => Number(x.toPrecision(3));

async function timed(call, processor) {
  const used = processor();
  const wall = median(await call());
  return { wall, cpu: ((processor() - used) * 1000) / count };
}

const browser = await openBrowser({ model: options.model });
const { page } = browser;

/** Starts a worker in the page and returns its ask function. */
async function inBrowser(name, message) {
  const ask = (data) =>
    page.evaluate(
      ([key, sent]) =>
        new Promise((resolve, reject) => {
          const worker = (globalThis[key] ??= new Worker('/dist/test/bench-worker.js'));
          worker.onmessage = (event) => resolve(event.data);
          worker.onerror = (event) => reject(new Error(event.message));
          worker.postMessage(sent);
        }),
      [name, data],
    );
  const device = await ask(message);
  return { device, run: (job, times) => ask({ job, count: times }), processor: childSeconds };
}

const node = await open(options.model, threads, rank);
const nodeProcessor = () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6;
const programs = {
  'onnxruntime-node': { ...node, processor: nodeProcessor },
  'wasm (jspi build)': await inBrowser('jspi', { build: 'jspi', threads, rank }),
  'wasm (plain build)': await inBrowser('plain', { build: 'plain', threads, rank }),
};

const rows = [];
for (const [job, title] of [
  ['train', 'learning step, both losses'],
  ['guided', 'guided step, one style'],
]) {
  const results = new Map(Object.keys(programs).map((name) => [name, []]));
  for (let i = 0; i <= rounds; i++) {
    for (const [name, { run, processor }] of Object.entries(programs)) {
      const result = await timed(() => run(job, count), processor);
      // The first round compiles and warms up.
      if (i > 0) results.get(name).push(result);
    }
  }
  const base = results.get('onnxruntime-node');
  for (const [name, times] of results) {
    const ratio = (key) => times.map((time, i) => time[key] / base[i][key]);
    rows.push({
      work: title,
      program: name,
      'wall ms': round(median(times.map(({ wall }) => wall))),
      'x node': round(median(ratio('wall'))),
      'least-most': `${round(Math.min(...ratio('wall')))}-${round(Math.max(...ratio('wall')))}`,
      'processor ms': round(median(times.map(({ cpu }) => cpu))),
      'x node (processor)': round(median(ratio('cpu'))),
    });
  }
}
console.log(
  `${threads} threads (${programs['wasm (jspi build)'].device.threads} in wasm), rank ${rank}, ${rounds} rounds of ${count} steps`,
);
console.table(rows);
await browser.close();
process.exit();
