/**
 * The object `figma`: the part of the plugin API that plugin/ uses, with Figma's rules under documentAccess
 * "dynamic-page". What is not here is missing, and using it fails.
 */
import type {
  BaseNode,
  DocumentNode,
  Image,
  NotificationHandler,
  NotificationOptions,
  PageNode,
  ParametersAPI,
  PluginAPI,
  Rect,
  SceneNode,
  ShowUIOptions,
  Vector,
  ViewportAPI,
} from '@figma/plugin-typings/plugin-api-standalone';
import { decodeBase64, encodeBase64 } from './base64';
import { readImageSize } from './image-header';
import type { Handler } from './events';
import type { Kind } from './node-data';
import type { Run } from './run';
import { ROOT } from './scene';
import type { PluginUi } from './ui';

const LONGEST_NOTIFICATION = 100;
const EVENTS: readonly string[] = ['run', 'close', 'selectionchange', 'currentpagechange'];

type Implemented = Pick<
  PluginAPI,
  | 'apiVersion'
  | 'editorType'
  | 'mode'
  | 'pluginId'
  | 'command'
  | 'root'
  | 'currentPage'
  | 'skipInvisibleInstanceChildren'
  | 'mixed'
  | 'closePlugin'
  | 'notify'
  | 'commitUndo'
  | 'triggerUndo'
  | 'showUI'
  | 'getNodeById'
  | 'getNodeByIdAsync'
  | 'setCurrentPageAsync'
  | 'loadAllPagesAsync'
  | 'createRectangle'
  | 'createFrame'
  | 'createImage'
  | 'getImageByHash'
  | 'base64Encode'
  | 'base64Decode'
> & {
  ui: PluginUi;
  clientStorage: PluginAPI['clientStorage'];
  parameters: ParametersAPI;
  viewport: Pick<ViewportAPI, 'center' | 'zoom' | 'bounds' | 'scrollAndZoomIntoView'>;
  on(type: string, callback: Handler): void;
  once(type: string, callback: Handler): void;
  off(type: string, callback: Handler): void;
};

/**
 * @param command why the plugin was started, as manifest.json names it; '' for none.
 * @param close ends the run.
 */
export function createFigma(run: Run, command: string, ui: PluginUi, close: (message?: string) => void): PluginAPI {
  const { editor } = run;
  const { scene, images, history } = editor.file;
  const page = (): PageNode => run.node(editor.pageId) as PageNode;
  const imageOf = (hash: string): Image => ({
    hash,
    getBytesAsync: () => run.pending(Promise.resolve(images.get(hash)!.slice())),
    getSizeAsync: () => run.pending(Promise.resolve(readImageSize(images.get(hash)!)!)),
  });
  const create = (kind: Kind): BaseNode => {
    run.refuseWhileAsking(`create${kind}`);
    return run.node(scene.create(kind, editor.pageId).id);
  };
  const checkEvent = (type: string): void => {
    if (!EVENTS.includes(type)) throw new Error(`in on: the playground has no event "${type}"`);
  };

  const api: Implemented = {
    apiVersion: '1.0.0',
    editorType: 'figma',
    mode: 'default',
    pluginId: editor.manifest.id,
    command,
    mixed: Symbol('mixed') as PluginAPI['mixed'],
    skipInvisibleInstanceChildren: false,
    ui,
    root: run.node(ROOT) as DocumentNode,

    get currentPage(): PageNode {
      return page();
    },
    set currentPage(_page: PageNode) {
      throw new Error(
        'in set_currentPage: Cannot call with documentAccess: dynamic-page. Use figma.setCurrentPageAsync instead.',
      );
    },
    async setCurrentPageAsync(target: PageNode): Promise<void> {
      if (run.read(target.id, 'setCurrentPageAsync').kind !== 'PAGE') {
        throw new Error('in setCurrentPageAsync: Expected a page');
      }
      await run.pending(Promise.resolve());
      run.loadedPages.add(target.id);
      editor.showPage(target.id);
    },
    async loadAllPagesAsync(): Promise<void> {
      await run.pending(Promise.resolve());
      for (const id of scene.get(ROOT).children) run.loadedPages.add(id);
    },
    getNodeById(): BaseNode | null {
      throw new Error(
        'in getNodeById: Cannot call with documentAccess: dynamic-page. Use figma.getNodeByIdAsync instead.',
      );
    },
    async getNodeByIdAsync(id: string): Promise<BaseNode | null> {
      await run.pending(Promise.resolve());
      if (!scene.find(id)) return null;
      const on = scene.pageOf(id);
      if (on) run.loadedPages.add(on.id);
      return run.node(id);
    },

    createRectangle: () => create('RECTANGLE') as ReturnType<PluginAPI['createRectangle']>,
    createFrame: () => create('FRAME') as ReturnType<PluginAPI['createFrame']>,
    createImage(data: Uint8Array): Image {
      run.refuseWhileAsking('createImage');
      try {
        return imageOf(images.add(data));
      } catch (error) {
        throw new Error(`in createImage: ${(error as Error).message}`, { cause: error });
      }
    },
    getImageByHash: (hash: string) => (images.get(hash) ? imageOf(hash) : null),

    commitUndo: () => history.commit(),
    triggerUndo: () => void history.undo(),
    base64Encode: encodeBase64,
    base64Decode: decodeBase64,
    clientStorage: {
      getAsync: (key) => run.pending(editor.storage.getAsync(key)),
      setAsync: (key, value) => run.pending(editor.storage.setAsync(key, value)),
      deleteAsync: (key) => run.pending(editor.storage.deleteAsync(key)),
      keysAsync: () => run.pending(editor.storage.keysAsync()),
    },

    on(type: string, callback: Handler): void {
      checkEvent(type);
      run.events.on(type, callback);
    },
    once(type: string, callback: Handler): void {
      checkEvent(type);
      run.events.once(type, callback);
    },
    off: (type: string, callback: Handler) => run.events.off(type, callback),
    parameters: {
      on: (_type, callback) => run.events.on('input', callback),
      once: (_type, callback) => run.events.once('input', callback),
      off: (_type, callback) => run.events.off('input', callback),
    },

    showUI: (html: string, options: ShowUIOptions = {}) => ui.open(html, options),
    notify(message: string, options: NotificationOptions = {}): NotificationHandler {
      run.refuseWhileAsking('notify');
      const line = message.length > LONGEST_NOTIFICATION ? `${message.slice(0, LONGEST_NOTIFICATION - 1)}…` : message;
      return { cancel: editor.host.notify(line, options) };
    },
    closePlugin: (message?: string) => close(message),
    viewport: {
      get center(): Vector {
        return { ...editor.view.center };
      },
      set center(center: Vector) {
        editor.view = { ...editor.view, center: { x: center.x, y: center.y } };
      },
      get zoom(): number {
        return editor.view.zoom;
      },
      set zoom(zoom: number) {
        editor.view = { ...editor.view, zoom };
      },
      get bounds(): Rect {
        const { center, zoom, width, height } = editor.view;
        const size = { width: width / zoom, height: height / zoom };
        return { x: center.x - size.width / 2, y: center.y - size.height / 2, ...size };
      },
      scrollAndZoomIntoView: (nodes: ReadonlyArray<BaseNode>) =>
        editor.reveal((nodes as readonly SceneNode[]).map(({ id }) => scene.bounds(id))),
    },
  };
  return api as unknown as PluginAPI;
}
