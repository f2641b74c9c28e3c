/** Where a result goes in the layer tree, and how it comes to lie exactly over its source. */
import { NodeGoneError } from '../common/errors';

/** A place in the layer tree: what to insert into, and before which index. */
export interface Home {
  readonly parent: PageNode | FrameNode | GroupNode | SectionNode | ComponentNode;
  readonly index: number;
}

const HOMES: readonly BaseNode['type'][] = ['PAGE', 'FRAME', 'GROUP', 'SECTION', 'COMPONENT'];
/** Nothing can be put into an instance, at any depth; in the others a new layer would change the shape. */
const SEALED: readonly BaseNode['type'][] = ['INSTANCE', 'BOOLEAN_OPERATION', 'TRANSFORM_GROUP'];

/**
 * The innermost ancestor that can take a result, and the index directly above the source (or above what the source
 * lies in). Locked ancestors are passed over: a result in one could not be selected.
 */
export function homeOf(source: SceneNode): Home {
  let home: Home | null = null;
  let child: BaseNode = source;
  while (child.type !== 'PAGE') {
    const parent: (BaseNode & ChildrenMixin) | null = child.parent;
    if (!parent) throw new NodeGoneError();
    if (SEALED.includes(parent.type) || ('locked' in parent && parent.locked)) home = null;
    else if (!home && HOMES.includes(parent.type)) {
      const { id } = child;
      home = { parent: parent as Home['parent'], index: parent.children.findIndex((node) => node.id === id) + 1 };
    }
    child = parent;
  }
  if (!home) throw new NodeGoneError();
  return home;
}

/**
 * Puts a new layer there, over a rectangle of the canvas (px), upright however its parents are turned. In auto layout it
 * keeps out of the flow.
 */
export function settle(node: RectangleNode, { parent, index }: Home, box: Rect): void {
  // Laid in place before as well: a group stretches to wherever a layer appears in it, and pushes aside what it lies among.
  lay(node, box, parent);
  parent.insertChild(index, node);
  if ('layoutMode' in parent && parent.layoutMode !== 'NONE') node.layoutPositioning = 'ABSOLUTE';
  lay(node, box, parent);
}

/** Lays a layer over a rectangle of the canvas (px), upright, within the parent it has. */
export function cover(node: RectangleNode | FrameNode, box: Rect): void {
  lay(node, box, node.parent);
}

function lay(node: RectangleNode | FrameNode, { x, y, width, height }: Rect, parent: BaseNode | null): void {
  node.resize(width, height);
  node.relativeTransform = multiply(invert(coordinatesIn(parent)), [
    [1, 0, x],
    [0, 1, y],
  ]);
}

/** From what is in a parent to the canvas. Groups and boolean operations have no coordinates of their own. */
function coordinatesIn(parent: BaseNode | null): Transform {
  let at = parent;
  while (at && (at.type === 'GROUP' || at.type === 'BOOLEAN_OPERATION')) at = at.parent;
  if (at && 'absoluteTransform' in at) return at.absoluteTransform;
  return [
    [1, 0, 0],
    [0, 1, 0],
  ];
}

function invert([[a, c, e], [b, d, f]]: Transform): Transform {
  const determinant = a * d - b * c;
  const [ia, ic, ib, id] = [d / determinant, -c / determinant, -b / determinant, a / determinant];
  return [
    [ia, ic, -(ia * e + ic * f)],
    [ib, id, -(ib * e + id * f)],
  ];
}

function multiply([[a, c, e], [b, d, f]]: Transform, [[g, i, k], [h, j, l]]: Transform): Transform {
  return [
    [a * g + c * h, a * i + c * j, a * k + c * l + e],
    [b * g + d * h, b * i + d * j, b * k + d * l + f],
  ];
}

/** Space between layers that are set side by side, px. */
const GAP = 40;

/**
 * Where a picture of that size goes on a page: to the right of what is selected, else in the middle of the view, and
 * further right while it would lie over something.
 */
export function freeSpot(page: PageNode, { width, height }: { width: number; height: number }): Rect {
  const boxes = page.children.flatMap((node) => node.absoluteBoundingBox ?? []);
  const beside = page.selection.flatMap((node) => topLevel(node).absoluteBoundingBox ?? []);
  const { center } = figma.viewport;
  const spot =
    beside.length > 0
      ? { x: Math.max(...beside.map(right)) + GAP, y: Math.min(...beside.map(({ y }) => y)), width, height }
      : { x: Math.round(center.x - width / 2), y: Math.round(center.y - height / 2), width, height };
  for (let hit = boxes.find((box) => overlap(box, spot)); hit; hit = boxes.find((box) => overlap(box, spot))) {
    spot.x = right(hit) + GAP;
  }
  return spot;
}

function topLevel(node: SceneNode): SceneNode {
  return node.parent && node.parent.type !== 'PAGE' && node.parent.type !== 'DOCUMENT'
    ? topLevel(node.parent as SceneNode)
    : node;
}

const right = ({ x, width }: Rect) => x + width;

function overlap(a: Rect, b: Rect): boolean {
  return a.x < right(b) && b.x < right(a) && a.y < b.y + b.height && b.y < a.y + a.height;
}
