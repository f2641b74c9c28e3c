/** True before/after pairs for the measurements here: icon sets of the same names, rendered with sharp. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { image, type Image } from '../../../engine/image/image';

export interface IconSet {
  readonly width?: number;
  readonly height?: number;
  readonly icons: Readonly<
    Record<string, { readonly body: string; readonly width?: number; readonly height?: number }>
  >;
}

/** An @iconify-json package found under `folder`/node_modules. */
export function loadSet(folder: string, name: string): IconSet {
  const path = join(folder, 'node_modules/@iconify-json', name, 'icons.json');
  return JSON.parse(readFileSync(path, 'utf8')) as IconSet;
}

/** Sets of one colour draw in currentColor: near black unless told, as on paper. */
const INK = '#212121';

/** The icon's SVG at `size` px a side, what is drawn in currentColor in `ink`. */
export function iconSvg(set: IconSet, name: string, size: number, ink = INK): string {
  const icon = set.icons[name];
  if (!icon) throw new RangeError(`no icon ${name}`);
  const width = icon.width ?? set.width ?? 32;
  const height = icon.height ?? set.height ?? 32;
  const body = icon.body.replaceAll('currentColor', ink);
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${size}" height="${size}" viewBox="0 0 ${width} ${height}">${body}</svg>`;
}

export async function renderIcon(set: IconSet, name: string, size: number, ink = INK): Promise<Image> {
  return toImage(sharp(Buffer.from(iconSvg(set, name, size, ink))));
}

export async function toImage(pipeline: Sharp): Promise<Image> {
  const { data, info } = await pipeline.ensureAlpha().raw().toBuffer({ resolveWithObject: true });
  return image(info.width, info.height, new Uint8ClampedArray(data.buffer, data.byteOffset, data.length));
}

/** Names that all the sets hold, in order. */
export function commonNames(sets: readonly IconSet[]): string[] {
  return Object.keys(sets[0]!.icons).filter((name) => sets.every((set) => name in set.icons));
}
