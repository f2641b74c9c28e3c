#!/usr/bin/env node
/** Entry of dist/cli/diptych.mjs. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processIo } from './host';
import { run } from './program';
import { endSoon } from './signals';

// Exit by code, not by process.exit: output that is still in a pipe must arrive.
const io = processIo(dirname(fileURLToPath(import.meta.url)));
process.exitCode = await run(process.argv.slice(2), io);
if (io.signal.aborted) endSoon();
