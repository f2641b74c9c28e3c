/** Nodes that can be seen: place and size, visibility, export, blending. */
import type {
  BlendMixin,
  DimensionAndPositionMixin,
  ExportMixin,
  ExportSettings,
  ExportSettingsSVGString,
  LayoutMixin,
  Rect,
  SceneNodeMixin,
  SectionNode,
  Transform,
} from '@figma/plugin-typings/plugin-api-standalone';
import type { NodeData } from '../node-data';
import { multiply, rotation } from '../transform';
import { NodeObject } from './base';

type Placed = Pick<
  DimensionAndPositionMixin,
  'x' | 'y' | 'width' | 'height' | 'relativeTransform' | 'absoluteTransform' | 'absoluteBoundingBox'
>;

/** px */
const SMALLEST_SIDE = 0.01;

export class SceneNodeObject
  extends NodeObject
  implements Placed, Pick<SceneNodeMixin, 'visible' | 'locked'>, Pick<ExportMixin, 'exportAsync'>
{
  get visible(): boolean {
    return this.read('get_visible').visible;
  }

  set visible(visible: boolean) {
    this.write('set_visible', { visible });
  }

  get locked(): boolean {
    return this.read('get_locked').locked;
  }

  set locked(locked: boolean) {
    this.write('set_locked', { locked });
  }

  get width(): number {
    return this.read('get_width').width;
  }

  get height(): number {
    return this.read('get_height').height;
  }

  get x(): number {
    return this.read('get_x').transform[0][2];
  }

  set x(x: number) {
    const [[a, c], second] = this.read('set_x').transform;
    this.place('set_x', [[a, c, x], second]);
  }

  get y(): number {
    return this.read('get_y').transform[1][2];
  }

  set y(y: number) {
    const [first, [b, d]] = this.read('set_y').transform;
    this.place('set_y', [first, [b, d, y]]);
  }

  get relativeTransform(): Transform {
    return copy(this.read('get_relativeTransform').transform);
  }

  set relativeTransform(transform: Transform) {
    const [[a, c, x], [b, d, y]] = transform;
    if (![a, b, c, d, x, y].every(Number.isFinite)) {
      throw new Error('in set_relativeTransform: Expected six finite numbers');
    }
    if (Math.abs(Math.hypot(a, b) - 1) > 1e-3 || Math.abs(Math.hypot(c, d) - 1) > 1e-3) {
      throw new Error('in set_relativeTransform: the axes must have length 1; use resize to scale');
    }
    this.place('set_relativeTransform', copy(transform));
  }

  get absoluteTransform(): Transform {
    this.read('get_absoluteTransform');
    return copy(this.run.scene.absoluteTransform(this.id));
  }

  get absoluteBoundingBox(): Rect | null {
    this.read('get_absoluteBoundingBox');
    return this.run.scene.bounds(this.id);
  }

  exportAsync(settings?: ExportSettings): Promise<Uint8Array>;
  exportAsync(settings: ExportSettingsSVGString): Promise<string>;
  exportAsync(settings: object): Promise<Uint8Array>;
  async exportAsync(settings: object = { format: 'PNG' }): Promise<never> {
    return this.run.pending(this.#export(settings as ExportSettings)) as Promise<never>;
  }

  /** Moves the node; as in Figma, auto-layout and instances decide over what is theirs. */
  protected place(where: string, transform: Transform): void {
    const { parent, layoutPositioning, transform: old } = this.read(where);
    if (this.run.scene.isInInstance(this.id)) {
      throw new Error(`in ${where}: This property cannot be overridden in an instance`);
    }
    const inFlow = parent !== null && this.run.scene.get(parent).layout.mode !== 'NONE' && layoutPositioning === 'AUTO';
    const [[a, c], [b, d]] = transform;
    this.write(where, {
      transform: inFlow
        ? [
            [a, c, old[0][2]],
            [b, d, old[1][2]],
          ]
        : transform,
    });
  }

  protected setSize(where: string, width: number, height: number): void {
    this.read(where);
    if (!(width >= SMALLEST_SIDE && height >= SMALLEST_SIDE)) {
      throw new Error(`in ${where}: width and height must be at least ${SMALLEST_SIDE}`);
    }
    if (this.run.scene.isInInstance(this.id)) {
      throw new Error(`in ${where}: This property cannot be overridden in an instance`);
    }
    this.write(where, { width, height });
  }

  async #export(settings: ExportSettings): Promise<Uint8Array> {
    const node = this.read('exportAsync');
    const { scene, editor } = this.run;
    if (settings.format !== 'PNG')
      throw new Error(`in exportAsync: the playground exports PNG, not ${settings.format}`);
    const region = scene.bounds(this.id);
    if (!scene.isShown(this.id) || region.width === 0 || region.height === 0) {
      throw new Error('in exportAsync: Failed to export node. This node may not have any visible layers.');
    }
    this.#requirePage(node);
    const { type, value } = settings.constraint ?? { type: 'SCALE', value: 1 };
    const scale = { SCALE: value, WIDTH: value / region.width, HEIGHT: value / region.height }[type];
    if (!(scale > 0)) throw new Error('in exportAsync: the constraint must be positive');
    const side = (length: number): number => Math.max(1, Math.round(length * scale));
    const { images } = editor.file;
    const size = { width: side(region.width), height: side(region.height) };
    return editor.host.renderer.draw({ scene, images, id: this.id, region, ...size });
  }

  #requirePage({ id }: NodeData): void {
    if (!this.run.scene.pageOf(id)) throw new Error('in exportAsync: the node is on no page');
  }
}

