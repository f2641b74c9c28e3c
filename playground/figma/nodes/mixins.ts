/** What some kinds of nodes share: children, and fills. */
import type {
  ChildrenMixin,
  FindAllCriteria,
  MinimalFillsMixin,
  MinimalStrokesMixin,
  NodeType,
  Paint,
  SceneNode,
} from '@figma/plugin-typings/plugin-api-standalone';
import type { NodeObject } from './base';
import { checkMove } from './parenting';

// TypeScript asks for exactly this of a class that takes another one as its base.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Constructor<T> = new (...args: any[]) => T;

export function WithChildren<Base extends Constructor<NodeObject>>(Class: Base) {
  return class
    extends Class
    implements Pick<ChildrenMixin, 'children' | 'appendChild' | 'insertChild' | 'findAllWithCriteria'>
  {
    get children(): ReadonlyArray<SceneNode> {
      const node = this.read('get_children');
      this.run.requireLoaded(node, 'get_children');
      return node.children.map((id) => this.run.node(id) as SceneNode);
    }

    appendChild(child: SceneNode): void {
      checkMove(this.run, this.id, child.id, 'appendChild');
      this.run.scene.move(child.id, this.id);
    }

    /** The index is one of the children as they are before the move, as in Figma. */
    insertChild(index: number, child: SceneNode): void {
      const { children } = this.read('insertChild');
      if (!Number.isInteger(index) || index < 0 || index > children.length) {
        throw new Error(`in insertChild: Index out of bounds: ${index} of ${children.length} children`);
      }
      checkMove(this.run, this.id, child.id, 'insertChild');
      const old = children.indexOf(child.id);
      this.run.scene.move(child.id, this.id, old >= 0 && old < index ? index - 1 : index);
    }

    findAllWithCriteria<T extends NodeType[]>(criteria: FindAllCriteria<T>): Array<{ type: T[number] } & SceneNode> {
      const node = this.read('findAllWithCriteria');
      this.run.requireLoaded(node, 'findAllWithCriteria');
      if (!criteria.types && !criteria.pluginData) throw new Error('in findAllWithCriteria: no criteria');
      const found: Array<{ type: T[number] } & SceneNode> = [];
      for (const { id, kind, pluginData } of this.run.scene.descendants(this.id)) {
        if (criteria.types && !criteria.types.includes(kind)) continue;
        const keys = Object.keys(pluginData);
        const wanted = criteria.pluginData?.keys;
        if (criteria.pluginData && !keys.some((key) => !wanted || wanted.includes(key))) continue;
        found.push(this.run.node(id) as { type: T[number] } & SceneNode);
      }
      return found;
    }
  };
}

export function WithFills<Base extends Constructor<NodeObject>>(Class: Base) {
  return class
    extends Class
    implements Pick<MinimalFillsMixin, 'fills'>, Pick<MinimalStrokesMixin, 'strokes' | 'strokeWeight'>
  {
    get fills(): ReadonlyArray<Paint> {
      return this.read('get_fills').fills;
    }

    set fills(fills: ReadonlyArray<Paint>) {
      this.write('set_fills', { fills: checkPaints(fills, 'set_fills') });
    }

    get strokes(): ReadonlyArray<Paint> {
      return this.read('get_strokes').strokes;
    }

    set strokes(strokes: ReadonlyArray<Paint>) {
      this.write('set_strokes', { strokes: checkPaints(strokes, 'set_strokes') });
    }

    get strokeWeight(): number {
      return this.read('get_strokeWeight').strokeWeight;
    }

    set strokeWeight(strokeWeight: number) {
      this.write('set_strokeWeight', { strokeWeight });
    }
  };
}

/** A frozen copy, as Figma gives: paints are replaced as a whole, not changed. Throws on what is no paint here. */
function checkPaints(paints: ReadonlyArray<Paint>, where: string): readonly Paint[] {
  return paints.map((paint, index) => {
    if (paint.type === 'SOLID') {
      const { color } = paint;
      for (const value of [color.r, color.g, color.b]) {
        if (!(value >= 0 && value <= 1)) throw new Error(`in ${where}: colour of paint ${index} is not within 0..1`);
      }
    } else if (paint.type === 'IMAGE') {
      if (!['FILL', 'FIT', 'CROP', 'TILE'].includes(paint.scaleMode)) {
        throw new Error(`in ${where}: paint ${index} needs a scaleMode`);
      }
    } else if (paint.type !== 'GRADIENT_LINEAR') {
      throw new Error(`in ${where}: the playground has no paint of type ${paint.type}`);
    }
    return Object.freeze({ ...paint });
  });
}
