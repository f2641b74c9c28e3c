/** Copies of nodes: duplicates, and instances of components. */
import type { NodeData } from './node-data';
import type { Scene } from './scene';

/** Copies a node with all that is in it under the same parent, in front of it. Returns the copy's id. */
export function duplicate(scene: Scene, id: string): string {
  const { parent } = scene.get(id);
  if (parent === null) throw new Error('the document cannot be duplicated');
  const index = scene.get(parent).children.indexOf(id) + 1;
  return copyTree(scene, id, parent, () => scene.newId(), index);
}

/** Makes an instance of a component. Its sublayers get ids of the form "I<instance>;<original>", as in Figma. */
export function instantiate(scene: Scene, componentId: string, parent: string, patch: Partial<NodeData>): string {
  const { id: _id, parent: _parent, children, kind, ...look } = scene.get(componentId);
  if (kind !== 'COMPONENT') throw new Error(`only a component has instances, not a ${kind}`);
  const instance = scene.create('INSTANCE', parent, { ...look, ...patch, children: [], mainComponent: componentId });
  for (const child of children) copyTree(scene, child, instance.id, (original) => `I${instance.id};${original}`);
  return instance.id;
}

function copyTree(
  scene: Scene,
  id: string,
  parent: string,
  idOf: (original: string) => string,
  index?: number,
): string {
  const { children, ...data } = scene.get(id);
  const copy = scene.create(data.kind, parent, { ...data, id: idOf(id), children: [] }, index);
  for (const child of children) copyTree(scene, child, copy.id, idOf);
  return copy.id;
}
