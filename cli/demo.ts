/** Entry of `npm run demo`. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runDemo } from './demo/demo';
import { processIo } from './host';
import { endSoon } from './signals';

const io = processIo(dirname(fileURLToPath(import.meta.url)));
process.chdir(io.root);
process.exitCode = await runDemo(io);
if (io.signal.aborted) endSoon();
