/** dist/plugin/code.js: what Figma runs in its sandbox. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepBudget } from './budgets.mjs';
import { bundle } from './bundle.mjs';
import { refuseImportCalls, requireAllowedHost } from './checks.mjs';
import { dist, replace, root } from './output.mjs';

const ENTRY = 'plugin/main.ts';
/** Where `npm run serve` serves the hosted panel. */
const DEVELOPMENT_HOST = 'http://localhost:8137';

/** The address of the hosted panel as DIPTYCH_HOST gives it, without a slash at its end; '' for "none". */
function hostedAddress() {
  const given = process.env.DIPTYCH_HOST || DEVELOPMENT_HOST;
  if (given === 'none') return '';
  if (!URL.canParse(given) || !/^https?:\/\//.test(given) || /[?#]/.test(given)) {
    throw new Error(`DIPTYCH_HOST is "${given}"; give an address like https://example.org/diptych, or "none"`);
  }
  return given.replace(/\/+$/, '');
}

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
