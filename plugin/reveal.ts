/** Brings layers into view, and finds the results of a style. */
import { NodeGoneError } from '../common/errors';
import type { Params, Result } from '../common/messages';
import { pageOf, withNode } from './nodes';
import { readParameters, RESULT_KEY } from './parameters';
import { shorten } from './selection';

/** Selects layers and shows them, on the page of the first; throws a NodeGoneError when none is left. */
export async function reveal({ ids }: Params<'reveal'>): Promise<Result<'reveal'>> {
  const nodes: SceneNode[] = [];
  for (const id of ids) {
    try {
      nodes.push(await withNode(id, (node) => node));
    } catch (error) {
      if (!(error instanceof NodeGoneError)) throw error;
    }
  }
  const [first] = nodes;
  if (!first) throw new NodeGoneError();
  const page = pageOf(first);
  if (page.id !== figma.currentPage.id) await figma.setCurrentPageAsync(page);
  const there = nodes.filter((node) => !node.removed && pageOf(node).id === page.id);
  page.selection = there;
  figma.viewport.scrollAndZoomIntoView(there);
  return {};
}

/** The results that use a style. Looking everywhere loads every page, which takes a while in a large document. */
export async function findUses({ styleId, everywhere }: Params<'findUses'>): Promise<Result<'findUses'>> {
  const uses: Result<'findUses'>['uses'] = [];
  for (const page of everywhere ? figma.root.children : [figma.currentPage]) {
    await page.loadAsync();
    const results = page.findAllWithCriteria({ types: ['RECTANGLE', 'FRAME'], pluginData: { keys: [RESULT_KEY] } });
    for (const node of results) {
      if (readParameters(node)?.styles.some(({ id }) => id === styleId)) {
        uses.push({ id: node.id, name: shorten(node.name), page: shorten(page.name) });
      }
    }
  }
  return { uses };
}
