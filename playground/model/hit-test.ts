/** What lies under the pointer, and which of it a click means. */
import type { Rect, Vector } from '@figma/plugin-typings/plugin-api-standalone';
import { fitsItsContent, type NodeData } from '../figma/node-data';
import type { Scene } from '../figma/scene';
import { apply, invert } from '../figma/transform';

/** The nodes at a point of a page, from the outermost to the innermost; front ones hide those behind them. */
export function nodesAt(scene: Scene, parentId: string, point: Vector): readonly NodeData[] {
  for (const id of [...scene.get(parentId).children].reverse()) {
    const node = scene.get(id);
    if (!node.visible || node.locked) continue;
    const local = apply(invert(scene.absoluteTransform(id)), point);
    const inside = local.x >= 0 && local.y >= 0 && local.x <= node.width && local.y <= node.height;
    if (!inside && node.clipsContent) continue;
    const within = nodesAt(scene, id, point);
    if (within.length > 0) return [node, ...within];
    if (inside && node.kind !== 'GROUP' && !node.isMask) return [node];
  }
  return [];
}

/** A frame on the page is a place to work in, as in Figma: a click goes to what is in it. */
const isPlace = ({ kind }: NodeData): boolean => kind === 'FRAME' || kind === 'SECTION';

/** Which of the nodes under the pointer a click selects. */
export function clicked(chain: readonly NodeData[], deep: boolean): NodeData | undefined {
  if (deep) return chain.at(-1);
  const [outer, inner] = chain;
  return outer && inner && isPlace(outer) && outer.children.length > 1 ? inner : outer;
}

/** Which one a double click selects: one level further in than what is selected. */
export function entered(chain: readonly NodeData[], selection: readonly string[]): NodeData | undefined {
  const depth = chain.findIndex(({ id }) => selection.includes(id));
  return chain[Math.min(depth + 1, chain.length - 1)];
}

/** What a rectangle drawn on the page selects: all it touches, but frames with several things in them only whole. */
export function nodesIn(scene: Scene, pageId: string, area: Rect): readonly string[] {
  const found: string[] = [];
  for (const id of scene.get(pageId).children) {
    const node = scene.get(id);
    if (!node.visible || node.locked || !touches(area, scene.bounds(id))) continue;
    const place = isPlace(node) && node.children.length > 1;
    if (!place || contains(area, scene.bounds(id))) found.push(id);
    else found.push(...touched(scene, node, area));
  }
  return found;
}

function touched(scene: Scene, frame: NodeData, area: Rect): readonly string[] {
  return frame.children.filter((id) => {
    const { visible, locked } = scene.get(id);
    return visible && !locked && touches(area, scene.bounds(id));
  });
}

const touches = (a: Rect, b: Rect): boolean =>
  a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

const contains = (outer: Rect, inner: Rect): boolean =>
  inner.x >= outer.x &&
  inner.y >= outer.y &&
  inner.x + inner.width <= outer.x + outer.width &&
  inner.y + inner.height <= outer.y + outer.height;

/** Whether the user may move a node: auto-layout and instances place what is theirs. */
export function isMovable(scene: Scene, id: string): boolean {
  const node = scene.get(id);
  if (node.locked || node.parent === null || scene.isInInstance(id)) return false;
  const parent = scene.get(node.parent);
  const inFlow = parent.layout.mode !== 'NONE' && node.layoutPositioning === 'AUTO';
  return !(inFlow && !fitsItsContent(parent));
}
