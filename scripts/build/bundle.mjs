/** One bundle by esbuild. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dist, root } from './output.mjs';
import { ortInClassicScript } from './ort.mjs';

const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** For Node; the packages a user installs stay outside. */
export const NODE = {
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: Object.keys(dependencies),
  sourcemap: true,
};
/** For pages and workers of browsers: one classic script. */
export const WEB = { platform: 'browser', format: 'iife', target: 'es2022', plugins: [ortInClassicScript] };
/** The same, as it is shipped. */
export const SHIPPED = {
  ...WEB,
  minify: true,
  legalComments: 'none',
  define: { 'process.env.NODE_ENV': '"production"' },
};

/**
 * Bundles one entry. Returns the script and, where there are such, its style sheet and its source map, else ''. Throws an
 * Error whose message names files and lines.
 */
export async function bundle(entry, options, out = 'out.js') {
  const { build } = await import('esbuild').catch(() => {
    throw new Error('the packages are not installed; run: npm ci');
  });
  const { outputFiles } = await build({
    ...options,
    absWorkingDir: root,
    entryPoints: [entry],
    // Where it will lie matters to source maps alone: nothing is written here.
    outfile: join(dist, out),
    bundle: true,
    write: false,
    logLevel: 'silent',
  }).catch((error) => {
    throw new Error(`${entry} could not be built:\n${error.errors?.map(describe).join('\n') || error.message}`);
  });
  const matching = (name) => outputFiles.find(({ path }) => name.test(path))?.text ?? '';
  return { js: matching(/\.m?js$/), css: matching(/\.css$/), map: matching(/\.m?js\.map$/) };
}

function describe({ text, location }) {
  return location ? `  ${location.file}:${location.line}:${location.column + 1}  ${text}` : `  ${text}`;
}
