/** What pressing, dragging and releasing on the canvas does: select, draw a selection rectangle, move, pan. */
import type { Rect, Vector } from '@figma/plugin-typings/plugin-api-standalone';
import type { App } from './app';
import { moveSelection } from './edits';
import { clicked, entered, isMovable, nodesAt, nodesIn } from './hit-test';

export interface Press {
  /** px of the window's canvas. */
  readonly point: Vector;
  readonly shift: boolean;
  /** Ctrl or Command: goes to the innermost layer. */
  readonly deep: boolean;
  readonly double: boolean;
  /** Space, or the middle button. */
  readonly pan: boolean;
}

type Gesture =
  | { readonly kind: 'pan' }
  | { readonly kind: 'marquee'; readonly from: Vector; readonly kept: readonly string[] }
  | { readonly kind: 'move'; started: boolean };

/** px of the screen the pointer may tremble within a click. */
const TREMBLE = 3;

export class CanvasPointer {
  #gesture: Gesture | null = null;
  #pressedAt: Vector = { x: 0, y: 0 };
  #last: Vector = { x: 0, y: 0 };

  constructor(private readonly app: App) {}

  down({ point, shift, deep, double, pan }: Press): void {
    const { editor, file } = this.app;
    this.#pressedAt = this.#last = point;
    if (pan) {
      this.#gesture = { kind: 'pan' };
      return;
    }
    const at = this.app.toCanvas(point);
    const chain = nodesAt(file.scene, editor.pageId, at);
    const { selection } = editor;
    const meant = double ? entered(chain, selection) : clicked(chain, deep);
    // What is selected can be dragged by any part of it.
    const hit = !double && !deep && !shift ? (chain.find(({ id }) => selection.includes(id)) ?? meant) : meant;
    if (!hit) {
      this.#gesture = { kind: 'marquee', from: at, kept: shift ? selection : [] };
      if (!shift) editor.select([]);
      return;
    }
    const selected = selection.includes(hit.id);
    if (shift) editor.select(selected ? selection.filter((id) => id !== hit.id) : [...selection, hit.id]);
    else if (!selected) editor.select([hit.id]);
    this.#gesture = { kind: 'move', started: false };
  }

  move(point: Vector): void {
    const { editor, file } = this.app;
    const gesture = this.#gesture;
    const by = { x: point.x - this.#last.x, y: point.y - this.#last.y };
    if (gesture?.kind === 'pan') this.app.pan(by);
    else if (gesture?.kind === 'marquee') {
      const area = between(gesture.from, this.app.toCanvas(point));
      this.app.marquee.value = area;
      editor.select([...gesture.kept, ...nodesIn(file.scene, editor.pageId, area)]);
    } else if (gesture?.kind === 'move') {
      const distance = Math.hypot(point.x - this.#pressedAt.x, point.y - this.#pressedAt.y);
      if (!gesture.started && distance < TREMBLE) return;
      gesture.started = true;
      const { zoom } = editor.view;
      moveSelection(editor, { x: by.x / zoom, y: by.y / zoom });
    } else {
      const under = clicked(nodesAt(file.scene, editor.pageId, this.app.toCanvas(point)), false);
      this.app.hovered.value = under?.id ?? null;
    }
    this.#last = point;
  }

  up(): void {
    if (this.#gesture?.kind === 'move' && this.#gesture.started) {
      this.#roundPlaces();
      this.app.file.history.commit();
    }
    this.#gesture = null;
    this.app.marquee.value = null;
  }

  /** Layers land on whole px, as Figma's snapping has it. */
  #roundPlaces(): void {
    const { scene } = this.app.file;
    for (const id of this.app.editor.selection) {
      if (!isMovable(scene, id)) continue;
      const [[a, c, x], [b, d, y]] = scene.get(id).transform;
      scene.patch(id, {
        transform: [
          [a, c, Math.round(x)],
          [b, d, Math.round(y)],
        ],
      });
    }
  }
}

function between(a: Vector, b: Vector): Rect {
  return { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) };
}
