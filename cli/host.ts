/** The real outside world of the commands: this process. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Engine } from '../engine/engine';
import { nodeBackend } from '../engine/runtime/backend-node';
import type { Io } from './io';
import { EXIT } from './program';

/** @param from a folder inside Diptych's own, such as that of the running script. */
export function processIo(from: string): Io {
  const controller = new AbortController();
  process.on('SIGINT', () => {
    // The first Ctrl-C lets the step under way end and saves; a second one does not wait.
    if (controller.signal.aborted) process.exit(EXIT.cancelled);
    controller.abort();
    process.stderr.write('\ncancelling; press Ctrl-C again to stop at once\n');
  });
  process.on('SIGTERM', () => controller.abort());
  // A reader that closed the pipe, such as head, is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    interactive: process.stderr.isTTY === true,
    signal: controller.signal,
    root: packageRoot(from),
    openEngine: (folder, options, signal) => Engine.open(folder, nodeBackend, options, signal),
  };
}

/** The nearest folder above that holds a package.json: the same from the sources and from dist/. */
function packageRoot(from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) || dirname(folder) === folder) return folder;
  }
}
