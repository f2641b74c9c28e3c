/**
 * Builds what runs, into dist/. `npm run build`.
 *   cli/diptych.mjs          the `diptych` command, and cli/commands.mjs, which it loads where the work is done
 *   cli/decoding.mjs         the process in which it decodes pictures
 *   demo.mjs                 `npm run demo`
 *   golden.mjs               `npm run golden`
 *   pairbench.mjs            `npm run pairbench`
 *   plugin/code.js, ui.html  the Figma plugin: its sandbox, and the panel that needs no network
 *   hosted/                  the panel as a static site, with WebGPU
 *   playground/              the page of `npm start`
 *   web/                     the engine for browsers: one classic script, with ONNX Runtime's WebAssembly files beside it
 *   test/                    pages and workers of browser tests and bench/engine/browser.mjs, panels on a tiny model
 */
import { fileURLToPath } from 'node:url';
import { buildEmbedded } from './scripts/build/embedded.mjs';
import { buildHosted } from './scripts/build/hosted.mjs';
import { buildPlayground } from './scripts/build/playground.mjs';
import { buildSandbox } from './scripts/build/sandbox.mjs';
import { isBuilt, markBuilt, sourcesHash } from './scripts/build/stamp.mjs';
import { buildTools } from './scripts/build/tools.mjs';

/** Builds everything; throws an Error whose message says what is wrong. */
export async function buildAll() {
  const hash = sourcesHash();
  await Promise.all([buildTools(), buildSandbox(), buildEmbedded(), buildHosted(), buildPlayground()]);
  markBuilt(hash);
}

/** Builds everything unless dist/ is what the sources make. */
export async function buildIfStale() {
  if (!isBuilt(sourcesHash())) await buildAll();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const started = performance.now();
  try {
    await buildAll();
    console.error(`built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  } catch (error) {
    console.error(error.message);
    process.exit(1);
  }
}
