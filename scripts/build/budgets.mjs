/** How large what people load may be. A bundle past its budget fails the build. */
import { gzipSync } from 'node:zlib';

const KB = 1000;

/**
 * Bytes; `gzip` where the file travels compressed. Set a little above what they are: a jump is a mistake (the engine in
 * the panel, a second copy of a library) until somebody decides otherwise here.
 */
const BUDGETS = {
  'code.js': { limit: 80 * KB, gzip: false },
  'panel.js': { limit: 70 * KB, gzip: true },
  'panel.css': { limit: 8 * KB, gzip: true },
  'engine worker (hosted)': { limit: 240 * KB, gzip: true },
  'engine worker (embedded)': { limit: 158 * KB, gzip: true },
  'picture worker': { limit: 25 * KB, gzip: true },
  'ui.html': { limit: 26_500 * KB, gzip: false },
};

/** Throws an Error when `contents` is larger than the budget of that name allows. */
export function keepBudget(name, contents) {
  const { limit, gzip } = BUDGETS[name];
  const size = gzip ? gzipSync(contents).length : Buffer.byteLength(contents);
  if (size <= limit) return;
  const kb = (bytes) => `${Math.ceil(bytes / KB)} kB${gzip ? ' gzipped' : ''}`;
  throw new Error(
    `${name} is ${kb(size)}, more than its budget of ${kb(limit)}; find what grew, or raise the budget in scripts/build/budgets.mjs`,
  );
}
