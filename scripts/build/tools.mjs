/** What runs in Node and what the browser tests run, into dist/. */
import { chmodSync, existsSync, statSync, utimesSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, NODE, WEB } from './bundle.mjs';
import { ortInClassicScript, WASM_FILES, wasmPath } from './ort.mjs';
import { dist, replace, root } from './output.mjs';

/** Golden cases, written for Node, run in a page with these in place of what a page does not have. */
const shims = {
  name: 'shims',
  setup(build) {
    const shim = (file) => () => ({ path: join(root, 'test/browser/shims', file) });
    build.onResolve({ filter: /^node:fs\/promises$/ }, shim('fs-promises.ts'));
    build.onResolve({ filter: /^node:path$/ }, shim('path.ts'));
    build.onResolve({ filter: /\/backend-node$/ }, shim('backend.ts'));
    build.onResolve({ filter: /\/node-folder$/ }, shim('node-folder.ts'));
  },
};

const ENTRIES = [
  { ...NODE, entry: 'cli/main.ts', out: 'cli/diptych.mjs', program: true },
  { ...NODE, entry: 'cli/commands.ts', out: 'cli/commands.mjs' },
  { ...NODE, entry: 'cli/decoding/child.ts', out: 'cli/decoding.mjs' },
  { ...NODE, entry: 'cli/batch/slot.ts', out: 'cli/batch-slot.mjs' },
  { ...WEB, entry: 'batch/page/client.ts', out: 'cli/batch-page.js', minify: true },
  { ...NODE, entry: 'cli/demo.ts', out: 'demo.mjs' },
  { ...NODE, entry: 'test/goldens/cli.ts', out: 'golden.mjs' },
  { ...NODE, entry: 'bench/pairs/pairbench.ts', out: 'pairbench.mjs' },
  { ...WEB, entry: 'engine/worker/hosted.ts', out: 'web/engine-worker.js', minify: true },
  { ...WEB, entry: 'bench/engine/browser-worker.ts', out: 'test/bench-worker.js' },
  { ...WEB, entry: 'test/browser/page.ts', out: 'test/page.js', plugins: [ortInClassicScript, shims] },
  { ...WEB, entry: 'test/replica/page.ts', out: 'test/replica.js' },
  { ...WEB, entry: 'test/replica/gpu-worker.ts', out: 'test/gpu-worker.js' },
];

export async function buildTools() {
  await Promise.all(
    ENTRIES.map(async ({ entry, out, program, ...options }) => {
      const path = join(dist, out);
      const { js, map } = await bundle(entry, options, out);
      replace(path, js);
      if (map) replace(`${path}.map`, map);
      if (program) chmodSync(path, 0o755);
    }),
  );
  for (const file of WASM_FILES) copyIfChanged(wasmPath(file), join(dist, 'web', file));
}

/** The WebAssembly files are 60 MB together: their times and sizes say whether they changed. */
function copyIfChanged(from, to) {
  const source = statSync(from);
  const copy = existsSync(to) && statSync(to);
  if (copy && copy.size === source.size && copy.mtimeMs === source.mtimeMs) return;
  replace(to, readFileSync(from));
  utimesSync(to, source.atime, source.mtime);
}
