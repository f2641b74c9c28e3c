/** `globalThis.playground`: what tests, and the curious in the console, can ask of the page. */
import type { Paint, Rect, Vector } from '@figma/plugin-typings/plugin-api-standalone';
import type { Kind } from '../figma/node-data';
import { ROOT } from '../figma/scene';
import type { App } from './app';
import { importPictures } from './import-images';
import { exportPng } from './save';
import type { Theme } from './theme';

export interface NodeTree {
  readonly id: string;
  readonly type: Kind;
  readonly name: string;
  readonly visible: boolean;
  readonly locked: boolean;
  /** On the page, px. */
  readonly bounds: Rect;
  readonly fills: readonly Paint[];
  readonly layoutPositioning: 'AUTO' | 'ABSOLUTE';
  readonly pluginData: Readonly<Record<string, string>>;
  readonly relaunchData: Readonly<Record<string, string>>;
  /** From back to front. */
  readonly children: readonly NodeTree[];
}

/** Pixels as RGBA, 8 bits each, not premultiplied. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

export interface PlaygroundHandle {
  /** The document, or what is in one node. */
  tree(id?: string): NodeTree;
  /** Id of the node of a name on the open page, the front one of several. Throws when there is none. */
  idOf(name: string): string;
  selection(): readonly string[];
  /** Selects nodes of the open page by name or id. */
  select(...names: readonly string[]): void;
  showPage(name: string): void;
  /** Where the middle of a node is, px of the browser's window. */
  pointOf(id: string): Vector;
  /** What a node looks like when exported at `scale` times its size. */
  pixels(id: string, scale?: number): Promise<Pixels>;
  /** The file of an image. */
  image(hash: string): Uint8Array;
  /** Puts a picture onto the page, as dropping a file does. Returns its id. */
  add(name: string, type: string, bytes: Uint8Array): Promise<string>;
  remove(id: string): void;
  setTheme(theme: Theme): void;
  /** Runs a command of manifest.json. */
  run(command: string): void;
  closePlugin(): void;
  undo(): void;
  redo(): void;
  /** Steps that can be undone. */
  undoable(): number;
  notes(): readonly string[];
  /** Bytes of the 5 MB of client storage in use, and its keys. */
  storage(): Promise<{ readonly used: number; readonly keys: readonly string[] }>;
}

export function createHandle(app: App): PlaygroundHandle {
  const { editor, file } = app;
  const { scene } = file;
  const tree = (id: string = ROOT): NodeTree => {
    const { kind, name, visible, locked, fills, layoutPositioning, pluginData, relaunchData, children } = scene.get(id);
    const data = { fills, layoutPositioning, pluginData, relaunchData };
    return { id, type: kind, name, visible, locked, bounds: scene.bounds(id), ...data, children: children.map(tree) };
  };
  const idOf = (name: string): string => {
    const found = [...scene.descendants(editor.pageId)].filter((node) => node.name === name || node.id === name);
    if (found.length === 0) throw new Error(`no layer on this page is called "${name}"`);
    return found.at(-1)!.id;
  };
  return {
    tree,
    idOf,
    selection: () => editor.selection,
    select: (...names) => editor.select(names.map(idOf)),
    showPage: (name) => {
      const page = app.pages.find((id) => scene.get(id).name === name);
      if (page === undefined) throw new Error(`no page is called "${name}"`);
      editor.showPage(page);
    },
    pointOf: (id) => {
      const { x, y, width, height } = scene.bounds(id);
      const { left, top } = document.querySelector('canvas.canvas')!.getBoundingClientRect();
      const point = app.toWindow({ x: x + width / 2, y: y + height / 2 });
      return { x: left + point.x, y: top + point.y };
    },
    pixels: async (id, scale = 1) => decode(await exportPng(app, id, scale)),
    image: (hash) => file.images.get(hash)?.slice() ?? new Uint8Array(),
    add: async (name, type, bytes) => {
      const complaints = await importPictures(
        editor,
        [new File([bytes as Uint8Array<ArrayBuffer>], name, { type })],
        editor.view.center,
      );
      if (complaints[0] !== undefined) throw new Error(complaints[0]);
      return editor.selection[0]!;
    },
    remove: (id) => {
      scene.remove(id);
      file.history.commit();
    },
    setTheme: (theme) => (app.theme.value = theme),
    run: (command) => app.plugin.start(editor, command),
    closePlugin: () => app.plugin.close(),
    undo: () => app.undo(),
    redo: () => app.redo(),
    undoable: () => file.history.undoable,
    notes: () => app.notes.value.map(({ text }) => text),
    storage: async () => ({ used: editor.storage.used, keys: await editor.storage.keysAsync() }),
  };
}

async function decode(png: Uint8Array): Promise<Pixels> {
  const bitmap = await createImageBitmap(new Blob([png as Uint8Array<ArrayBuffer>]), { premultiplyAlpha: 'none' });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d')!;
  context.drawImage(bitmap, 0, 0);
  return { width, height, data: new Uint8Array(context.getImageData(0, 0, width, height).data) };
}
