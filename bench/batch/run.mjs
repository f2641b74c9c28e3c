/**
 * `node bench/batch/run.mjs [redis|postgres] [workers]`: what the queue itself sustains.
 * `node bench/batch/run.mjs machine [pictures] [CHECKOUT]`: what a batch costs beside the restyling, beside what it costs in
 * another checkout, its memory, two slots against one.
 * Prints a line of JSON a case.
 */
import { loadBundled } from '../node-bundle.mjs';

const [kind = 'redis', count, other] = process.argv.slice(2);
const { measureMachine, measureQueue } = await loadBundled('bench-batch', [
  'bench/batch/queue.ts',
  'bench/batch/machine.ts',
]);
const rows =
  kind === 'machine'
    ? await measureMachine(Number(count ?? 1000), other)
    : await measureQueue(kind, Number(count ?? 200));
for (const row of rows) console.log(JSON.stringify(row));
