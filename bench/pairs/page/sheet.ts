/** Sheets of pictures: a labelled grid as one PNG. */
import sharp from 'sharp';
import { encodePng } from '../../../cli/inputs/images';
import type { Image } from '../../../engine/image/image';
import { resizeImage } from './thumbnail';

/** Side of a picture and the gaps around it, px. */
const CELL = 112;
const GAP = 8;
const LABEL = 34;

export interface Sheet {
  /** One per column; a bar in it breaks the line. */
  readonly columns: readonly string[];
  /** Pictures from left to right; undefined leaves a gap. */
  readonly rows: readonly (readonly (Image | undefined)[])[];
}

/** PNG bytes, on white. */
export async function drawSheet({ columns, rows }: Sheet): Promise<Uint8Array> {
  const width = columns.length * (CELL + GAP) + GAP;
  const height = LABEL + rows.length * (CELL + GAP) + GAP;
  const labels = columns.flatMap((label, column) => {
    const x = GAP + column * (CELL + GAP) + CELL / 2;
    return label
      .split('|')
      .map(
        (line, i) =>
          `<text x="${x}" y="${14 + 14 * i}" text-anchor="middle" font-family="sans-serif" font-size="12" fill="#333">${line}</text>`,
      );
  });
  const text = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${LABEL}">${labels.join('')}</svg>`;
  const pictures = rows.flatMap((row, y) =>
    row.map(async (picture, x) => {
      if (!picture) return [];
      const input = Buffer.from(await encodePng(resizeImage(picture, CELL)));
      return [{ input, left: GAP + x * (CELL + GAP), top: LABEL + GAP + y * (CELL + GAP) }];
    }),
  );
  return sharp({ create: { width, height, channels: 3, background: '#ffffff' } })
    .composite([{ input: Buffer.from(text), left: 0, top: 4 }, ...(await Promise.all(pictures)).flat()])
    .png({ palette: true, quality: 90, effort: 10 })
    .toBuffer();
}
