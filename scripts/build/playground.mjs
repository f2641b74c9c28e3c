/** dist/playground/: the page of `npm start`. */
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, SHIPPED } from './bundle.mjs';
import { dist, replace, root } from './output.mjs';

const ENTRY = 'playground/main.tsx';

export async function buildPlayground() {
  if (!existsSync(join(root, ENTRY))) return;
  const { js, css } = await bundle(ENTRY, SHIPPED);
  const folder = join(dist, 'playground');
  replace(join(folder, 'playground.js'), js);
  replace(join(folder, 'playground.css'), css);
  replace(join(folder, 'index.html'), readFileSync(join(root, 'playground/index.html')));
  const samples = join(root, 'playground/samples');
  if (existsSync(samples)) cpSync(samples, join(folder, 'samples'), { recursive: true, force: true });
}
