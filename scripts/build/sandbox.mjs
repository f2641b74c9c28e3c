/** dist/plugin/code.js: what Figma runs in its sandbox. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepBudget } from './budgets.mjs';
import { bundle } from './bundle.mjs';
import { refuseImportCalls, requireAllowedHost } from './checks.mjs';
import { hostedAddress } from './hosted-address.mjs';
import { dist, replace, root } from './output.mjs';

export async function buildSandbox() {
  const host = hostedAddress();
  if (host) requireAllowedHost(host, JSON.parse(readFileSync(join(root, 'manifest.json'), 'utf8')));
  const { js } = await bundle('plugin/main.ts', {
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
