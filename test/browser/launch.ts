/** Starting Chromium: where it is and how it must be started, here and in containers. */
import { existsSync } from 'node:fs';
import type { LaunchOptions } from 'playwright-core';

const KNOWN_PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** WebGPU runs on the processor (SwiftShader). */
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
  /\b(accounts\.google|content-autofill\.googleapis|update\.googleapis|clients\d*\.google|optimizationguide-pa\.googleapis)\.com\b/;

/** @param proxy a test server, to which everything goes that is not asked of this machine. */
export function launchOptions(proxy: string): LaunchOptions {
  const executablePath = process.env['DIPTYCH_CHROMIUM'] ?? KNOWN_PLACES.find((path) => existsSync(path));
  if (!executablePath) throw new Error('no Chromium was found; run `npm test`, or set DIPTYCH_CHROMIUM to its path');
  return {
    executablePath,
    // Sandboxes need rights that containers do not give.
    chromiumSandbox: false,
    // Not Playwright's own option, which would send requests to loopback this way too.
    args: [...FLAGS, `--proxy-server=${proxy}`],
  };
}

/** Requests to other hosts that pages made, of those the proxy saw. */
export function fromPages(strayed: readonly string[]): string[] {
  return strayed.filter((request) => !OF_THE_BROWSER.test(request));
}
