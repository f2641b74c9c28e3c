/**
 * `node bench/batch/run.mjs [redis|postgres] [workers]`: what the queue itself sustains.
 * `node bench/batch/run.mjs machine [pictures]`: what a batch costs beside the restyling, its memory, two slots against one.
 * Prints a line of JSON a case.
 */
import { loadBundled } from '../node-bundle.mjs';

const [kind = 'redis', count] = process.argv.slice(2);
const { measureMachine, measureQueue } = await loadBundled('bench-batch', [
  'bench/batch/queue.ts',
  'bench/batch/machine.ts',
]);
const rows =
  kind === 'machine' ? await measureMachine(Number(count ?? 1000)) : await measureQueue(kind, Number(count ?? 200));
for (const row of rows) console.log(JSON.stringify(row));
