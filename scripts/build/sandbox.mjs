/** dist/plugin/code.js: what Figma runs in its sandbox. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepBudget } from './budgets.mjs';
import { bundle } from './bundle.mjs';
import { refuseImportCalls, requireAllowedHost } from './checks.mjs';
import { hostedAddress } from './hosted-address.mjs';
import { dist, replace, root } from './output.mjs';

const ENTRY = 'plugin/main.ts';
export async function buildSandbox() {
  if (!existsSync(join(root, ENTRY))) return;
  const host = hostedAddress();
  const manifest = join(root, 'manifest.json');
  if (host && existsSync(manifest)) requireAllowedHost(host, JSON.parse(readFileSync(manifest, 'utf8')));
  const { js } = await bundle(ENTRY, {
    platform: 'browser',
    format: 'iife',
    target: 'es2017',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    define: { DIPTYCH_HOST: JSON.stringify(host) },
  });
  refuseImportCalls(js);
  keepBudget('code.js', js);
  replace(join(dist, 'plugin/code.js'), js);
}
