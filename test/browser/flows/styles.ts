/** Style files for the tests, learned by the command line on the model that is in the panel, each once for all tests. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PanelModel } from './editor';

const ROOT = join(__dirname, '../../..');

declare global {
  // Of jest/browser-environment.mjs: a folder that all test files share, removed at the end.
  var sharedFolder: string;
}

/** Learns a style for a few steps, at a rate that makes its change visible, and returns the file's path. */
export function styleFile(name: string, model: PanelModel, seed = 0): string {
  const file = join(sharedFolder, `${name}-${model}-${seed}.safetensors`);
  if (existsSync(file)) return file;
  const sample = (which: string): string => join(ROOT, `cli/demo-data/${which}.png`);
  const settings = { style: name, steps: 6, 'content-steps': 1, lr: 0.02, rank: 2, seed, threads: 1 };
  const options = Object.entries(settings).flatMap(([option, value]) => [`--${option}`, String(value)]);
  if (model === 'tiny') options.push('--model', join(ROOT, 'test/fixtures/tiny-model'));
  const command = ['learn', sample('before'), sample('after'), '-o', file, ...options];
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'dist/cli/diptych.mjs'), ...command]);
  if (status !== 0) throw new Error(`no style could be made: ${String(stderr)}`);
  return file;
}
