/** Pictures as the panel shows them, and how alike two are. */
import type { EditorUnderTest } from './editor';

export interface Rgba {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Pixels of a picture in the panel. */
export async function pictureShown({ panel }: EditorUnderTest, alt: string | RegExp): Promise<Rgba> {
  const picture = panel.getByAltText(alt);
  await picture.waitFor();
  return picture.evaluate(async (image: HTMLImageElement) => {
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image;
    const context = new OffscreenCanvas(width, height).getContext('2d')!;
    context.drawImage(image, 0, 0);
    // Playwright carries bytes at once, numbers one by one.
    return { width, height, data: new Uint8Array(context.getImageData(0, 0, width, height).data.buffer) };
  });
}

/** Pixels of a layer at the size of another picture of it. */
export async function layerAs(editor: EditorUnderTest, name: string, { width, height }: Rgba): Promise<Rgba> {
  const { id, bounds } = await editor.layer(name);
  return editor.pixels(id, Math.max(width, height) / Math.max(bounds.width, bounds.height));
}

/** Pearson's correlation of what two pictures of one size show on white, channel by channel: 1 for the same picture. */
export function likeness(a: Rgba, b: Rgba): number {
  const [x, y] = [onWhite(a), onWhite(b)];
  if (x.length !== y.length) throw new Error('the pictures differ in size');
  const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    xy += (x[i]! - mx) * (y[i]! - my);
    xx += (x[i]! - mx) ** 2;
    yy += (y[i]! - my) ** 2;
  }
  return xy / Math.sqrt(xx * yy);
}

function onWhite({ data }: Rgba): Float64Array {
  const values = new Float64Array((data.length / 4) * 3);
  for (let i = 0; i < data.length; i += 4)
    for (let c = 0; c < 3; c++) values[(i / 4) * 3 + c] = 255 + ((data[i + c]! - 255) * data[i + 3]!) / 255;
  return values;
}
