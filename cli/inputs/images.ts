/** Image files: any common format in as 8-bit sRGB with straight alpha, PNG out. */
import { stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import sharp from 'sharp';
import { InputError } from '../../engine/errors';
import type { Image } from '../../engine/image/image';
import { Decoder } from '../decoding/decoder';
import { readBytes } from './files';
import { writeWhole, type WriteOptions } from '../outputs/output';

/** The largest picture within IMAGE_LIMITS, uncompressed with 16 bits per channel, takes half of it. */
const MOST_FILE_BYTES = 2 ** 30;

const decoder = new Decoder();

/**
 * Loads a picture: the first frame or page, orientation applied, colours converted to sRGB. Throws an InputError
 * naming the file when it is no picture, outside IMAGE_LIMITS, or takes more time or memory than a picture should, and a
 * CancelledError as soon as the signal fires.
 */
export async function loadImage(path: string, signal?: AbortSignal): Promise<Image> {
  return decoder.decode(await readPicture(path), path, signal);
}

/** Why a file's picture cannot be used; undefined when it can. Throws as loadImage does where there is no such file. */
export async function problemOfImage(path: string, signal?: AbortSignal): Promise<string | undefined> {
  const bytes = await readPicture(path);
  try {
    await decoder.check(bytes, path, signal);
    return undefined;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

/** The same for a file's bytes; `name` is for messages. */
export async function decodeImage(name: string, bytes: Uint8Array): Promise<Image> {
  return decoder.decode(bytes, name);
}

async function readPicture(path: string): Promise<Uint8Array> {
  // What cannot be looked at cannot be read either, and is reported there.
  const info = await stat(path).catch(() => undefined);
  if (info?.isDirectory()) throw new InputError(`${path}: is a folder; give the picture files in it`);
  if (info?.isCharacterDevice() || info?.isBlockDevice()) throw new InputError(`${path}: is a device; give a file`);
  if (info && info.size > MOST_FILE_BYTES) {
    throw new InputError(
      `${path}: is ${(info.size / 2 ** 30).toFixed(1)} GiB, too large for a picture; save it smaller`,
    );
  }
  return readBytes(path);
}

/** PNG bytes of a picture; every byte of its pixels is kept, also under alpha 0. */
export async function encodePng({ width, height, data }: Image): Promise<Uint8Array> {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  return sharp(bytes, { raw: { width, height, channels: 4 }, limitInputPixels: false })
    .png()
    .toBuffer();
}

export async function savePng(path: string, picture: Image, options: WriteOptions): Promise<void> {
  await writeWhole(path, await encodePng(picture), options);
}

/** "photos/cat.final.jpg" gives "cat.final". */
export function stemOf(path: string): string {
  return basename(path, extname(path));
}
