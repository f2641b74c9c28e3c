/** The environment of tests that drive Chromium: one browser for all files, in which each opens contexts of its own. */
import { chromium } from 'playwright-core';
import Environment from './environment.mjs';

/** The started browser, or what is starting it. */
let browser;

/** Starts the browser for the first test that asks, and again after a crash. */
async function sharedBrowser(options) {
  if (browser && !(await browser).isConnected()) browser = undefined;
  return await (browser ??= chromium.launch(options));
}

export async function closeSharedBrowser() {
  await (await browser)?.close();
  browser = undefined;
}

export default class extends Environment {
  constructor(...args) {
    super(...args);
    // Playwright is loaded once, here, and not anew for each file.
    Object.assign(this.global, { sharedBrowser, chromium });
  }
}
