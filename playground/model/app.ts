/** The playground: a document, an editor on it, the plugin, and what the page shows of them as signals. */
import { signal, type ReadonlySignal, type Signal } from '@preact/signals';
import type { NotificationOptions, Rect, Vector } from '@figma/plugin-typings/plugin-api-standalone';
import { Bitmaps } from '../draw/bitmaps';
import { CanvasRenderer } from '../draw/renderer';
import { ClientStorage } from '../figma/client-storage';
import { Editor, type View } from '../figma/editor';
import type { FigmaFile } from '../figma/file';
import { ROOT } from '../figma/scene';
import { PluginSession, type PluginFiles } from './plugin-session';
import type { Theme } from './theme';

export interface Note {
  readonly id: number;
  readonly text: string;
  readonly error: boolean;
  readonly button: { readonly text: string; readonly act: () => void } | null;
}

const IMAGES_PER_SWEEP = 30;
const NOTE_MS = 5_000;
/** Room left and right of the plugin's window, px. */
const WINDOW_EDGES = 32;

export class App {
  readonly editor: Editor;
  readonly plugin: PluginSession;
  readonly bitmaps: Bitmaps;
  /** Grows when something that is drawn changed. */
  readonly changes = signal(0);
  readonly notes = signal<readonly Note[]>([]);
  /** The rectangle the user is drawing to select with, px of the canvas. */
  readonly marquee = signal<Rect | null>(null);
  readonly hovered = signal<string | null>(null);
  readonly paletteOpen = signal(false);
  /** Whether the canvas knows how large it is. */
  readonly sized = signal(false);
  readonly pageId: ReadonlySignal<string>;
  readonly selection: ReadonlySignal<readonly string[]>;
  readonly view: ReadonlySignal<View>;
  #lastNote = 0;
  readonly #views = new Map<string, View>();
  #shownPage: string;
  #sweepAt = IMAGES_PER_SWEEP;

  /** @param storage holds what the plugin keeps for the user, until the page is closed. */
  constructor(
    readonly file: FigmaFile,
    files: PluginFiles,
    readonly theme: Signal<Theme>,
    storage: ClientStorage,
  ) {
    this.bitmaps = new Bitmaps(file.images, () => this.changes.value++);
    this.plugin = new PluginSession(files, theme);
    this.editor = new Editor(
      file,
      files.manifest,
      {
        renderer: new CanvasRenderer(this.bitmaps),
        openUi: (options, receive) => this.plugin.open(options, receive),
        notify: (text, options) => this.notify(text, options),
        report: (error) => {
          console.error(error);
          this.notify(`The plugin failed: ${error instanceof Error ? error.message : String(error)}`, { error: true });
        },
      },
      storage,
    );
    const { editor } = this;
    this.#shownPage = editor.pageId;
    this.plugin.window.subscribe((window) => {
      editor.covered = window?.visible ? window.width + WINDOW_EDGES : 0;
    });
    const [pageId, selection, view] = [signal(editor.pageId), signal(editor.selection), signal(editor.view)];
    [this.pageId, this.selection, this.view] = [pageId, selection, view];
    editor.subscribe((event) => {
      if (event === 'currentpagechange') this.#goTo(editor.pageId);
      pageId.value = editor.pageId;
      selection.value = editor.selection;
      view.value = editor.view;
    });
    file.scene.subscribe(() => {
      this.changes.value++;
      selection.value = editor.selection;
      if (file.images.size > this.#sweepAt) this.#sweep();
    });
  }

  /** Fits the whole page into view. */
  showAll(): void {
    const { scene } = this.file;
    this.editor.reveal(scene.get(this.editor.pageId).children.map((id) => scene.bounds(id)));
  }

  /** Frees what nothing shows, and waits until as many images again have come. */
  #sweep(): void {
    this.file.sweepImages();
    this.#sweepAt = this.file.images.size + IMAGES_PER_SWEEP;
  }

  /** Every page is found as it was left, and the first time as a whole. */
  #goTo(pageId: string): void {
    this.#views.set(this.#shownPage, this.editor.view);
    this.#shownPage = pageId;
    const view = this.#views.get(pageId);
    if (!view) return this.showAll();
    const { width, height } = this.editor.view;
    this.editor.view = { ...view, width, height };
  }

  get pages(): readonly string[] {
    return this.file.scene.get(ROOT).children;
  }

  undo(): void {
    if (!this.file.history.undo()) this.notify('Nothing to undo', {});
  }

  redo(): void {
    if (!this.file.history.redo()) this.notify('Nothing to redo', {});
  }

  /** From px of the window's canvas to px of the document's. */
  toCanvas(point: Vector): Vector {
    const { center, zoom, width, height } = this.editor.view;
    return { x: center.x + (point.x - width / 2) / zoom, y: center.y + (point.y - height / 2) / zoom };
  }

  /** From px of the document's canvas to px of the window's. */
  toWindow(point: Vector): Vector {
    const { center, zoom, width, height } = this.editor.view;
    return { x: (point.x - center.x) * zoom + width / 2, y: (point.y - center.y) * zoom + height / 2 };
  }

  /** Zooms about a point of the window's canvas. */
  zoomAt(point: Vector, factor: number): void {
    const { view } = this.editor;
    const zoom = Math.min(16, Math.max(0.05, view.zoom * factor));
    const fixed = this.toCanvas(point);
    this.editor.view = {
      ...view,
      zoom,
      center: {
        x: fixed.x - (point.x - view.width / 2) / zoom,
        y: fixed.y - (point.y - view.height / 2) / zoom,
      },
    };
  }

  pan(by: Vector): void {
    const { view } = this.editor;
    const center = { x: view.center.x - by.x / view.zoom, y: view.center.y - by.y / view.zoom };
    this.editor.view = { ...view, center };
  }

  /** A line at the bottom. Returns how to take it away. */
  notify(text: string, { error = false, timeout = NOTE_MS, button }: NotificationOptions): () => void {
    const id = ++this.#lastNote;
    const remove = (): void => {
      this.notes.value = this.notes.value.filter((note) => note.id !== id);
    };
    const act = (): void => {
      if (button?.action() !== false) remove();
    };
    this.notes.value = [...this.notes.value, { id, text, error, button: button ? { text: button.text, act } : null }];
    if (Number.isFinite(timeout)) setTimeout(remove, timeout);
    return remove;
  }
}
