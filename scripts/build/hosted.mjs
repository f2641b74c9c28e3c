/**
 * dist/hosted/: the panel as a static site. Names carry a hash of the contents, so that everything but index.html may be
 * kept for ever; index.html lists the files with their sizes and SHA-256.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { embeddedModel } from './model.mjs';
import { WASM_FILES, wasmPath } from './ort.mjs';
import { dist, replaceFolder } from './output.mjs';
import { page, panelScripts } from './panel.mjs';
import { siteHeaders } from './site-headers.mjs';

export async function buildHosted() {
  const scripts = await panelScripts('hosted');
  if (!scripts) return;
  const { panel, workers } = scripts;
  const model = embeddedModel();
  const site = new Site();
  const script = site.add('panel.js', panel.js);
  const style = site.add('panel.css', panel.css);
  for (const [name, code] of Object.entries(workers)) site.list(name, code);
  for (const file of WASM_FILES) site.list(`wasm/${file}`, readFileSync(wasmPath(file)));
  for (const [path, contents] of model.files) site.list(`model/${model.name}/${path}`, contents);
  const html = page(
    `<link rel="icon" href="data:,">\n<link rel="stylesheet" href="${style}">`,
    `<script type="application/json" id="files">${JSON.stringify(site.listed)}</script>\n<script src="${script}"></script>`,
  );
  site.files.set('index.html', html);
  site.files.set('_headers', siteHeaders());
  replaceFolder(join(dist, 'hosted'), site.files);
}

class Site {
  /** Contents by path. */
  files = new Map();
  /** What index.html lists: address, size and hash by the name that ui/assets-hosted.ts asks for. */
  listed = {};

  /** Adds a file and returns its address. */
  add(name, contents) {
    const extension = extname(name);
    const path = `assets/${name.slice(0, -extension.length)}-${sha256(contents).slice(0, 12)}${extension}`;
    this.files.set(path, contents);
    return path;
  }

  list(name, contents) {
    const bytes = Buffer.byteLength(contents);
    this.listed[name] = { url: this.add(name, contents), bytes, sha256: sha256(contents) };
  }
}

const sha256 = (contents) => createHash('sha256').update(contents).digest('hex');
