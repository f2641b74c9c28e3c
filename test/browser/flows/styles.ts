/** Style files for the tests, learned by the command line on the model that is in the panel. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../..');

export interface StyleFiles {
  /** Learns a style for a few steps, at a rate that makes its change visible, and returns the file's path. */
  make(name: string, options?: { rank?: number; seed?: number }): string;
  /** Removes the files. */
  dispose(): void;
}

export function styleFiles(): StyleFiles {
  const folder = mkdtempSync(join(tmpdir(), 'diptych-flows-'));
  return {
    make(name, { rank = 2, seed = 0 } = {}) {
      const file = join(folder, `${name}.safetensors`);
      const sample = (which: string): string => join(ROOT, `cli/demo-data/${which}.png`);
      const settings = { style: name, steps: 6, 'content-steps': 1, lr: 0.02, rank, seed, threads: 1 };
      const options = Object.entries(settings).flatMap(([option, value]) => [`--${option}`, String(value)]);
      const command = ['learn', sample('before'), sample('after'), '-o', file, ...options];
      const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'dist/cli/diptych.mjs'), ...command]);
      if (status !== 0) throw new Error(`no style could be made: ${String(stderr)}`);
      return file;
    },
    dispose: () => rmSync(folder, { recursive: true }),
  };
}
