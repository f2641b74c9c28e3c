/** Chromium for tests: where it is, how it must be started here and in containers, and how contexts reach no network. */
import { existsSync } from 'node:fs';
import type { Browser, BrowserContext, BrowserContextOptions, BrowserType, LaunchOptions } from 'playwright-core';

declare global {
  // Both from test/support/jest/browser-environment.mjs; undefined in benchmarks, which run without jest.
  var sharedBrowser: ((options: LaunchOptions) => Promise<Browser>) | undefined;
  var chromium: BrowserType | undefined;
}

const KNOWN_PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const FLAGS = [
  // WebGPU on the processor.
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  // Garbage is collected at once when memory is measured, which otherwise waits for up to 20 s.
  '--enable-blink-features=ForceEagerMeasureMemory',
];

/** Chromium looks for updates and accounts of its own, whatever it is told; in vain, for the proxy refuses. */
const OF_THE_BROWSER =
  /\b(accounts\.google|content-autofill\.googleapis|update\.googleapis|clients\d*\.google|optimizationguide-pa\.googleapis)\.com\b/;

/** Requests to other hosts that pages made, of those the proxy saw. */
export function fromPages(strayed: readonly string[]): string[] {
  return strayed.filter((request) => !OF_THE_BROWSER.test(request));
}

function launchOptions(): LaunchOptions {
  const executablePath = process.env['DIPTYCH_CHROMIUM'] ?? KNOWN_PLACES.find((path) => existsSync(path));
  if (!executablePath) throw new Error('no Chromium was found; run `npm test`, or set DIPTYCH_CHROMIUM to its path');
  // Sandboxes need rights that containers do not give.
  return { executablePath, chromiumSandbox: false, args: FLAGS };
}

/** Everything goes to the proxy that is not asked of this machine: what is named here keeps Chromium's own exceptions. */
const through = (server: string) => ({ server, bypass: 'localhost' });

/** The bars of running work move: without a GPU, drawing them takes half as much as the work itself. */
const QUIET = { reducedMotion: 'reduce' } as const;

/** What one act, such as a click, may take where tests of other kinds have the processor, ms. */
const PATIENCE = 120_000;

export interface OpenContext {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/**
 * A context of its own, with nothing stored, in the tests' one browser.
 *
 * @param proxy origin of a test server (server.ts), which refuses and lists what pages ask of other hosts.
 */
export async function openContext(proxy: string, options: BrowserContextOptions = {}): Promise<OpenContext> {
  const shared = globalThis.sharedBrowser;
  const browser = await (shared ?? (await launcher()))(launchOptions());
  const context = await browser.newContext({ ...QUIET, ...options, proxy: through(proxy) });
  context.setDefaultTimeout(PATIENCE);
  return { context, close: () => (shared ? context.close() : browser.close()) };
}

/** A browser of its own on a profile folder, for settings that a browser reads when it starts. */
export async function openProfile(folder: string, proxy: string): Promise<OpenContext> {
  const type = globalThis.chromium ?? (await import('playwright-core')).chromium;
  const options = { ...launchOptions(), ...QUIET, headless: true, proxy: through(proxy) };
  const context = await type.launchPersistentContext(folder, options);
  context.setDefaultTimeout(PATIENCE);
  return { context, close: () => context.close() };
}

async function launcher(): Promise<(options: LaunchOptions) => Promise<Browser>> {
  const { chromium } = await import('playwright-core');
  return (options) => chromium.launch(options);
}
