/** Layers by id, where they lie, and why one cannot be drawn. */
import { InputError, NodeGoneError } from '../common/errors';

/** Thinner layers give too few pixels across: the embedded model sees 256 px along. */
const THINNEST = 1 / 64;

/**
 * Gives a layer to `use`, its page loaded. Throws a NodeGoneError when it is not there or is deleted meanwhile, an
 * InputError when the id is a page's.
 */
export async function withNode<T>(id: string, use: (node: SceneNode) => Promise<T> | T): Promise<T> {
  const node = await figma.getNodeByIdAsync(id);
  if (!node) throw new NodeGoneError();
  if (node.type === 'PAGE' || node.type === 'DOCUMENT') {
    throw new InputError(`“${node.name}” is a page: choose layers on it.`);
  }
  try {
    await pageOf(node).loadAsync();
    return await use(node);
  } catch (error) {
    if (node.removed) throw new NodeGoneError();
    throw error;
  }
}

/** The page a layer is on; throws a NodeGoneError when it is on none any more. */
export function pageOf(node: BaseNode): PageNode {
  let at: BaseNode | null = node;
  while (at && at.type !== 'PAGE') at = at.parent;
  if (!at) throw new NodeGoneError();
  return at;
}

/** Why a layer cannot be drawn, as a sentence for the user; null when it can. */
export function obstacleOf(node: SceneNode): string | null {
  if (!('exportAsync' in node) || node.type === 'SLICE') {
    return 'This kind of layer has no picture of its own. Choose a frame, group, shape, image or text.';
  }
  if (!node.visible) return 'This layer is hidden. Show it first.';
  for (let at = node.parent; at && at.type !== 'PAGE' && at.type !== 'DOCUMENT'; at = at.parent) {
    if ('visible' in at && !at.visible) return `This layer lies in “${at.name}”, which is hidden. Show that first.`;
  }
  const box = node.absoluteBoundingBox;
  if (!box || !(box.width > 0) || !(box.height > 0))
    return 'This layer has no area. Choose one with a width and a height.';
  if (Math.min(box.width, box.height) < Math.max(box.width, box.height) * THINNEST) {
    return 'This layer is too thin. Choose one less than 64 times as long as it is wide.';
  }
  if (isEmpty(node)) return 'This layer is empty. Give it a fill or put something in it.';
  return null;
}

function isEmpty(node: SceneNode): boolean {
  if ('children' in node && node.children.length > 0) return false;
  if (!('fills' in node) || !('strokes' in node)) return false;
  return !paints(node.fills) && !paints(node.strokes);
}

/** Mixed paints (of text) do paint. */
function paints(list: readonly Paint[] | PluginAPI['mixed']): boolean {
  return !Array.isArray(list) || list.some((paint: Paint) => paint.visible !== false);
}
