/**
 * `node bench/batch/run.mjs [redis|postgres] [workers]`: what the queue itself sustains.
 * `node bench/batch/run.mjs worker [pictures] [redis|postgres] [CHECKOUT]`: what a picture costs a worker of a queue beside the
 * restyling.
 * `node bench/batch/run.mjs machine [pictures] [CHECKOUT]`: what a batch costs beside the restyling, beside what it costs in
 * another checkout, its memory, two slots against one.
 * Prints a line of JSON a case.
 */
import { loadBundled } from '../node-bundle.mjs';

const [kind = 'redis', count, ...more] = process.argv.slice(2);
const { measureMachine, measureQueue, measureWorker } = await loadBundled('bench-batch', [
  'bench/batch/queue.ts',
  'bench/batch/machine.ts',
  'bench/batch/worker.ts',
]);
const KINDS = {
  machine: () => measureMachine(Number(count ?? 1000), more[0]),
  worker: () => measureWorker(Number(count ?? 200), more[0] ?? 'redis', more[1]),
};
const rows = await (KINDS[kind] ?? (() => measureQueue(kind, Number(count ?? 200))))();
for (const row of rows) console.log(JSON.stringify(row));
