/** Chromium on the playground, with the panel that is built into the plugin. */
import { join } from 'node:path';
import type { Download, Frame, FrameLocator, Page } from 'playwright-core';
import type { NodeTree, Pixels } from '../../../playground/model/handle';
import type { ResultParameters } from '../../../common/messages';
import { serve } from '../../scripts/node-module';
import { fromPages, openContext } from '../launch';
import { startServer } from '../server';

/** What a loaded machine may take for one step of a flow, ms. */
export const PATIENCE = 120_000;

const TINY_PANEL = join(__dirname, '../../../dist/test/tiny-ui.html');

const FRAME = 'iframe[title="Diptych panel"]';

/** A layer that the plugin made. */
export interface Result extends NodeTree {
  readonly parameters: ResultParameters;
  /** Hashes of its images. */
  readonly original: string;
  readonly styled: string;
}

export interface EditorUnderTest {
  readonly page: Page;
  readonly panel: FrameLocator;
  /** The panel's document. */
  frame(): Promise<Frame>;
  /** Loads the page anew: a fresh document, empty storage, the panel open on what was selected at first. */
  reload(): Promise<void>;
  /** Starts a command of manifest.json and waits for its panel. */
  start(command: string): Promise<void>;
  select(...names: string[]): Promise<void>;
  /** The front layer of a name on the open page. */
  layer(name: string): Promise<NodeTree>;
  result(name: string): Promise<Result>;
  /** Names of all layers of a page, from back to front, each before the ones in it. */
  names(page: string): Promise<string[]>;
  pixels(id: string, scale?: number): Promise<Pixels>;
  image(hash: string): Promise<Uint8Array>;
  undoable(): Promise<number>;
  storedKeys(): Promise<readonly string[]>;
  /** What a click leads to being downloaded. */
  download(click: () => Promise<void>): Promise<Download>;
  /** What page, panel and workers left unhandled, logged as an error, or asked of other hosts, since the last call. */
  takeErrors(): string[];
  close(): Promise<void>;
}

/** What is in the panel: the model that ships, or a random one that takes no time. */
export type PanelModel = 'embedded' | 'tiny';

/**
 * Opens the playground with the embedded panel.
 *
 * @param model the tiny one wherever a flow is about the panel and the editor, and not about what the model draws.
 * @param selected what is selected when the panel opens. With the sample pair the engine that reads pairs is started,
 *   which takes as long as a short flow.
 */
export async function openEditor(model: PanelModel, selected: 'pair' | 'nothing' = 'pair'): Promise<EditorUnderTest> {
  const { origin, process: server } = await serve('scripts/start.mjs', 'servePlayground', 0);
  const proxy = await startServer({}, {});
  const { context, close: closeContext } = await openContext(proxy.origin, {
    ...{ viewport: { width: 1280, height: 860 }, acceptDownloads: true },
  });
  if (model === 'tiny') await context.route('**/plugin/ui.html', (route) => route.fulfill({ path: TINY_PANEL }));
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
  await page.addInitScript(keepWorkers);
  if (selected === 'nothing') await page.addInitScript(selectNothing);

  const panel = page.frameLocator(FRAME);
  const layer = (name: string): Promise<NodeTree> =>
    page.evaluate((which) => playground!.tree(playground!.idOf(which)), name);
  const shown = (): Promise<void> => panel.getByRole('tab', { name: 'Learn' }).waitFor({ timeout: PATIENCE });

  const editor: EditorUnderTest = {
    page,
    panel,
    frame: async () => {
      const element = await page.locator(FRAME).elementHandle();
      return (await element!.contentFrame())!;
    },
    reload: async () => {
      await page.goto(`${origin}/?panel=embedded`);
      await shown();
    },
    start: async (command) => {
      await page.evaluate((name) => playground!.run(name), command);
      await shown();
    },
    select: (...names) => page.evaluate((which) => playground!.select(...which), names),
    layer,
    result: async (name) => {
      const found = await layer(name);
      const text = found.pluginData['result'];
      if (!text) throw new Error(`${name} is not a result`);
      const [original, styled] = found.fills.map((fill) => (fill.type === 'IMAGE' ? fill.imageHash! : ''));
      return { ...found, parameters: JSON.parse(text) as ResultParameters, original: original!, styled: styled! };
    },
    names: async (name) => {
      const { children } = await page.evaluate(() => playground!.tree());
      const namesIn = (node: NodeTree): string[] => node.children.flatMap((child) => [child.name, ...namesIn(child)]);
      return namesIn(children.find((child) => child.name === name)!);
    },
    pixels: (id, scale) => page.evaluate(([node, by]) => playground!.pixels(node, by), [id, scale] as const),
    image: (hash) => page.evaluate((of) => playground!.image(of), hash),
    undoable: () => page.evaluate(() => playground!.undoable()),
    storedKeys: async () => (await page.evaluate(() => playground!.storage())).keys,
    download: async (click) => {
      const [download] = await Promise.all([page.waitForEvent('download'), click()]);
      return download;
    },
    takeErrors: () => [...errors.splice(0), ...fromPages(proxy.strayed.splice(0))],
    close: async () => {
      await closeContext();
      server.kill();
      await proxy.close();
    },
  };
  try {
    await editor.reload();
    return editor;
  } catch (error) {
    await editor.close();
    throw error;
  }
}

declare global {
  /** The workers that a document started, oldest first. */
  var workersStarted: Worker[];
  /** Milliseconds by which what workers say arrives later. */
  var workerDelay: number;
}

/** Runs in every document before its scripts: the playground's selection is empty before its panel can ask for it. */
function selectNothing(): void {
  let handle: typeof playground;
  Object.defineProperty(globalThis, 'playground', {
    get: () => handle,
    set: (opened: typeof playground) => {
      handle = opened;
      queueMicrotask(() => opened!.select());
    },
  });
}

/**
 * Runs in every document before its scripts: remembers workers, so that a test can end one as a crash would, and lets
 * their messages wait when a test says so.
 */
function keepWorkers(): void {
  globalThis.workersStarted = [];
  globalThis.workerDelay = 0;
  const late = new WeakSet<Event>();
  const Original = globalThis.Worker;
  globalThis.Worker = class extends Original {
    constructor(...args: ConstructorParameters<typeof Worker>) {
      super(...args);
      globalThis.workersStarted.push(this);
      // The first to listen, and so able to keep a message from the others.
      this.addEventListener('message', (event) => {
        if (globalThis.workerDelay === 0 || late.has(event)) return;
        event.stopImmediatePropagation();
        const again = new MessageEvent('message', { data: event.data, ports: [...event.ports] });
        late.add(again);
        setTimeout(() => this.dispatchEvent(again), globalThis.workerDelay);
      });
    }
  };
}
