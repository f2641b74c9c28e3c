/** A page of the test server in headless Chromium, with WebGPU on the processor (SwiftShader). */
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { fromPages, openContext, type OpenContext } from './launch';
import { startServer } from './server';

const ROOT = join(__dirname, '../..');
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
  const roots = { dist: join(ROOT, 'dist'), test: join(ROOT, 'test'), models: join(ROOT, 'models'), ...folders };
  const server = await startServer(roots, { '/': HTML });
  let opened: OpenContext | undefined;
  try {
    opened = await openContext(server.origin);
    const { context, close: closeContext } = opened;
    const page = await context.newPage();
    const errors: string[] = [];
    page.on('pageerror', (error) => errors.push(String(error)));
    page.on('console', (message) => {
      // A model folder is asked for files that it need not have.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
        errors.push(message.text());
    });
    await page.goto(`${server.origin}/`);
    await page.waitForFunction(() => 'diptychPage' in globalThis);
    const close = async (): Promise<void> => {
      await closeContext();
      await server.close();
    };
    return { page, takeErrors: () => errors.splice(0), strayed: () => fromPages(server.strayed), close };
  } catch (error) {
    await opened?.close();
    await server.close();
    throw error;
  }
}
