/** `node bench/batch/run.mjs [redis|postgres] [workers]`: what the queue itself sustains. Prints a line of JSON a case. */
import { loadBundled } from '../node-bundle.mjs';

const [kind = 'redis', workers = '200'] = process.argv.slice(2);
const { measureQueue } = await loadBundled('bench-batch', ['bench/batch/queue.ts']);
for (const row of await measureQueue(kind, Number(workers))) console.log(JSON.stringify(row));
