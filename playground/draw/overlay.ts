/** What lies over the drawing and is no part of it: outlines of the selection, names of frames, the drawn rectangle. */
import type { Rect, Transform } from '@figma/plugin-typings/plugin-api-standalone';
import type { NodeData } from '../figma/node-data';
import type { Scene } from '../figma/scene';
import { apply, multiply } from '../figma/transform';

export interface OverlayColors {
  readonly accent: string;
  readonly component: string;
  readonly label: string;
}

export interface Overlay {
  readonly scene: Scene;
  readonly pageId: string;
  readonly selection: readonly string[];
  readonly hovered: string | null;
  readonly marquee: Rect | null;
  /** From the page to px of the window's canvas. */
  readonly toScreen: Transform;
  readonly colors: OverlayColors;
}

const FONT = '11px Inter, system-ui, sans-serif';

export function drawOverlay(context: CanvasRenderingContext2D, overlay: Overlay): void {
  const { scene, pageId, selection, hovered, marquee, toScreen } = overlay;
  for (const id of scene.get(pageId).children) drawName(context, overlay, scene.get(id));
  if (hovered !== null && scene.find(hovered) && !selection.includes(hovered)) outline(context, overlay, hovered, 2);
  for (const id of selection) if (scene.find(id)) outline(context, overlay, id, 1);
  const [only, ...others] = selection;
  if (only !== undefined && others.length === 0 && scene.find(only)) drawSize(context, overlay, only);
  if (marquee) {
    const { x, y } = apply(toScreen, marquee);
    const corner = apply(toScreen, { x: marquee.x + marquee.width, y: marquee.y + marquee.height });
    context.globalAlpha = 0.12;
    context.fillStyle = overlay.colors.accent;
    context.fillRect(x, y, corner.x - x, corner.y - y);
    context.globalAlpha = 1;
    context.strokeStyle = overlay.colors.accent;
    context.lineWidth = 1;
    context.strokeRect(x, y, corner.x - x, corner.y - y);
  }
}

const isPurple = ({ kind }: NodeData): boolean =>
  kind === 'COMPONENT' || kind === 'COMPONENT_SET' || kind === 'INSTANCE';

function colorOf({ colors }: Overlay, node: NodeData): string {
  return isPurple(node) ? colors.component : colors.accent;
}

function outline(context: CanvasRenderingContext2D, overlay: Overlay, id: string, weight: number): void {
  const node = overlay.scene.get(id);
  const [[a, c, x], [b, d, y]] = multiply(overlay.toScreen, overlay.scene.absoluteTransform(id));
  context.save();
  context.strokeStyle = colorOf(overlay, node);
  context.lineWidth = weight;
  const path = new Path2D();
  path.rect(0, 0, node.width, node.height);
  const placed = new Path2D();
  placed.addPath(path, { a, b, c, d, e: x, f: y });
  context.stroke(placed);
  context.restore();
}

/** Frames on the page carry their names; so do what the page is made of otherwise when it is selected. */
function drawName(context: CanvasRenderingContext2D, overlay: Overlay, node: NodeData): void {
  const named = node.kind === 'FRAME' || node.kind === 'SECTION' || isPurple(node);
  const selected = overlay.selection.includes(node.id);
  if (!node.visible || (!named && !selected)) return;
  const { x, y, width } = overlay.scene.bounds(node.id);
  const at = apply(overlay.toScreen, { x, y });
  const room = width * overlay.toScreen[0][0];
  context.font = FONT;
  context.fillStyle = selected || isPurple(node) ? colorOf(overlay, node) : overlay.colors.label;
  context.fillText(shorten(context, node.name, Math.max(room, 40)), at.x, at.y - 6);
}

function shorten(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > room) length--;
  return `${text.slice(0, length)}…`;
}

function drawSize(context: CanvasRenderingContext2D, overlay: Overlay, id: string): void {
  const node = overlay.scene.get(id);
  const { x, y, width, height } = overlay.scene.bounds(id);
  const at = apply(overlay.toScreen, { x: x + width / 2, y: y + height });
  const digits = (length: number): string => String(Math.round(length * 100) / 100);
  const text = `${digits(node.width)} × ${digits(node.height)}`;
  context.font = FONT;
  const half = context.measureText(text).width / 2 + 5;
  context.fillStyle = colorOf(overlay, node);
  context.beginPath();
  context.roundRect(at.x - half, at.y + 6, 2 * half, 18, 3);
  context.fill();
  context.fillStyle = '#ffffff';
  context.fillText(text, at.x - half + 5, at.y + 19);
}
