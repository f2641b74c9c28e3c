/**
 * Draws nodes without a browser, for tests: solid and image fills of rectangles, sampled at the nearest pixel, with
 * visibility, opacity, masks, clipping and every transform. Ellipses are drawn as such; vectors and texts as boxes.
 */
import { decode, encode } from 'fast-png';
import type { Paint, Rect } from '@figma/plugin-typings/plugin-api-standalone';
import type { ImageStore } from '../../playground/figma/image-store';
import type { NodeData } from '../../playground/figma/node-data';
import type { DrawRequest, Renderer } from '../../playground/figma/ports';
import { apply, invert } from '../../playground/figma/transform';

/** Red, green, blue and alpha within 0..1, not premultiplied. */
type Colour = readonly [number, number, number, number];

interface Picture {
  readonly width: number;
  readonly height: number;
  /** RGBA, 0..255. */
  readonly data: Uint8Array;
}

const CLEAR: Colour = [0, 0, 0, 0];

function over(top: Colour, bottom: Colour): Colour {
  const alpha = top[3] + bottom[3] * (1 - top[3]);
  if (alpha === 0) return CLEAR;
  const mix = (index: 0 | 1 | 2): number => (top[index] * top[3] + bottom[index] * bottom[3] * (1 - top[3])) / alpha;
  return [mix(0), mix(1), mix(2), alpha];
}

/** A PNG as RGBA with 8 bits. */
export function decodeRgba(png: Uint8Array): Picture {
  const { width, height, data, channels } = decode(png);
  const rgba = new Uint8Array(width * height * 4);
  for (let pixel = 0; pixel < width * height; pixel++) {
    const at = (channel: number): number => Number(data[pixel * channels + channel]);
    const gray = channels < 3;
    rgba.set([at(0), at(gray ? 0 : 1), at(gray ? 0 : 2), channels % 2 === 0 ? at(channels - 1) : 255], pixel * 4);
  }
  return { width, height, data: rgba };
}

export class Raster implements Renderer {
  readonly #decoded = new Map<string, Picture>();

  async draw({ scene, images, id, region, width, height }: DrawRequest): Promise<Uint8Array> {
    const colourOf = (paint: Paint, node: NodeData, u: number, v: number): Colour => {
      if (paint.visible === false) return CLEAR;
      const opacity = paint.opacity ?? 1;
      if (paint.type === 'SOLID') return [paint.color.r, paint.color.g, paint.color.b, opacity];
      if (paint.type !== 'IMAGE' || paint.imageHash === null) return CLEAR;
      const picture = this.#picture(images, paint.imageHash);
      const column = Math.min(picture.width - 1, Math.floor((u / node.width) * picture.width));
      const row = Math.min(picture.height - 1, Math.floor((v / node.height) * picture.height));
      const [r, g, b, a] = picture.data.subarray((row * picture.width + column) * 4);
      return [r! / 255, g! / 255, b! / 255, (a! / 255) * opacity];
    };
    const colourAt = (nodeId: string, x: number, y: number): Colour => {
      const node = scene.get(nodeId);
      if (!node.visible) return CLEAR;
      const { x: u, y: v } = apply(invert(scene.absoluteTransform(nodeId)), { x, y });
      const inside = isInside(node, u, v);
      let colour = CLEAR;
      if (inside) for (const paint of node.fills) colour = over(colourOf(paint, node, u, v), colour);
      if (inside || !node.clipsContent) {
        let mask = 1;
        for (const child of node.children) {
          const [r, g, b, a] = colourAt(child, x, y);
          if (scene.get(child).isMask) mask = a;
          else colour = over([r, g, b, a * mask], colour);
        }
      }
      return [colour[0], colour[1], colour[2], colour[3] * node.opacity];
    };
    const data = new Uint8Array(width * height * 4);
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        const { x, y } = pointOf(region, (column + 0.5) / width, (row + 0.5) / height);
        data.set(
          colourAt(id, x, y).map((value) => Math.round(value * 255)),
          (row * width + column) * 4,
        );
      }
    }
    return encode({ width, height, data, channels: 4, depth: 8 });
  }

  #picture(images: ImageStore, hash: string): Picture {
    const known = this.#decoded.get(hash);
    if (known) return known;
    const picture = decodeRgba(images.get(hash)!);
    this.#decoded.set(hash, picture);
    return picture;
  }
}

const pointOf = (region: Rect, u: number, v: number): { x: number; y: number } => ({
  x: region.x + u * region.width,
  y: region.y + v * region.height,
});

function isInside(node: NodeData, u: number, v: number): boolean {
  if (node.kind === 'GROUP') return false;
  if (node.kind === 'ELLIPSE') return Math.hypot(u / node.width - 0.5, v / node.height - 0.5) <= 0.5;
  return u >= 0 && v >= 0 && u < node.width && v < node.height;
}
