/** Chromium on the replica of Figma's frames, for the tests of the built plugin. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Frame, Page } from 'playwright-core';
import { FRAME_PAGES } from '../replica/frames';
import type { ReplicaSetting } from '../replica/page';
import { fromPages, openContext, type OpenContext } from './launch';
import { startServer } from './server';

const ROOT = join(__dirname, '../..');
/** Where code.js as built looks for the hosted panel; tests put theirs in its place. */
const BUILT_HOST = 'http://localhost:8137';

const PANELS = { embedded: 'dist/plugin/ui.html', tiny: 'dist/test/tiny-ui.html' } as const;

export const readText = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
export const readBase64 = (path: string): string => readFileSync(join(ROOT, path)).toString('base64');

export interface ReplicaBrowser {
  readonly page: Page;
  /** Every address that was asked for since the editor's page was there, data: and blob: apart. */
  readonly requests: string[];
  takeErrors(): string[];
  /** The panel's document, once it has an element that matches. */
  panel(selector: string): Promise<Frame>;
  close(): Promise<void>;
}

export interface ReplicaOptions {
  /** What is in the embedded panel: the model that ships, or the tiny one where any model will do. */
  readonly model?: 'embedded' | 'tiny';
  /** Where the hosted panel is, in place of the address in code.js. */
  readonly host?: string;
  readonly pictures?: ReplicaSetting['pictures'];
  readonly stored?: ReplicaSetting['stored'];
  /** Opens another context than one of the tests' browser. */
  readonly open?: (proxy: string) => Promise<OpenContext>;
}

/** Opens the editor on a document whose layers show the pictures. */
export async function openReplica({
  model = 'embedded',
  host,
  pictures = {},
  stored = {},
  open = openContext,
}: ReplicaOptions): Promise<ReplicaBrowser> {
  // Figma's own pages are not isolated.
  const server = await startServer({ dist: join(ROOT, 'dist') }, FRAME_PAGES, {});
  const { context, close: closeContext } = await open(server.origin);
  const page = context.pages()[0] ?? (await context.newPage());
  const close = async (): Promise<void> => {
    await closeContext();
    await server.close();
  };
  const errors: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  try {
    // A name of this machine, and so a secure context as Figma's is; of another site than the hosted panel's.
    await page.goto(`http://figma.localhost:${new URL(server.origin).port}/`);
    page.on('request', (request) => {
      if (!/^(data|blob):/.test(request.url())) requests.push(request.url());
    });
    page.on('websocket', (socket) => requests.push(socket.url()));
    const code = readText('dist/plugin/code.js');
    if (!code.includes(BUILT_HOST)) throw new Error('code.js was built for another host; build without DIPTYCH_HOST');
    const setting: ReplicaSetting = {
      code: code.replaceAll(BUILT_HOST, host ?? BUILT_HOST),
      panel: readText(PANELS[model]),
      manifest: JSON.parse(readText('manifest.json')) as ReplicaSetting['manifest'],
      pictures,
      stored,
      domains: host ? [new URL(host).origin] : [],
    };
    await page.evaluate((s) => diptychReplica.open(s), setting);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    page,
    requests,
    takeErrors: () => [...errors.splice(0), ...fromPages(server.strayed)],
    panel: (selector) => findFrame(page, selector),
    close,
  };
}

async function findFrame(page: Page, selector: string): Promise<Frame> {
  for (let waited = 0; waited < 120_000; waited += 200) {
    for (const frame of page.frames()) {
      if (await frame.$(selector).catch(() => null)) return frame;
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const frames = page.frames().map((frame) => frame.url().slice(0, 60));
  throw new Error(`no frame has an element ${selector}; frames: ${frames.join(', ')}`);
}
