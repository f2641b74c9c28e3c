/** The real outside world of the commands: this process. */
import { Engine } from '../engine/engine';
import { nodeBackend } from '../engine/runtime/backend-node';
import type { Io } from './io';
import { packageRoot } from './package-root';
import { obeySignals, processSignals } from './signals';

/** @param from a folder inside Diptych's own, such as that of the running script. */
export function processIo(from: string): Io {
  const signal = obeySignals(processSignals());
  // A reader that closed the pipe, such as head, is no error, nor is a terminal that was closed.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    });
  }
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    interactive: process.stderr.isTTY === true,
    signal,
    root: packageRoot(from),
    openEngine: (folder, options, signal) => Engine.open(folder, nodeBackend, options, signal),
  };
}
