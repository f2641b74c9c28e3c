/** Draws a node and what is in it, with clipping, masks, opacity and boolean operations. */
import { fitsItsContent, type NodeData } from '../figma/node-data';
import type { Scene } from '../figma/scene';
import type { Transform } from '@figma/plugin-typings/plugin-api-standalone';
import type { Bitmaps } from './bitmaps';
import { fillNode, type Context2D } from './paint';
import { outlineOf } from './shape';

export interface Drawing {
  readonly scene: Scene;
  readonly bitmaps: Bitmaps;
  /** Nodes that are not drawn. */
  readonly without?: ReadonlySet<string>;
}

export function transformBy(context: Context2D, [[a, c, x], [b, d, y]]: Transform): void {
  context.transform(a, b, c, d, x, y);
}

/** @param context whose coordinates are those of the node's container. */
export function drawNode(drawing: Drawing, context: Context2D, node: NodeData): void {
  if (!node.visible || drawing.without?.has(node.id)) return;
  if (node.opacity === 1) return drawOpaque(drawing, context, node);
  onLayer(context, node.opacity, 'source-over', (layer) => drawOpaque(drawing, layer, node));
}

function drawOpaque(drawing: Drawing, context: Context2D, node: NodeData): void {
  context.save();
  if (node.kind === 'BOOLEAN_OPERATION') drawBoolean(drawing, context, node);
  else if (fitsItsContent(node)) drawChildren(drawing, context, node);
  else {
    transformBy(context, node.transform);
    const outline = outlineOf(node);
    fillNode(context, node, outline, drawing.bitmaps);
    if (node.clipsContent) context.clip(outline);
    drawChildren(drawing, context, node);
  }
  context.restore();
}

/** A mask covers the siblings in front of it, up to the next mask. */
function drawChildren(drawing: Drawing, context: Context2D, node: NodeData): void {
  const children = node.children.map((id) => drawing.scene.get(id));
  const draw = (into: Context2D, nodes: readonly NodeData[]): void => {
    for (const child of nodes) drawNode(drawing, into, child);
  };
  const firstMask = children.findIndex(({ isMask, visible }) => isMask && visible);
  if (firstMask < 0) return draw(context, children);
  draw(context, children.slice(0, firstMask));
  for (let at = firstMask; at < children.length;) {
    const next = children.findIndex(({ isMask, visible }, index) => index > at && isMask && visible);
    const end = next < 0 ? children.length : next;
    const [mask, ...masked] = children.slice(at, end);
    onLayer(context, 1, 'source-over', (layer) => {
      draw(layer, masked);
      onLayer(layer, 1, 'destination-in', (stencil) => drawNode(drawing, stencil, mask!));
    });
    at = end;
  }
}

const COMBINED: Readonly<Record<NonNullable<NodeData['booleanOperation']>, GlobalCompositeOperation>> = {
  UNION: 'source-over',
  SUBTRACT: 'destination-out',
  INTERSECT: 'destination-in',
  EXCLUDE: 'xor',
};

/** The children's shapes combined, in the fills of the operation. */
function drawBoolean(drawing: Drawing, context: Context2D, node: NodeData): void {
  const black = [{ type: 'SOLID', color: { r: 0, g: 0, b: 0 } }] as const;
  onLayer(context, 1, 'source-over', (layer) => {
    node.children.forEach((id, index) => {
      const child = drawing.scene.get(id);
      const how = index === 0 ? 'source-over' : COMBINED[node.booleanOperation!];
      onLayer(layer, 1, how, (shape) => drawNode(drawing, shape, { ...child, fills: black, strokes: [] }));
    });
    onLayer(layer, 1, 'source-in', (fill) => {
      transformBy(fill, node.transform);
      fillNode(fill, { ...node, strokes: [] }, outlineOf(node), drawing.bitmaps);
    });
  });
}

/** Draws on a layer of its own, which is then laid on the context. */
function onLayer(
  context: Context2D,
  opacity: number,
  how: GlobalCompositeOperation,
  draw: (layer: OffscreenCanvasRenderingContext2D) => void,
): void {
  const { width, height } = context.canvas;
  const canvas = new OffscreenCanvas(width, height);
  const layer = canvas.getContext('2d')!;
  layer.setTransform(context.getTransform());
  draw(layer);
  context.save();
  context.resetTransform();
  context.globalAlpha *= opacity;
  context.globalCompositeOperation = how;
  context.drawImage(canvas, 0, 0);
  context.restore();
}

/** Hashes of the images that drawing a node needs. */
export function imagesIn(scene: Scene, id: string): readonly string[] {
  const hashes = new Set<string>();
  for (const { fills } of [scene.get(id), ...scene.descendants(id)]) {
    for (const paint of fills) {
      if (paint.type === 'IMAGE' && paint.imageHash !== null && paint.visible !== false) hashes.add(paint.imageHash);
    }
  }
  return [...hashes];
}
