/** dist/playground/: the page of `npm start`. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, SHIPPED } from './bundle.mjs';
import { hostedAddress } from './hosted-address.mjs';
import { dist, replace, root } from './output.mjs';

const ENTRY = 'playground/main.tsx';
const PICTURE = /\.(png|jpe?g|webp|gif|svg)$/;

export async function buildPlayground() {
  if (!existsSync(join(root, ENTRY))) return;
  const { js, css } = await bundle(ENTRY, {
    ...SHIPPED,
    // Written into code.js, which the page sends to its own server instead.
    define: { ...SHIPPED.define, DIPTYCH_HOST: JSON.stringify(hostedAddress()) },
  });
  const folder = join(dist, 'playground');
  replace(join(folder, 'playground.js'), js);
  replace(join(folder, 'playground.css'), css);
  replace(join(folder, 'index.html'), readFileSync(join(root, 'playground/index.html')));
  for (const samples of ['playground/samples', 'cli/demo-data']) {
    for (const file of existsSync(join(root, samples)) ? readdirSync(join(root, samples)) : []) {
      if (PICTURE.test(file)) replace(join(folder, 'samples', file), readFileSync(join(root, samples, file)));
    }
  }
}
