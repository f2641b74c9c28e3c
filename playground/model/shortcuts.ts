/** Keys that work wherever the focus is, except while something is typed. */
import type { App } from './app';
import { deleteSelection, duplicateSelection, moveSelection, selectAll } from './edits';

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

export function onShortcut(app: App, event: KeyboardEvent): void {
  if (app.paletteOpen.value) return;
  const target = event.target as HTMLElement;
  if (target.matches('input, textarea, select')) return;
  const act = shortcutOf(app, event);
  if (!act) return;
  event.preventDefault();
  act();
}

function shortcutOf(app: App, event: KeyboardEvent): (() => void) | undefined {
  const { editor } = app;
  const { key } = event;
  if (event.ctrlKey || event.metaKey) {
    const withControl: Readonly<Record<string, () => void>> = {
      z: () => (event.shiftKey ? app.redo() : app.undo()),
      y: () => app.redo(),
      d: () => duplicateSelection(editor),
      a: () => selectAll(editor),
      '/': () => (app.paletteOpen.value = true),
      p: () => (app.paletteOpen.value = true),
    };
    return withControl[key.toLowerCase()];
  }
  const arrow = ARROWS[key];
  if (arrow) {
    const step = event.shiftKey ? 10 : 1;
    return () => {
      moveSelection(editor, { x: arrow[0] * step, y: arrow[1] * step });
      app.file.history.commit();
    };
  }
  const { width, height } = editor.view;
  const middle = { x: width / 2, y: height / 2 };
  const plain: Readonly<Record<string, () => void>> = {
    Escape: () => editor.select([]),
    Delete: () => deleteSelection(editor),
    Backspace: () => deleteSelection(editor),
    '+': () => app.zoomAt(middle, 2),
    '-': () => app.zoomAt(middle, 0.5),
  };
  // By its place on the keyboard: what Shift makes of it differs.
  return event.shiftKey && event.code === 'Digit1' ? () => app.showAll() : plain[key];
}
