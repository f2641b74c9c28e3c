/** Headless Chromium with WebGPU on the processor (SwiftShader), on a page of the test server. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import { startServer } from './server';

const ROOT = join(__dirname, '../..');
const KNOWN_PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

const FLAGS = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
];

/** Chromium looks for updates and accounts of its own, whatever it is told; in vain, for the proxy refuses. */
const OF_THE_BROWSER =
  /\b(accounts\.google|update\.googleapis|clients\d*\.google|optimizationguide-pa\.googleapis)\.com\b/;

const HTML = '<!doctype html><title>Diptych browser tests</title><script src="/dist/test/page.js"></script>';

export interface BrowserUnderTest {
  readonly page: Page;
  /** What the page and its workers left unhandled or logged as an error since the last call. */
  takeErrors(): string[];
  /** What the page and its workers asked of other hosts. */
  strayed(): string[];
  close(): Promise<void>;
}

/** @param folders more folders to serve, by the first part of their paths. */
export async function openBrowser(folders: Readonly<Record<string, string>> = {}): Promise<BrowserUnderTest> {
  const executablePath = process.env['DIPTYCH_CHROMIUM'] ?? KNOWN_PLACES.find((path) => existsSync(path));
  if (!executablePath) throw new Error('no Chromium was found; run `npm test`, or set DIPTYCH_CHROMIUM to its path');
  const roots = { dist: join(ROOT, 'dist'), test: join(ROOT, 'test'), models: join(ROOT, 'models'), ...folders };
  const server = await startServer(roots, HTML);
  let browser: Browser | undefined;
  try {
    browser = await chromium.launch({
      executablePath,
      // Sandboxes need rights that containers do not give.
      chromiumSandbox: false,
      // Not Playwright's own option, which would send requests to loopback this way too.
      args: [...FLAGS, `--proxy-server=${server.origin}`],
    });
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      // A model folder is asked for files that it need not have.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        errors.push(message.text());
    });
    await page.goto(`${server.origin}/`);
    await page.waitForFunction(() => 'diptychPage' in globalThis);
    const opened = browser;
    const close = async (): Promise<void> => {
      await opened.close();
      await server.close();
    };
    const strayed = (): string[] => server.strayed.filter((request) => !OF_THE_BROWSER.test(request));
    return { page, takeErrors: () => errors.splice(0), strayed, close };
  } catch (error) {
    await browser?.close();
    await server.close();
    throw error;
  }
}
