/**
 * Times restyling by pairs alone, without learning: from the choice of a pair to its picture, and from a new strength to
 * its picture, in Node and in Chromium's WebAssembly with one thread; beside it the same of a learned style, in turn.
 *
 *   node bench/engine/pair.mjs [--threads 2] [--side 256] [--rounds 8] [--no-browser]
 *
 * Wall time is what a user waits, and on a busy machine says mostly how much of it was left; processor time, which is known
 * in Node, is steadier.
 */
import { execFileSync } from 'node:child_process';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { embeddedModelFolder, pairModelFolder } from '../../scripts/build/model.mjs';
import { loadBundled } from '../node-bundle.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values: options } = parseArgs({
  options: {
    threads: { type: 'string', default: '2' },
    side: { type: 'string', default: '256' },
    rounds: { type: 'string', default: '8' },
    'no-browser': { type: 'boolean', default: false },
  },
});
const [threads, side, rounds] = ['threads', 'side', 'rounds'].map((name) => Number(options[name]));

const { pairs, learned } = await loadBundled('bench-pair', ['bench/engine/pair-node.ts']);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

const rows = [];
function report(program, { opening, first, choose, slide }) {
  const shown = (times) =>
    ['wall', 'processor'].map((clock) =>
      times[0][clock] === undefined ? '' : Math.round(median(times.map((t) => t[clock]))),
    );
  const row = (work, times) => {
    const [wall, processor] = shown(times);
    rows.push({ program, work, 'wall ms': wall, 'processor ms': processor });
  };
  row('opening the model', [opening]);
  row('first picture', [first]);
  row('new style and picture', choose);
  row('new strength', slide);
}

for (const [name, run, model] of [
  [`pair, Node, ${threads} threads`, pairs, pairModelFolder()],
  [`learned style, Node, ${threads} threads`, learned, embeddedModelFolder()],
  ['pair, Node, 1 thread', (path, _, ...rest) => pairs(path, 1, ...rest), pairModelFolder()],
]) {
  report(name, await run(model, threads, side, rounds));
}

if (!options['no-browser']) {
  execFileSync(process.execPath, [join(root, 'build.mjs')], { stdio: 'inherit' });
  const { openBrowser } = await loadBundled('bench-pair-browser', ['test/browser/chromium.ts']);
  const browser = await openBrowser();
  const model = relative(root, pairModelFolder());
  const setting = { script: 'url', wasmFile: 'ort-wasm-simd-threaded.wasm', model, threads: 1 };
  const times = await browser.page.evaluate(
    async ([s, px, n]) => {
      const started = performance.now();
      await globalThis.diptychPage.openInWorker(s);
      const opening = { wall: performance.now() - started };
      return { opening, ...(await globalThis.diptychPage.pairTimesInWorker(px, n)) };
    },
    [setting, side, rounds],
  );
  report('pair, wasm, 1 thread', times);
  await browser.close();
}
console.log(`${side} px, ${rounds} rounds`);
console.table(rows);
process.exit();
