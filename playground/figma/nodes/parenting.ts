/** Which node may lie in which, with Figma's reasons. */
import type { Kind } from '../node-data';
import type { Run } from '../run';

const PARENTS: ReadonlySet<Kind> = new Set<Kind>([
  'PAGE',
  'FRAME',
  'GROUP',
  'SECTION',
  'COMPONENT',
  'COMPONENT_SET',
  'INSTANCE',
  'BOOLEAN_OPERATION',
]);

/** Throws when `childId` may not be moved into `parentId`. */
export function checkMove(run: Run, parentId: string, childId: string, where: string): void {
  const { scene } = run;
  const parent = run.read(parentId, where);
  const child = run.read(childId, where);
  const refuse = (reason: string): never => {
    throw new Error(`in ${where}: Cannot move node. ${reason}`);
  };
  run.refuseWhileAsking(where);
  run.requireLoaded(parent, where);
  if (!PARENTS.has(parent.kind)) refuse(`A ${parent.kind} has no children`);
  if (child.kind === 'PAGE' || child.kind === 'DOCUMENT') refuse(`A ${child.kind} cannot be a child of another node`);
  if (parent.kind === 'INSTANCE' || scene.isInInstance(parentId)) {
    refuse('New parent is an instance or is inside of an instance');
  }
  if (scene.isInInstance(childId)) refuse('Node is inside of an instance');
  if (parentId === childId || [...scene.ancestors(parentId)].some(({ id }) => id === childId)) {
    refuse('A node cannot be inside of itself');
  }
  if (parent.kind === 'COMPONENT_SET' && child.kind !== 'COMPONENT') {
    refuse('Children of a component set must be components');
  }
  if (child.kind === 'SECTION' && parent.kind !== 'PAGE' && parent.kind !== 'SECTION') {
    refuse('A section lies on the page or in another section');
  }
}
