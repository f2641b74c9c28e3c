/** Frames of a page or of the whole file, by name, component and section. */
import type { FrameFilter, Result } from '../common/messages';
import { obstacleOf } from './nodes';
import { readParameters } from './parameters';
import { shorten } from './selection';

const FRAMES = ['FRAME', 'COMPONENT', 'INSTANCE'] as const;
type Frame = FrameNode | ComponentNode | InstanceNode;

/** Ids that the panel does not take; only layers many instances deep have such. */
const LONGEST_ID = 200;

/**
 * The outermost frames, components and instances that match, page by page, from back to front. Without a name or a
 * component those count that lie on the page or in a section; with one, also those within others. Results of Diptych are
 * no frames. Looking everywhere loads every page, which takes a while in a large document.
 */
export async function findFrames({ where, ...filter }: FrameFilter): Promise<Result<'findFrames'>> {
  const matches = matcherOf(filter);
  const frames: Result<'findFrames'>['frames'] = [];
  let [pages, barred] = [0, 0];
  for (const page of where === 'file' ? figma.root.children : [figma.currentPage]) {
    await page.loadAsync();
    const before = frames.length;
    const found = new Set<string>();
    // Parents come before what is in them.
    for (const node of page.findAllWithCriteria({ types: [...FRAMES] })) {
      if (node.removed || isWithin(node, found) || !(await matches(node))) continue;
      found.add(node.id);
      if (obstacleOf(node) || node.id.length > LONGEST_ID) barred++;
      else frames.push({ id: node.id, name: shorten(node.name) });
    }
    if (frames.length > before) pages++;
  }
  return { frames, pages, barred };
}

function matcherOf({ name, component, section }: Omit<FrameFilter, 'where'>): (node: Frame) => Promise<boolean> {
  const [byName, byComponent, bySection] = [name, component, section].map(patternOf);
  return async (node) => {
    if (!byName && !byComponent && !isTopLevel(node)) return false;
    if (byName && !byName.test(node.name)) return false;
    if (bySection && !sectionsOf(node).some((each) => bySection.test(each))) return false;
    if (readParameters(node)) return false;
    return !byComponent || (await componentNames(node)).some((each) => byComponent.test(each));
  };
}

/**
 * A pattern for a whole name, * standing for anything; without a * for any part of it. Upper and lower case are the
 * same. Null for an empty one.
 */
export function patternOf(text: string): RegExp | null {
  const parts = text.trim().split('*');
  if (parts.join('') === '') return null;
  const escaped = parts.map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(parts.length > 1 ? `^${escaped.join('[^]*')}$` : escaped[0]!, 'i');
}

function isTopLevel({ parent }: Frame): boolean {
  return parent?.type === 'PAGE' || parent?.type === 'SECTION' || parent?.type === 'COMPONENT_SET';
}

function* ancestors(node: Frame): Generator<BaseNode> {
  for (let at = node.parent; at && at.type !== 'PAGE'; at = at.parent) yield at;
}

function isWithin(node: Frame, ids: ReadonlySet<string>): boolean {
  for (const { id } of ancestors(node)) if (ids.has(id)) return true;
  return false;
}

function sectionsOf(node: Frame): string[] {
  return [...ancestors(node)].filter(({ type }) => type === 'SECTION').map(({ name }) => name);
}

/** Names of the component that a layer is or is an instance of, and of the set that this is a variant of. */
async function componentNames(node: Frame): Promise<string[]> {
  const component = node.type === 'INSTANCE' ? await node.getMainComponentAsync() : node;
  if (component?.type !== 'COMPONENT') return [];
  const { name, parent } = component;
  return parent?.type === 'COMPONENT_SET' ? [name, parent.name] : [name];
}
