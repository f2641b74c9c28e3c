#!/usr/bin/env node
/** Entry of dist/cli/diptych.mjs. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processIo } from './host';
import { run } from './program';

// Exit by code, not by process.exit: output that is still in a pipe must arrive.
process.exitCode = await run(process.argv.slice(2), processIo(dirname(fileURLToPath(import.meta.url))));
