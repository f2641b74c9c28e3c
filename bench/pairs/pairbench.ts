/** Entry of `npm run pairbench`: builds suites, runs the benchmark, writes its page. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processIo } from '../../cli/host';
import { runPairbench } from './run/command';

process.exitCode = await runPairbench(process.argv.slice(2), processIo(dirname(fileURLToPath(import.meta.url))));
