/** The environment of tests that drive Chromium: one browser for all files, in which each opens contexts of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import Environment from './environment.mjs';

/** The started browser, or what is starting it. */
let browser;

/** Starts the browser for the first test that asks, and again after a crash. */
async function sharedBrowser(options) {
  if (browser && !(await browser).isConnected()) browser = undefined;
  return await (browser ??= chromium.launch(options));
}

/** For files that one test makes and others use. */
let folder;
const sharedFolder = () => (folder ??= mkdtempSync(join(tmpdir(), 'diptych-browser-tests-')));

/** Ends the browser and removes the folder. */
export async function tearDown() {
  if (folder) rmSync(folder, { recursive: true });
  await (await browser)?.close();
  folder = browser = undefined;
}

export default class extends Environment {
  constructor(...args) {
    super(...args);
    // Playwright is loaded once, here, and not anew for each file.
    Object.assign(this.global, { sharedBrowser, chromium, sharedFolder: sharedFolder() });
  }
}
