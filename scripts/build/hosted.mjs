/**
 * dist/hosted/: the panel as a static site. Names carry a hash of the contents, so that everything but index.html may be
 * kept for ever; index.html lists the files with their sizes and SHA-256.
 */
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { gzipped, sha256 } from './gzip.mjs';
import { embeddedModel, pairModel, tinyModels } from './model.mjs';
import { WASM_FILES, wasmPath } from './ort.mjs';
import { dist, replaceFolder } from './output.mjs';
import { page, panelScripts } from './panel.mjs';
import { siteHeaders } from './site-headers.mjs';

/** The site; and the same on the tests' tiny models, for tests that are about the panel and not about what it draws. */
export async function buildHosted() {
  const scripts = await panelScripts('hosted');
  const shipped = { model: embeddedModel(), pairs: pairModel() };
  replaceFolder(join(dist, 'hosted'), siteWith(scripts, shipped));
  replaceFolder(join(dist, 'test/tiny-hosted'), siteWith(scripts, tinyModels()));
}

/** Its files' contents by path. */
function siteWith({ panel, workers }, { model, pairs }) {
  const site = new Site();
  const script = site.add('panel.js', panel.js);
  const style = site.add('panel.css', panel.css);
  for (const [name, code] of Object.entries(workers)) site.list(name, code);
  // Compressed as they lie there: some servers send WebAssembly as it is, and some take no files of 26 MB.
  for (const file of WASM_FILES) site.list(`wasm/${file}`, gzipped(readFileSync(wasmPath(file))), '.gz');
  for (const [path, contents] of model.files) site.list(`model/${model.name}/${path}`, contents);
  for (const [path, contents] of pairs.files) site.list(`pair-model/${pairs.name}/${path}`, contents);
  const html = page(
    `<link rel="icon" href="data:,">\n<link rel="stylesheet" href="${style}">`,
    `<script type="application/json" id="files">${JSON.stringify(site.listed)}</script>\n<script src="${script}"></script>`,
  );
  site.files.set('index.html', html);
  site.files.set('_headers', siteHeaders());
  return site.files;
}

class Site {
  /** Contents by path. */
  files = new Map();
  /** What index.html lists: address, size and hash by the name that ui/assets-hosted.ts asks for. */
  listed = {};

  /** Adds a file and returns its address. */
  add(name, contents, ending = '') {
    const extension = extname(name);
    const stem = name.slice(0, -extension.length);
    const path = `assets/${stem}-${sha256(contents).slice(0, 12)}${extension}${ending}`;
    this.files.set(path, contents);
    return path;
  }

  list(name, contents, ending) {
    const bytes = Buffer.byteLength(contents);
    this.listed[name] = { url: this.add(name, contents, ending), bytes, sha256: sha256(contents) };
  }
}