export class SectionObject extends SceneNodeObject implements Pick<SectionNode, 'resizeWithoutConstraints'> {
  resizeWithoutConstraints(width: number, height: number): void {
    this.setSize('resizeWithoutConstraints', width, height);
  }
}

type Blended = Pick<BlendMixin, 'opacity' | 'blendMode' | 'isMask'>;
type LaidOut = Pick<
  LayoutMixin,
  'rotation' | 'resize' | 'resizeWithoutConstraints' | 'layoutPositioning' | 'absoluteRenderBounds'
>;

/** Every visible node but sections. */
export class LayerObject extends SceneNodeObject implements Blended, LaidOut {
  get opacity(): number {
    return this.read('get_opacity').opacity;
  }

  set opacity(opacity: number) {
    if (!(opacity >= 0 && opacity <= 1)) throw new Error('in set_opacity: Expected a number within 0..1');
    this.write('set_opacity', { opacity });
  }

  get blendMode(): BlendMixin['blendMode'] {
    return this.read('get_blendMode').blendMode;
  }

  set blendMode(blendMode: BlendMixin['blendMode']) {
    this.write('set_blendMode', { blendMode });
  }

  get isMask(): boolean {
    return this.read('get_isMask').isMask;
  }

  set isMask(isMask: boolean) {
    this.write('set_isMask', { isMask });
  }

  get rotation(): number {
    const [[a], [b]] = this.read('get_rotation').transform;
    return (Math.atan2(-b, a) * 180) / Math.PI;
  }

  set rotation(degrees: number) {
    const { transform } = this.read('set_rotation');
    const [[a, c], [b, d]] = rotation(degrees);
    this.place('set_rotation', [
      [a, c, transform[0][2]],
      [b, d, transform[1][2]],
    ]);
  }

  resize(width: number, height: number): void {
    if (this.type === 'GROUP' || this.type === 'BOOLEAN_OPERATION') {
      throw new Error('in resize: the playground does not resize groups');
    }
    this.setSize('resize', width, height);
  }

  resizeWithoutConstraints(width: number, height: number): void {
    this.resize(width, height);
  }

  get layoutPositioning(): 'AUTO' | 'ABSOLUTE' {
    return this.read('get_layoutPositioning').layoutPositioning;
  }

  set layoutPositioning(layoutPositioning: 'AUTO' | 'ABSOLUTE') {
    const { parent } = this.read('set_layoutPositioning');
    const inLayout = parent !== null && this.run.scene.get(parent).layout.mode !== 'NONE';
    if (layoutPositioning === 'ABSOLUTE' && !inLayout) {
      throw new Error(
        'in set_layoutPositioning: Can only set layoutPositioning = ABSOLUTE if the parent node has layoutMode !== NONE',
      );
    }
    this.write('set_layoutPositioning', { layoutPositioning });
  }

  get absoluteRenderBounds(): Rect | null {
    this.read('get_absoluteRenderBounds');
    return this.run.scene.isShown(this.id) ? this.run.scene.bounds(this.id) : null;
  }
}

const copy = (transform: Transform): Transform =>
  multiply(transform, [
    [1, 0, 0],
    [0, 1, 0],
  ]);
