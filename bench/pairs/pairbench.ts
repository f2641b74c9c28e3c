/** Entry of `npm run pairbench`: builds suites, runs the benchmark, writes its page. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processIo } from '../../cli/host';
import { endSoon } from '../../cli/terminal/signals';
import { runPairbench } from './run/command';

const io = processIo(dirname(fileURLToPath(import.meta.url)));
process.exitCode = await runPairbench(process.argv.slice(2), io);
if (io.signal.aborted) endSoon();
