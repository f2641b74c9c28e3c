/** Exports: nodes drawn to PNG files. */
import type { DrawRequest, Renderer } from '../figma/ports';
import type { Bitmaps } from './bitmaps';
import { drawNode, imagesIn, transformBy } from './node';

export class CanvasRenderer implements Renderer {
  constructor(private readonly bitmaps: Bitmaps) {}

  async draw({ scene, id, region, width, height }: DrawRequest): Promise<Uint8Array> {
    await Promise.all(imagesIn(scene, id).map((hash) => this.bitmaps.load(hash)));
    const canvas = new OffscreenCanvas(width, height);
    const context = canvas.getContext('2d')!;
    context.scale(width / region.width, height / region.height);
    context.translate(-region.x, -region.y);
    const node = scene.get(id);
    transformBy(context, scene.containerTransform(id));
    drawNode({ scene, bitmaps: this.bitmaps }, context, node);
    const blob = await canvas.convertToBlob({ type: 'image/png' });
    return new Uint8Array(await blob.arrayBuffer());
  }
}
