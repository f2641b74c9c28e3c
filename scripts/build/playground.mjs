/** dist/playground/: the page of `npm start`. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle, SHIPPED } from './bundle.mjs';
import { hostedAddress } from './hosted-address.mjs';
import { dist, replace, root } from './output.mjs';

const PICTURE = /\.(png|jpe?g|webp|gif|svg)$/;

export async function buildPlayground() {
  const { js, css } = await bundle('playground/main.tsx', {
    ...SHIPPED,
    // Written into code.js, which the page sends to its own server instead.
    define: { ...SHIPPED.define, DIPTYCH_HOST: JSON.stringify(hostedAddress()) },
  });
  const folder = join(dist, 'playground');
  replace(join(folder, 'playground.js'), js);
  replace(join(folder, 'playground.css'), css);
  replace(join(folder, 'index.html'), readFileSync(join(root, 'playground/index.html')));
  for (const samples of ['playground/samples', 'cli/demo-data']) {
    for (const file of readdirSync(join(root, samples))) {
      if (PICTURE.test(file)) replace(join(folder, 'samples', file), readFileSync(join(root, samples, file)));
    }
  }
}
