#!/usr/bin/env node
/** Entry of dist/cli/diptych.mjs. What computes runs in a process of its own; the one above it loads nothing large. */
import { fileURLToPath } from 'node:url';
import { printable } from './terminal/printable';
import { superviseEntry } from './supervising/supervise';
import { isSupervised } from './supervising/supervised';
import { systemProblem } from './terminal/system-errors';

/** Commands that compute in this process; the others hear signals by themselves. */
const COMPUTE = ['learn', 'restyle', 'imagine'];

const argv = process.argv.slice(2);
const computes = COMPUTE.includes(argv[0] ?? '') && !argv.includes('--help') && !argv.includes('-h');
// What is thrown before a command runs or outside of it: system errors are a line, all else is a defect.
process.on('uncaughtException', (error) => {
  const line = systemProblem(error);
  process.stderr.write(`diptych: ${line === undefined ? (error.stack ?? String(error)) : printable(line)}\n`);
  process.exit(line === undefined ? 1 : 2);
});
if (computes && !isSupervised()) await superviseEntry(fileURLToPath(import.meta.url), argv);
else {
  const { runCommand } = (await import(new URL('./commands.mjs', import.meta.url).href)) as typeof import('./commands');
  await runCommand(argv);
}
