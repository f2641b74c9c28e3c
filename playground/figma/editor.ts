/**
 * One window of the editor on a document: the page shown, what is selected, where the view is. A document may be open in
 * several; they share undo, which in Figma every user has of their own.
 */
import type { Rect, Vector } from '@figma/plugin-typings/plugin-api-standalone';
import { ClientStorage } from './client-storage';
import type { FigmaFile } from './file';
import type { Host, Manifest } from './ports';
import { ROOT } from './scene';
import { union } from './transform';

export interface View {
  readonly center: Vector;
  /** px of the screen per px of the canvas. */
  readonly zoom: number;
  /** Size of the window, px of the screen. */
  readonly width: number;
  readonly height: number;
}

export type EditorEvent = 'selectionchange' | 'currentpagechange' | 'viewchange';

export class Editor {
  readonly #listeners = new Set<(event: EditorEvent) => void>();
  readonly #selections = new Map<string, readonly string[]>();
  #pageId: string;
  /** px at the right that something lies over; what is brought into view keeps out of there. */
  covered = 0;
  #view: View = { center: { x: 0, y: 0 }, zoom: 1, width: 1000, height: 800 };

  /** Opens a document, which must have a page, on its first one. */
  constructor(
    readonly file: FigmaFile,
    readonly manifest: Manifest,
    readonly host: Host,
    readonly storage: ClientStorage = new ClientStorage(),
  ) {
    const [first] = file.scene.get(ROOT).children;
    if (first === undefined) throw new Error('a document needs a page');
    this.#pageId = first;
    file.scene.subscribe((changes) => {
      const gone = [...changes.keys()].filter((id) => !file.scene.find(id));
      if (gone.length > 0) this.#forget(new Set(gone));
    });
  }

  get pageId(): string {
    return this.#pageId;
  }

  showPage(id: string): void {
    if (id === this.#pageId) return;
    this.#pageId = id;
    this.#emit('currentpagechange');
  }

  /** Ids of what is selected on a page and still there. */
  selectionOf(pageId: string): readonly string[] {
    const { scene } = this.file;
    return (this.#selections.get(pageId) ?? []).filter((id) => scene.find(id) && scene.pageOf(id)?.id === pageId);
  }

  get selection(): readonly string[] {
    return this.selectionOf(this.#pageId);
  }

  /** Selects nodes of a page. Throws when one is not on it. */
  select(ids: readonly string[], pageId = this.#pageId): void {
    for (const id of ids) {
      if (this.file.scene.pageOf(id)?.id !== pageId) {
        throw new Error('The selection of a page can only include nodes in that page');
      }
    }
    const before = this.#selections.get(pageId) ?? [];
    this.#selections.set(pageId, [...new Set(ids)]);
    const same = before.length === ids.length && before.every((id, index) => id === ids[index]);
    if (!same && pageId === this.#pageId) this.#emit('selectionchange');
  }

  get view(): View {
    return this.#view;
  }

  set view(view: View) {
    this.#view = view;
    this.#emit('viewchange');
  }

  /** Brings a part of the page into view, with some room around it, and never closer than 1:1. */
  reveal(rects: readonly Rect[]): void {
    const box = union(rects);
    if (!box) return;
    const { width, height } = this.#view;
    const free = Math.max(100, width - this.covered);
    const zoom = Math.min(1, Math.min(free / box.width, height / box.height) * 0.85);
    const center = { x: box.x + box.width / 2 + (width - free) / 2 / zoom, y: box.y + box.height / 2 };
    this.view = { ...this.#view, center, zoom };
  }

  /** Returns how to stop listening. */
  subscribe(listener: (event: EditorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #forget(gone: ReadonlySet<string>): void {
    for (const [pageId, selection] of this.#selections) {
      const left = selection.filter((id) => !gone.has(id));
      if (left.length === selection.length) continue;
      this.#selections.set(pageId, left);
      if (pageId === this.#pageId) this.#emit('selectionchange');
    }
    if (gone.has(this.#pageId)) this.showPage(this.file.scene.get(ROOT).children[0]!);
  }

  #emit(event: EditorEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}
