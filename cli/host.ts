/** The real outside world of the commands: this process. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Engine } from '../engine/engine';
import { nodeBackend } from '../engine/runtime/backend-node';
import { invocation } from './command-line';
import { reasonOf } from './inputs/files';
import type { Io } from './io';
import { packageRoot } from './package-root';
import { EXIT } from './program';
import { endSoon, obeySignals, processSignals } from './terminal/signals';
import { isSupervised, obeySupervisor, supervisedIo, tellOver } from './supervising/supervised';

/** @param from a folder inside Diptych's own, such as that of the running script. */
export function processIo(from: string): Io {
  const supervised = isSupervised();
  const signal = supervised ? obeySupervisor() : obeySignals(processSignals());
  // A reader that closed the pipe, such as head, is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED') return;
    process.stderr.write(`diptych: standard output cannot be written (${reasonOf(error)}); free some space\n`);
    process.once('exit', () => (process.exitCode = EXIT.badInput));
  });
  // A terminal that was closed or a log that fills the disk must not cost the work it tells of.
  process.stderr.on('error', () => undefined);
  const root = packageRoot(from);
  const io: Io = {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    interactive: process.stderr.isTTY === true,
    signal,
    command: invocation(process, process.cwd()),
    version: versionOf(root),
    root,
    openEngine: (folder, options, signal) => Engine.open(folder, nodeBackend, options, signal),
  };
  return supervised ? supervisedIo(io) : io;
}

/**
 * Runs a program in this process and sets its exit code.
 *
 * @param entry address of the running script.
 * @param main returns the exit code.
 */
export async function runHere(entry: string, main: (io: Io) => Promise<number>): Promise<void> {
  if (!hasFolder()) {
    process.stderr.write('diptych: the current folder was deleted; change to another one\n');
    process.exitCode = EXIT.badInput;
    return;
  }
  const io = processIo(dirname(fileURLToPath(entry)));
  // Exit by code, not by process.exit: output that is still in a pipe must arrive.
  process.exitCode = await main(io);
  if (isSupervised()) tellOver(process.exitCode);
  if (io.signal.aborted) endSoon();
}

/** False in a shell whose folder was deleted meanwhile. */
function hasFolder(): boolean {
  try {
    return process.cwd() !== '';
  } catch {
    return false;
  }
}

function versionOf(root: string): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version;
}
