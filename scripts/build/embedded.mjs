/**
 * dist/plugin/ui.html: the panel as one document that needs no network. Workers, WebAssembly and the model lie in it as
 * base64 in script elements that no browser runs, behind the panel's own script, which is up before they are read.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { keepBudget } from './budgets.mjs';
import { refuseAddresses, refuseFetchingMarkup, refuseFetchingStyles, refuseNetworkInPanel } from './checks.mjs';
import { gzipped } from './gzip.mjs';
import { embeddedModel, pairModel, tinyModels } from './model.mjs';
import { PLAIN_WASM_FILE, wasmPath } from './ort.mjs';
import { dist, replace } from './output.mjs';
import { page, panelScripts } from './panel.mjs';

/** Nothing but what is in the document: whatever a script tries, the browser refuses. */
const POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'wasm-unsafe-eval' blob: data:",
  'worker-src blob: data:',
  "style-src 'unsafe-inline'",
  'img-src data: blob:',
  'font-src data:',
  'connect-src data: blob:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Compressed where that saves a tenth: WebAssembly, scripts and text; half floats it does not. */
const WORTH_COMPRESSING = 0.9;

/**
 * The plugin's panel; and the same panel on the tests' tiny model, for flows that are about the panel and not about what
 * the model draws.
 */
export async function buildEmbedded() {
  const scripts = await panelScripts('embedded');
  const { panel, workers } = scripts;
  refuseNetworkInPanel(panel.js);
  refuseFetchingStyles(panel.css);
  for (const [name, code] of Object.entries(workers)) refuseAddresses(name, code);
  const html = panelWith(scripts, { model: embeddedModel(), pairs: pairModel() });
  refuseFetchingMarkup(html);
  keepBudget('ui.html', html);
  replace(join(dist, 'plugin/ui.html'), html);
  replace(join(dist, 'test/tiny-ui.html'), panelWith(scripts, tinyModels()));
}

function panelWith({ panel, workers }, { model, pairs }) {
  const files = [
    ...Object.entries(workers).map(([name, code]) => [name, Buffer.from(code)]),
    [`wasm/${PLAIN_WASM_FILE}`, readFileSync(wasmPath(PLAIN_WASM_FILE))],
    ...[...model.files].map(([path, contents]) => [`model/${model.name}/${path}`, contents]),
    ...[...pairs.files].map(([path, contents]) => [`pair-model/${pairs.name}/${path}`, contents]),
  ];
  return page(
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">\n<style>${inStyle(panel.css)}</style>`,
    [
      `<script>${inScript(panel.js)}</script>`,
      ...files.map(([name, contents]) => packed(name, contents)),
      // ui/assets-embedded.ts waits for it; DOMContentLoaded depends on how the document was written.
      '<script data-end>dispatchEvent(new Event("packed-files"))</script>',
    ].join('\n'),
  );
}

function packed(name, contents) {
  const compressed = gzipped(contents);
  const pays = compressed.length <= contents.length * WORTH_COMPRESSING;
  const base64 = (pays ? compressed : contents).toString('base64');
  return `<script type="text/plain" data-file="${name}"${pays ? ' data-gzip' : ''}>${base64}</script>`;
}

/** Script text that an HTML parser reads to its end. esbuild leaves these two only inside of strings and patterns. */
function inScript(code) {
  return code.replace(/<(?=\/script|!--)/gi, '\\x3C');
}

function inStyle(css) {
  if (/<\/style/i.test(css)) throw new Error('the style sheet holds "</style", which would end it in ui.html');
  return css;
}
