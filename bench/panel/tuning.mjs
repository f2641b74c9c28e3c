/**
 * Times tuning a result in Chromium's WebAssembly, through the panel's engine side (ui/engine/), with the embedded model:
 * the first restyling of a 512 px icon, the same at other strengths (a slider let go), and instant previews (a slider
 * that moves). The page is isolated, so WebAssembly has threads, as the hosted panel without a GPU.
 *
 *   node bench/panel/tuning.mjs
 */
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { loadBundled } from '../node-bundle.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
execFileSync(process.execPath, [join(root, 'build.mjs')], { stdio: 'inherit' });
const cache = join(root, 'node_modules/.cache/bench-tuning');
await build({
  entryPoints: [join(root, 'test/browser/in-panel.ts')],
  outfile: join(cache, 'in-panel.js'),
  format: 'iife',
  globalName: 'inPanel',
  bundle: true,
  logLevel: 'warning',
});

const { openBrowser } = await loadBundled('bench-tuning', ['test/browser/chromium.ts']);
const browser = await openBrowser({ cache });
await browser.page.addScriptTag({ url: '/cache/in-panel.js' });
const pair = ['test/fixtures/pairs/bell-flat.png', 'test/fixtures/pairs/bell-line.png'];
const times = await browser.page.evaluate(([before, after]) => inPanel.timeTuning(before, after, 512), pair);
console.log(`load ${loadavg()[0].toFixed(1)}; ms, memory in bytes`);
console.log(times);
await browser.close();
process.exit();
