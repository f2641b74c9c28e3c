/**
 * A style that holds its pairs, as a safetensors file: the reference pictures, small and packed, and in its metadata what
 * the style says of itself, with the hash of the base model it was made for.
 */
import { InputError } from '../errors';
import { fitCanvas } from '../image/canvas';
import { image, type Image } from '../image/image';
import { packImage, unpackImage } from '../image/packed';
import { premultipliedAt } from '../image/premultiplied';
import type { ImagePair } from '../requests';
import { ownValue, showJson } from '../weights/json';
import { openSafetensors, writeSafetensors } from '../weights/safetensors';
import type { ByteSource } from '../weights/source';

/** What a style of pairs says of itself. */
export interface PairStyleInfo {
  readonly style: string;
  /** Names the exact weights of the base model that it was made for. */
  readonly modelFingerprint: string;
  /** That model's name, e.g. its folder's. */
  readonly baseModel: string;
}

export interface PairStyleFile {
  readonly info: PairStyleInfo;
  readonly pairs: readonly ImagePair[];
}

/** Pairs of one style; the net was trained with up to three. */
export const MOST_PAIRS = 5;
/** All pictures of a style together take at most this many bytes. */
export const MOST_BYTES = 300_000;
/** Long sides that pictures are kept at: the largest at which all fit into MOST_BYTES, px. */
const SIDES = [256, 192, 160, 128, 96, 64] as const;

/** Later than that of styles that hold a LoRA alone, which knows no pairs. */
const FORMAT = '2';
const KIND = 'pair';
const KEYS = {
  format: 'diptych_format',
  kind: 'diptych_kind',
  style: 'diptych_style',
  fingerprint: 'diptych_model_fingerprint',
  model: 'ss_sd_model_name',
} as const;

/** @param pairs one to five; larger pictures are averaged down. */
export function writePairStyle(pairs: readonly ImagePair[], info: PairStyleInfo): Uint8Array<ArrayBuffer> {
  const packed = fittingSide(pairs);
  return writeSafetensors(
    packed.map(({ name, bytes }) => ({ name, dtype: 'U8', shape: [bytes.length], data: bytes })),
    {
      format: 'pt',
      [KEYS.format]: FORMAT,
      [KEYS.kind]: KIND,
      [KEYS.style]: info.style,
      [KEYS.fingerprint]: info.modelFingerprint,
      [KEYS.model]: info.baseModel,
    },
  );
}

/** Whether metadata are those of a style that holds its pairs. */
export function isPairStyle(metadata: Readonly<Record<string, string>>): boolean {
  return ownValue(metadata, KEYS.kind) === KIND;
}

/** @throws InputError naming the file when it is no style of pairs, of a newer Diptych, or damaged. */
export async function readPairStyle(source: ByteSource, signal?: AbortSignal): Promise<PairStyleFile> {
  const { tensors, metadata } = await openSafetensors(source, signal);
  const fail = (what: string): never => {
    throw new InputError(`${source.name}: ${what}; make the style again from its pair`);
  };
  const text = (key: string): string => (ownValue(metadata, key) as string | undefined) ?? '';
  if (!isPairStyle(metadata)) fail('holds no pair');
  if (text(KEYS.format) !== FORMAT) {
    throw new InputError(
      `${source.name}: was written by another version of Diptych (format ${showJson(text(KEYS.format))}); update Diptych`,
    );
  }
  const count = tensors.size / 2;
  if (!Number.isInteger(count) || count < 1 || count > MOST_PAIRS) fail(`holds ${tensors.size} pictures`);
  const total = [...tensors.values()].reduce((sum, { length }) => sum + length, 0);
  if (total > MOST_BYTES) fail(`its pictures take ${total} bytes, more than ${MOST_BYTES}`);
  const picture = async (name: string): Promise<Image> => {
    const entry = tensors.get(name);
    if (entry?.dtype !== 'U8') return fail(`${showJson(name)} is missing or of another kind`);
    try {
      return unpackImage(await source.read(entry.offset, entry.length, signal), SIDES[0]);
    } catch (error) {
      return fail(`the picture ${showJson(name)} is damaged (${(error as Error).message})`);
    }
  };
  const pairs: ImagePair[] = [];
  for (let i = 0; i < count; i++) {
    pairs.push({ before: await picture(nameOf(i, 'before')), after: await picture(nameOf(i, 'after')) });
  }
  const info = { style: text(KEYS.style), modelFingerprint: text(KEYS.fingerprint), baseModel: text(KEYS.model) };
  return { info, pairs };
}

const nameOf = (pair: number, side: keyof ImagePair): string => `pair.${pair}.${side}`;

interface PackedPicture {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The pictures packed at the largest side at which they fit. */
function fittingSide(pairs: readonly ImagePair[]): PackedPicture[] {
  for (const side of SIDES) {
    const packed = pairs.flatMap(({ before, after }, i): PackedPicture[] => {
      const size = sizeWithin(before, side);
      return [
        { name: nameOf(i, 'before'), bytes: packImage(resized(before, size)) },
        { name: nameOf(i, 'after'), bytes: packImage(resized(after, size)) },
      ];
    });
    if (packed.reduce((sum, { bytes }) => sum + bytes.length, 0) <= MOST_BYTES) return packed;
  }
  // Ten pictures of 64 px take 164 kB even where nothing can be packed.
  throw new Error('pictures do not fit at any size');
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function sizeWithin({ width, height }: Image, side: number): Size {
  if (Math.max(width, height) <= side) return { width, height };
  const { contentWidth, contentHeight } = fitCanvas(width, height, side, 1);
  return { width: contentWidth, height: contentHeight };
}

/** A picture averaged to another size, with straight alpha again. */
function resized(picture: Image, { width, height }: Size): Image {
  if (picture.width === width && picture.height === height) return picture;
  const { data } = premultipliedAt(picture, width, height);
  const pixels = width * height;
  const out = new Uint8ClampedArray(4 * pixels);
  for (let p = 0; p < pixels; p++) {
    const alpha = data[3 * pixels + p]!;
    for (let c = 0; c < 3; c++) out[4 * p + c] = alpha === 0 ? 0 : (data[c * pixels + p]! / alpha) * 255;
    out[4 * p + 3] = alpha * 255;
  }
  return image(width, height, out);
}
