/** One class for each kind of node. */
import type {
  AutoLayoutMixin,
  BaseFrameMixin,
  BooleanOperationNode,
  ComponentNode,
  CornerMixin,
  DocumentNode,
  InstanceNode,
  NodeChangeEvent,
  NonResizableTextMixin,
  PageNode,
  Paint,
  SceneNode,
  VectorNode,
  VectorPaths,
} from '@figma/plugin-typings/plugin-api-standalone';
import type { AutoLayoutData } from '../node-data';
import { NodeObject } from './base';
import { WithChildren, WithFills } from './mixins';
import { LayerObject, SectionObject } from './scene-node';

export class DocumentObject extends NodeObject implements Pick<DocumentNode, 'children'> {
  get children(): ReadonlyArray<PageNode> {
    return this.read('get_children').children.map((id) => this.run.node(id) as PageNode);
  }
}

type PageMembers = Pick<PageNode, 'selection' | 'loadAsync' | 'backgrounds' | 'on' | 'once' | 'off'>;

export class PageObject extends WithChildren(NodeObject) implements PageMembers {
  get selection(): ReadonlyArray<SceneNode> {
    const node = this.read('get_selection');
    this.run.requireLoaded(node, 'get_selection');
    return this.run.editor.selectionOf(this.id).map((id) => this.run.node(id) as SceneNode);
  }

  set selection(nodes: ReadonlyArray<SceneNode>) {
    const node = this.read('set_selection');
    this.run.requireLoaded(node, 'set_selection');
    this.run.refuseWhileAsking('set_selection');
    for (const { id } of nodes) this.run.read(id, 'set_selection');
    this.run.editor.select(
      nodes.map(({ id }) => id),
      this.id,
    );
  }

  async loadAsync(): Promise<void> {
    this.read('loadAsync');
    await this.run.pending(Promise.resolve());
    this.run.loadedPages.add(this.id);
  }

  get backgrounds(): ReadonlyArray<Paint> {
    return this.read('get_backgrounds').fills;
  }

  on(_type: 'nodechange', callback: (event: NodeChangeEvent) => void): void {
    this.#requireLoaded('on');
    this.run.events.on(`nodechange ${this.id}`, callback);
  }

  once(_type: 'nodechange', callback: (event: NodeChangeEvent) => void): void {
    this.#requireLoaded('once');
    this.run.events.once(`nodechange ${this.id}`, callback);
  }

  off(_type: 'nodechange', callback: (event: NodeChangeEvent) => void): void {
    this.run.events.off(`nodechange ${this.id}`, callback);
  }

  #requireLoaded(where: string): void {
    this.run.requireLoaded(this.read(where), where);
  }
}

export class GroupObject extends WithChildren(LayerObject) {}

export class SectionNodeObject extends WithFills(WithChildren(SectionObject)) {}

/** Rectangles, ellipses, vectors and texts. */
export class ShapeObject extends WithFills(LayerObject) implements Pick<CornerMixin, 'cornerRadius'> {
  get cornerRadius(): number {
    return this.read('get_cornerRadius').cornerRadius;
  }

  set cornerRadius(cornerRadius: number) {
    if (!(cornerRadius >= 0)) throw new Error('in set_cornerRadius: Expected a number that is not negative');
    this.write('set_cornerRadius', { cornerRadius });
  }
}

export class VectorObject extends ShapeObject implements Pick<VectorNode, 'vectorPaths'> {
  get vectorPaths(): VectorPaths {
    return this.read('get_vectorPaths').vectorPaths;
  }

  set vectorPaths(vectorPaths: VectorPaths) {
    this.write('set_vectorPaths', { vectorPaths });
  }
}

type TextMembers = Pick<NonResizableTextMixin, 'fontSize' | 'hasMissingFont'>;

export class TextObject extends WithFills(LayerObject) implements TextMembers {
  get characters(): string {
    return this.read('get_characters').text!.characters;
  }

  set characters(_characters: string) {
    throw new Error('in set_characters: Cannot write to node with unloaded font. The playground does not load fonts.');
  }

  get fontSize(): number {
    return this.read('get_fontSize').text!.fontSize;
  }

  get hasMissingFont(): boolean {
    this.read('get_hasMissingFont');
    return false;
  }
}

export class BooleanOperationObject
  extends WithChildren(ShapeObject)
  implements Pick<BooleanOperationNode, 'booleanOperation'>
{
  get booleanOperation(): BooleanOperationNode['booleanOperation'] {
    return this.read('get_booleanOperation').booleanOperation!;
  }
}

type FrameMembers = Pick<BaseFrameMixin, 'clipsContent'> & Pick<AutoLayoutMixin, 'layoutMode' | 'itemSpacing'>;

export class FrameObject extends WithChildren(ShapeObject) implements FrameMembers {
  get clipsContent(): boolean {
    return this.read('get_clipsContent').clipsContent;
  }

  set clipsContent(clipsContent: boolean) {
    this.write('set_clipsContent', { clipsContent });
  }

  get layoutMode(): AutoLayoutData['mode'] {
    return this.read('get_layoutMode').layout.mode;
  }

  set layoutMode(mode: AutoLayoutData['mode']) {
    if (this.run.scene.isInInstance(this.id)) {
      throw new Error('in set_layoutMode: This property cannot be overridden in an instance');
    }
    this.write('set_layoutMode', { layout: { ...this.read('set_layoutMode').layout, mode } });
  }

  get itemSpacing(): number {
    return this.read('get_itemSpacing').layout.itemSpacing;
  }

  set itemSpacing(itemSpacing: number) {
    this.write('set_itemSpacing', { layout: { ...this.read('set_itemSpacing').layout, itemSpacing } });
  }
}

export class InstanceObject
  extends FrameObject
  implements Pick<InstanceNode, 'getMainComponentAsync' | 'mainComponent'>
{
  get mainComponent(): ComponentNode | null {
    throw new Error(
      'in get_mainComponent: Cannot call with documentAccess: dynamic-page. Use node.getMainComponentAsync instead.',
    );
  }

  async getMainComponentAsync(): Promise<ComponentNode | null> {
    const { mainComponent } = this.read('getMainComponentAsync');
    await this.run.pending(Promise.resolve());
    if (mainComponent === null || !this.run.scene.find(mainComponent)) return null;
    return this.run.node(mainComponent) as ComponentNode;
  }
}
