/** Changes of the document as the 'nodechange' event of a page tells them. */
import type {
  NodeChange as FigmaNodeChange,
  NodeChangeProperty,
  SceneNode,
} from '@figma/plugin-typings/plugin-api-standalone';
import type { NodeData } from './node-data';
import type { Run } from './run';
import type { NodeChange } from './scene';

/** What Figma calls the members that plugins hear of; it tells nothing of children, only of their parents. */
const PROPERTIES: Partial<Record<keyof NodeData, readonly NodeChangeProperty[]>> = {
  name: ['name'],
  parent: ['parent'],
  visible: ['visible'],
  locked: ['locked'],
  transform: ['x', 'y', 'rotation', 'relativeTransform'],
  width: ['width'],
  height: ['height'],
  opacity: ['opacity'],
  blendMode: ['blendMode'],
  isMask: ['isMask'],
  fills: ['fills'],
  strokes: ['strokes'],
  strokeWeight: ['strokeWeight'],
  cornerRadius: ['cornerRadius'],
  clipsContent: ['clipsContent'],
  layout: ['layoutMode', 'itemSpacing'],
  layoutPositioning: ['layoutPositioning'],
  pluginData: ['pluginData'],
};

/** Changes by the id of the page they are on. What was removed is told to the page it was on when that is known. */
export function changesByPage(
  run: Run,
  changes: ReadonlyMap<string, NodeChange>,
): ReadonlyMap<string, readonly FigmaNodeChange[]> {
  const byPage = new Map<string, FigmaNodeChange[]>();
  for (const [id, { before, after }] of changes) {
    const page = after ? run.scene.pageOf(id)?.id : pageOfRemoved(run, changes, before);
    const change = describe(run, id, before, after);
    if (page === undefined || page === id || !change) continue;
    byPage.set(page, [...(byPage.get(page) ?? []), change]);
  }
  return byPage;
}

function describe(
  run: Run,
  id: string,
  before: NodeData | undefined,
  after: NodeData | undefined,
): FigmaNodeChange | undefined {
  if (!after) {
    if (!before) return undefined;
    return { type: 'DELETE', id, origin: 'LOCAL', node: { removed: true, type: before.kind, id } };
  }
  const node = run.node(id) as SceneNode;
  if (!before) return { type: 'CREATE', id, origin: 'LOCAL', node };
  const properties = (Object.keys(PROPERTIES) as (keyof NodeData)[])
    .filter((key) => before[key] !== after[key])
    .flatMap((key) => PROPERTIES[key]!);
  if (properties.length === 0) return undefined;
  return { type: 'PROPERTY_CHANGE', id, origin: 'LOCAL', node, properties };
}

/** Up through what was removed along with the node to something that is still there. */
function pageOfRemoved(
  run: Run,
  changes: ReadonlyMap<string, NodeChange>,
  before: NodeData | undefined,
): string | undefined {
  for (let parent = before?.parent ?? null; parent !== null;) {
    if (run.scene.find(parent)) return run.scene.pageOf(parent)?.id;
    parent = changes.get(parent)?.before?.parent ?? null;
  }
  return undefined;
}
