/**
 * Builds what runs, into dist/. `npm run build`.
 *   cli/diptych.mjs        the `diptych` command
 *   demo.mjs               `npm run demo`
 *   golden.mjs             `npm run golden`
 *   web/engine-worker.js   the engine for browsers: one classic script, with ONNX Runtime's WebAssembly files beside it
 *   test/page.js           the page of the browser tests
 *   test/bench-worker.js   the browser's side of bench/browser.mjs
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const dist = join(root, 'dist');
const ortDist = join(root, 'node_modules/onnxruntime-web/dist');

/** onnxruntime-web's bundles and the WebAssembly file each runs; engine/runtime/web-builds.ts says what they are for. */
const ORT_BUNDLES = {
  'ort.jspi.bundle.min.mjs': 'ort-wasm-simd-threaded.jspi.wasm',
  'ort.webgpu.bundle.min.mjs': 'ort-wasm-simd-threaded.asyncify.wasm',
  'ort.wasm.bundle.min.mjs': 'ort-wasm-simd-threaded.wasm',
};

/**
 * A classic script has no import.meta.url, by which ONNX Runtime starts its threads as workers of the script it is in.
 * The script's own address serves, with the build in its fragment, for one script may hold several builds.
 */
const ortInClassicScript = {
  name: 'ort-in-classic-script',
  setup(build) {
    build.onLoad({ filter: /onnxruntime-web[\\/]dist[\\/]ort\..*\.mjs$/ }, ({ path }) => {
      const wasmFile = ORT_BUNDLES[path.split(/[\\/]/).at(-1)];
      const source = readFileSync(path, 'utf8');
      if (!wasmFile || !source.includes('import.meta.url')) {
        return { errors: [{ text: `onnxruntime-web has changed: ${path} is not one of the bundles build.mjs knows` }] };
      }
      return { contents: source.replaceAll('import.meta.url', `(location.href.split("#")[0]+"#${wasmFile}")`) };
    });
  },
};

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

function optionsFor(dependencies) {
  const node = { platform: 'node', format: 'esm', target: 'node20', external: dependencies, sourcemap: true };
  const web = { platform: 'browser', format: 'iife', target: 'es2022', plugins: [ortInClassicScript] };
  return [
    { ...node, entry: 'cli/main.ts', out: 'cli/diptych.mjs' },
    { ...node, entry: 'cli/demo.ts', out: 'demo.mjs' },
    { ...node, entry: 'test/goldens/cli.ts', out: 'golden.mjs' },
    { ...web, entry: 'engine/worker.ts', out: 'web/engine-worker.js', minify: true },
    { ...web, entry: 'bench/browser-worker.ts', out: 'test/bench-worker.js' },
    { ...web, entry: 'test/browser/page.ts', out: 'test/page.js', plugins: [ortInClassicScript, shims] },
  ];
}

/** Builds everything; throws an Error whose message says what is wrong. */
export default async function buildAll() {
  const { build } = await import('esbuild').catch(() => {
    throw new Error('the packages are not installed; run: npm ci');
  });
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  await Promise.all(
    optionsFor(Object.keys(dependencies)).map(async ({ entry, out, ...options }) => {
      const { outputFiles } = await build({
        ...options,
        absWorkingDir: root,
        entryPoints: [entry],
        outfile: join(dist, out),
        bundle: true,
        write: false,
        logLevel: 'silent',
      }).catch((error) => {
        throw new Error(`${entry} could not be built:\n${error.errors?.map(describe).join('\n') || error.message}`);
      });
      for (const { path, contents } of outputFiles) replace(path, contents);
      if (out.startsWith('cli/')) chmodSync(join(dist, out), 0o755);
    }),
  );
  for (const file of Object.values(ORT_BUNDLES)) copyIfChanged(join(ortDist, file), join(dist, 'web', file));
}

/** Writes a file at one stroke, and not at all if nothing changed: another run may be reading what is in dist/. */
function replace(path, contents) {
  if (existsSync(path) && readFileSync(path).equals(contents)) return;
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, contents);
  renameSync(draft, path);
}

function describe({ text, location }) {
  return location ? `  ${location.file}:${location.line}:${location.column + 1}  ${text}` : `  ${text}`;
}

/** The WebAssembly files are 60 MB together: their times and sizes say whether they changed. */
function copyIfChanged(from, to) {
  const source = statSync(from);
  const copy = existsSync(to) && statSync(to);
  if (copy && copy.size === source.size && copy.mtimeMs === source.mtimeMs) return;
  replace(to, readFileSync(from));
  utimesSync(to, source.atime, source.mtime);
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
