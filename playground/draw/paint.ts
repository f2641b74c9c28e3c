/** Fills and strokes of one node. */
import type { ImagePaint, Paint, SolidPaint, GradientPaint } from '@figma/plugin-typings/plugin-api-standalone';
import type { NodeData, TextData } from '../figma/node-data';
import { apply, invert } from '../figma/transform';
import type { Bitmaps } from './bitmaps';

export type Context2D = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

const channel = (value: number): number => Math.round(value * 255);

export const cssColor = ({ color: { r, g, b } }: SolidPaint): string =>
  `rgb(${channel(r)} ${channel(g)} ${channel(b)})`;

/** Fills an outline, or a text, with all paints from back to front. */
export function fillNode(context: Context2D, node: NodeData, outline: Path2D, bitmaps: Bitmaps): void {
  for (const paint of node.fills) {
    if (paint.visible === false) continue;
    context.save();
    context.globalAlpha *= paint.opacity ?? 1;
    if (node.text) fillText(context, node, node.text, paint);
    else if (paint.type === 'IMAGE') fillImage(context, node, outline, paint, bitmaps);
    else {
      context.fillStyle = styleOf(context, node, paint);
      context.fill(outline);
    }
    context.restore();
  }
  for (const paint of node.strokes) {
    if (paint.visible === false || node.strokeWeight === 0) continue;
    context.save();
    context.globalAlpha *= paint.opacity ?? 1;
    context.strokeStyle = styleOf(context, node, paint);
    // Inside the outline: the outer half of a line twice as wide is cut off.
    if (node.kind !== 'VECTOR') context.clip(outline);
    context.lineWidth = node.kind === 'VECTOR' ? node.strokeWeight : 2 * node.strokeWeight;
    context.lineCap = 'round';
    context.lineJoin = 'round';
    context.stroke(outline);
    context.restore();
  }
}

function styleOf(context: Context2D, node: NodeData, paint: Paint): string | CanvasGradient {
  if (paint.type === 'SOLID') return cssColor(paint);
  if (paint.type === 'GRADIENT_LINEAR') return linearGradient(context, node, paint);
  return 'transparent';
}

/** The transform takes the node's unit square to a space where the gradient runs from x = 0 to x = 1. */
function linearGradient(context: Context2D, node: NodeData, paint: GradientPaint): CanvasGradient {
  const toNode = invert(paint.gradientTransform);
  const [from, to] = [apply(toNode, { x: 0, y: 0.5 }), apply(toNode, { x: 1, y: 0.5 })];
  const { width, height } = node;
  const gradient = context.createLinearGradient(from.x * width, from.y * height, to.x * width, to.y * height);
  for (const { position, color } of paint.gradientStops) {
    const { r, g, b, a } = color;
    gradient.addColorStop(position, `rgb(${channel(r)} ${channel(g)} ${channel(b)} / ${a})`);
  }
  return gradient;
}

function fillImage(
  context: Context2D,
  { width, height }: NodeData,
  outline: Path2D,
  paint: ImagePaint,
  bitmaps: Bitmaps,
): void {
  const bitmap = paint.imageHash === null ? undefined : bitmaps.get(paint.imageHash);
  if (!bitmap) return;
  context.imageSmoothingQuality = 'high';
  context.clip(outline);
  if (paint.scaleMode === 'TILE') {
    const pattern = context.createPattern(bitmap, 'repeat')!;
    pattern.setTransform(new DOMMatrix().scale(paint.scalingFactor ?? 1));
    context.fillStyle = pattern;
    context.fillRect(0, 0, width, height);
    return;
  }
  if (paint.scaleMode === 'CROP' && paint.imageTransform) {
    const [[a, c, x], [b, d, y]] = invert(paint.imageTransform);
    context.scale(width, height);
    context.transform(a, b, c, d, x, y);
    context.drawImage(bitmap, 0, 0, 1, 1);
    return;
  }
  const [across, down] = [width / bitmap.width, height / bitmap.height];
  const scale = paint.scaleMode === 'FIT' ? Math.min(across, down) : Math.max(across, down);
  const size = { width: bitmap.width * scale, height: bitmap.height * scale };
  context.drawImage(bitmap, (width - size.width) / 2, (height - size.height) / 2, size.width, size.height);
}

function fillText(context: Context2D, node: NodeData, text: TextData, paint: Paint): void {
  context.fillStyle = styleOf(context, node, paint);
  const weight = { Regular: 400, Medium: 500, 'Semi Bold': 600, Bold: 700, Black: 900 }[text.fontStyle] ?? 400;
  context.font = `${weight} ${text.fontSize}px ${text.fontFamily}, system-ui, sans-serif`;
  context.textBaseline = 'alphabetic';
  context.textAlign = text.align === 'CENTER' ? 'center' : text.align === 'RIGHT' ? 'right' : 'left';
  const x = { CENTER: node.width / 2, RIGHT: node.width, LEFT: 0, JUSTIFIED: 0 }[text.align];
  const lineHeight = text.fontSize * 1.2;
  text.characters.split('\n').forEach((line, index) => {
    context.fillText(line, x, text.fontSize * 0.97 + index * lineHeight);
  });
}
