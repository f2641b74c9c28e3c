/** TypeScript that a benchmark runs in its own process, such as the helpers of the browser tests. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Bundles files of the repository and loads them; gives all that they export. Files that look for their folder find
 * test/browser.
 *
 * @param name of the bundle in the cache: one for each benchmark, as several may run.
 */
export async function loadBundled(name, paths) {
  const outfile = join(root, 'node_modules/.cache', `${name}.cjs`);
  await build({
    stdin: { contents: paths.map((path) => `export * from './${path}';`).join('\n'), resolveDir: root },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    packages: 'external',
    define: { __dirname: JSON.stringify(join(root, 'test/browser')) },
    logLevel: 'warning',
  });
  return createRequire(import.meta.url)(outfile);
}
