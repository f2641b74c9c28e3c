/** ONNX Runtime's builds for browsers, in scripts of ours. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './output.mjs';

/** onnxruntime-web's bundles and the WebAssembly file each runs; engine/runtime/web-builds.ts says what they are for. */
const BUNDLES = {
  'ort.jspi.bundle.min.mjs': 'ort-wasm-simd-threaded.jspi.wasm',
  'ort.webgpu.bundle.min.mjs': 'ort-wasm-simd-threaded.asyncify.wasm',
  'ort.wasm.bundle.min.mjs': 'ort-wasm-simd-threaded.wasm',
};

export const WASM_FILES = Object.values(BUNDLES);
/** The one for where there is neither WebGPU nor a network. */
export const PLAIN_WASM_FILE = BUNDLES['ort.wasm.bundle.min.mjs'];

export const wasmPath = (file) => join(root, 'node_modules/onnxruntime-web/dist', file);

/**
 * A classic script has no import.meta.url, by which ONNX Runtime starts its threads as workers of the script it is in.
 * The script's own address serves, with the build in its fragment, for one script may hold several builds.
 */
export const ortInClassicScript = {
  name: 'ort-in-classic-script',
  setup(build) {
    build.onLoad({ filter: /onnxruntime-web[\\/]dist[\\/]ort\..*\.mjs$/ }, ({ path }) => {
      const wasmFile = BUNDLES[path.split(/[\\/]/).at(-1)];
      const source = readFileSync(path, 'utf8');
      if (!wasmFile || !source.includes('import.meta.url')) {
        return {
          errors: [
            { text: `onnxruntime-web has changed: ${path} is not one of the bundles scripts/build/ort.mjs knows` },
          ],
        };
      }
      return { contents: source.replaceAll('import.meta.url', `(location.href.split("#")[0]+"#${wasmFile}")`) };
    });
  },
};
