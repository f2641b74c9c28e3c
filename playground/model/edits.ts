/** What the user does to layers; each is one step of undo. */
import type { Vector } from '@figma/plugin-typings/plugin-api-standalone';
import { duplicate } from '../figma/clone';
import type { Editor } from '../figma/editor';
import type { NodeData } from '../figma/node-data';
import { invert, multiply, translation } from '../figma/transform';
import { isMovable } from './hit-test';

/** The selected nodes without those that lie in other selected ones. */
function outermost(editor: Editor): readonly string[] {
  const { scene } = editor.file;
  const selected = new Set(editor.selection);
  return editor.selection.filter((id) => ![...scene.ancestors(id)].some((ancestor) => selected.has(ancestor.id)));
}

/** Moves what is selected by px of the canvas. Not yet a step of undo: a drag ends with `commit`. */
export function moveSelection(editor: Editor, by: Vector): void {
  const { scene } = editor.file;
  for (const id of outermost(editor)) {
    if (isMovable(scene, id)) moveNode(editor, id, by);
  }
}

function moveNode(editor: Editor, id: string, by: Vector): void {
  const { scene } = editor.file;
  const container = scene.containerTransform(id);
  const inContainer = multiply(invert(container), multiply(translation(by.x, by.y), container));
  scene.patch(id, { transform: multiply(inContainer, scene.get(id).transform) });
}

/** Locked layers and those of instances stay. */
export function deleteSelection(editor: Editor): void {
  const { scene, history } = editor.file;
  for (const id of outermost(editor)) {
    const node = scene.find(id);
    if (node && !node.locked && !scene.isInInstance(id)) scene.remove(id);
  }
  history.commit();
}

export function duplicateSelection(editor: Editor): void {
  const { scene, history } = editor.file;
  const copies = outermost(editor)
    .filter((id) => !scene.isInInstance(id))
    .map((id) => {
      const copy = duplicate(scene, id);
      if (isMovable(scene, copy)) moveNode(editor, copy, { x: 20, y: 20 });
      return copy;
    });
  if (copies.length === 0) return;
  editor.select(copies);
  history.commit();
}

export function change(
  editor: Editor,
  id: string,
  patch: Pick<Partial<NodeData>, 'name' | 'visible' | 'locked'>,
): void {
  editor.file.scene.patch(id, patch);
  editor.file.history.commit();
}

export function selectAll(editor: Editor): void {
  const { scene } = editor.file;
  editor.select(
    scene.get(editor.pageId).children.filter((id) => {
      const { visible, locked } = scene.get(id);
      return visible && !locked;
    }),
  );
}
