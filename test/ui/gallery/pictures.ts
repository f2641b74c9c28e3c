/** What is to be seen in the gallery: the demo's drawings, and the same in other styles. */
import type { Png } from '../../../ui/ports';
import after from '../../../cli/demo-data/after.png';
import before from '../../../cli/demo-data/before.png';
import koala from '../../../cli/demo-data/koala.png';
import robot from '../../../cli/demo-data/robot.png';
import sunflower from '../../../cli/demo-data/sunflower.png';
import { PictureService } from '../../../ui/engine/pictures/service';
import koalaByPair from './preview-koala.png';
import teddyByPair from './preview-teddy-bear.png';

export const PICTURES = { before, after, koala, robot, sunflower };

/** What the pair of the gallery makes of two pictures, as `diptych restyle --pair` gave it, at 128 px. */
export const BY_PAIR = { before: teddyByPair, koala: koalaByPair };

const INK = 'grayscale(1) contrast(2.2) brightness(0.8)';
const NEON = 'saturate(4) hue-rotate(150deg)';
const CLAY = 'sepia(0.9) saturate(1.6)';

export const inInk = (picture: Png): Promise<Png> => filtered(picture, INK);

/** A thumbnail for each style of the gallery. */
export async function thumbnails(): Promise<Record<'ink' | 'neon' | 'clay', Png>> {
  const service = new PictureService();
  const of = (left: Png, right: Png): Png => service.thumbnail(left, right, 96);
  return {
    ink: of(before, after),
    neon: of(koala, await filtered(koala, NEON)),
    clay: of(sunflower, await filtered(sunflower, CLAY)),
  };
}

async function filtered(picture: Png, filter: string): Promise<Png> {
  const bitmap = await createImageBitmap(new Blob([picture as Uint8Array<ArrayBuffer>]));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d')!;
  context.filter = filter;
  context.drawImage(bitmap, 0, 0);
  const blob = await canvas.convertToBlob({ type: 'image/png' });
  return new Uint8Array(await blob.arrayBuffer());
}
