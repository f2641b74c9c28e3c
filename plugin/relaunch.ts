/** The plugin's buttons in the editor's own sidebar, which start it again on a layer; manifest.json names them. */
import { NodeGoneError } from '../common/errors';
import { pageOf, withNode } from './nodes';

const PAIR_KEY = 'pair';

export function offerOnResult(node: SceneNode): void {
  node.setRelaunchData({ tune: 'Change how strong the style is', again: 'From the original layer as it looks now' });
}

/**
 * Puts "Learn from these" on both layers of a pair. A layer that is gone or cannot take it, as some parts of instances,
 * does without. It is no step of undo: undoing it would show nothing.
 */
export async function markPair({ beforeId, afterId }: { beforeId: string; afterId: string }): Promise<void> {
  await Promise.allSettled([mark(beforeId, afterId), mark(afterId, beforeId)]);
}

function mark(id: string, partner: string): Promise<void> {
  return withNode(id, (node) => {
    node.setPluginData(PAIR_KEY, partner);
    // A result keeps its own buttons: setting replaces them all.
    node.setRelaunchData({ ...node.getRelaunchData(), learn: 'Learn a style from this pair' });
  });
}

/** "Learn from these" on one layer of a pair selects both, if the other is on the same page. */
export async function selectPair(): Promise<void> {
  const page = figma.currentPage;
  const [only, ...others] = page.selection;
  const partner = only && others.length === 0 ? only.getPluginData(PAIR_KEY) : '';
  if (!only || !partner) return;
  try {
    await withNode(partner, (node) => {
      if (pageOf(node).id === page.id && !only.removed) page.selection = [only, node];
    });
  } catch (error) {
    if (!(error instanceof NodeGoneError)) throw error;
  }
}
