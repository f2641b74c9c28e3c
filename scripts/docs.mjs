/**
 * `npm run docs`: checks every link of the documentation, then builds the site into dist/docs: the markdown of the
 * repository (docs/.vitepress/config.mjs) and the engine's API from its docstrings. --check stops after the links.
 */
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { giveUp, root, run } from './install.mjs';

const folder = join(root, 'docs');
const tool = (path, ...args) => run(process.execPath, [join(folder, 'node_modules', path), ...args], { cwd: folder });

if (!existsSync(join(folder, 'node_modules/vitepress'))) {
  console.error("installing the documentation's packages (npm ci in docs) ...");
  if (!run('npm', ['ci'], { cwd: folder, shell: process.platform === 'win32' })) giveUp('npm ci failed in docs');
}

rmSync(join(folder, 'api'), { recursive: true, force: true });
if (
  !tool(
    'remark-cli/cli.js',
    '..',
    '--frail',
    '--quiet',
    '--ignore-path',
    '.remarkignore',
    '--rc-path',
    '.remarkrc.json',
  )
)
  giveUp('the documentation has dead links; see above');
if (!process.argv.includes('--check')) {
  if (!tool('typedoc/bin/typedoc', '--logLevel', 'Warn')) giveUp('the API reference could not be made; see above');
  if (!tool('vitepress/bin/vitepress.js', 'build', '.')) giveUp('the site could not be built; see above');
  console.error('built dist/docs: serve it with any static server');
}
