/** A Diptych style as a file: a LoRA that other programs load too, and what the style says of itself in its metadata. */
import { InputError } from '../errors';
import { decodeFilter, encodeFilter, FILTER_SIZES, LARGEST_WEIGHT } from '../filter/codec';
import type { PixelFilter } from '../filter/filter';
import {
  readAdapter,
  writeAdapter,
  type AdapterFile,
  type AdaptedModule,
  type ReadOptions,
  type WriteOptions,
} from '../lora/adapter-file';
import { ownValue, showJson } from '../weights/json';
import type { ByteSource } from '../weights/source';

/** What a Diptych style says of itself. */
export interface StyleInfo {
  readonly style: string;
  /** The base prompt c. */
  readonly prompt: string;
  /** The prompt it was learned to be applied with: the style prompt c_s, or c. */
  readonly stylePrompt: string;
  readonly mode: string;
  /** lambda at strength 1, above 0, at most 10. */
  readonly scale: number;
  /**
   * How far from a drawing the style changes the background it lies on, as a share of the long side, 0 to 1; 1 when as far
   * as the background goes, null when it is not known.
   */
  readonly backgroundExtent: number | null;
  /** The per-pixel filter that acts before the LoRA; null for a style that leaves all to the LoRA. */
  readonly filter: PixelFilter | null;
  /** Names the exact base weights, so that a style is not applied to others unawares. */
  readonly modelFingerprint: string;
  /** The base model's name, e.g. its folder's. */
  readonly baseModel: string;
  /** The family's name, kohya's where it has one: "sd_v1", "sd_v2", "sdxl_base_v1-0". */
  readonly baseModelVersion: string;
  /** Whether the base model's largest matrices were held in 8 bits when it was learned. */
  readonly eightBit: boolean;
  readonly seed: number;
  readonly steps: number;
  readonly learningRate: number;
}

const FORMAT = 1;
const LARGEST_SCALE = 10;
/** Of styles that do not say: all were learned with the paper's losses, at this scale. */
const FIRST_SCALE = 2;

/** Keys of the metadata whose names are older than the words used here: files have them, so they stay. */
const EXTENT_KEY = 'diptych_ground_reach';
const FILTER_KEY = 'diptych_repainting';

/** The style's target modules and what it says of itself as a safetensors file. Throws as writeAdapter does. */
export function writeStyle(
  targets: ReadonlyMap<string, AdaptedModule>,
  info: StyleInfo,
  options: WriteOptions = {},
): Uint8Array<ArrayBuffer> {
  return writeAdapter(targets, metadataOf(info, targets.values().next().value), options);
}

/** An adapter file, and what it says of itself. */
export interface StyleAdapter extends AdapterFile {
  /** Undefined when Diptych did not write it, and so nothing is known for certain. */
  readonly info: StyleInfo | undefined;
}

/**
 * Reads a style of Diptych's or a LoRA from elsewhere. Throws as readAdapter does, and an InputError for metadata of a
 * newer Diptych or out of range.
 */
export async function readStyle(
  source: ByteSource,
  options: Omit<ReadOptions, 'checkMetadata'> = {},
): Promise<StyleAdapter> {
  const file = await readAdapter(source, { ...options, checkMetadata: checkStyleInfo });
  return { ...file, info: styleInfo(file.metadata) };
}

/**
 * Metadata as kohya's trainers write it, which other programs show, and Diptych's own beside it. All values are strings.
 *
 * @param first the rank and alpha of the adapter's target modules, all alike.
 */
function metadataOf(
  info: StyleInfo,
  first: { readonly rank: number; readonly alpha: number } | undefined,
): Record<string, string> {
  return {
    format: 'pt',
    ss_sd_model_name: info.baseModel,
    ss_base_model_version: info.baseModelVersion,
    ss_network_module: 'networks.lora',
    ss_network_dim: String(first?.rank ?? 0),
    ss_network_alpha: String(first?.alpha ?? 0),
    ss_learning_rate: String(info.learningRate),
    ss_seed: String(info.seed),
    ss_max_train_steps: String(info.steps),
    ss_output_name: info.style,
    diptych_format: String(FORMAT),
    diptych_style: info.style,
    diptych_prompt: info.prompt,
    diptych_style_prompt: info.stylePrompt,
    diptych_mode: info.mode,
    diptych_scale: String(info.scale),
    ...(info.backgroundExtent !== null && { [EXTENT_KEY]: String(info.backgroundExtent) }),
    ...(info.filter && { [FILTER_KEY]: encodeFilter(info.filter).join(' ') }),
    diptych_model_fingerprint: info.modelFingerprint,
    ...(info.eightBit && { diptych_weights: '8-bit' }),
  };
}

/** What metadata that was checked says of a style; undefined when Diptych did not write it. */
function styleInfo(metadata: Readonly<Record<string, string>>): StyleInfo | undefined {
  const text = (key: string): string => (ownValue(metadata, key) as string | undefined) ?? '';
  if (!text('diptych_format')) return undefined;
  const weights = weightsOf(metadata);
  return {
    style: text('diptych_style'),
    prompt: text('diptych_prompt'),
    stylePrompt: text('diptych_style_prompt'),
    mode: text('diptych_mode'),
    scale: scaleOf(metadata),
    backgroundExtent: extentOf(metadata),
    filter: weights && decodeFilter(weights),
    modelFingerprint: text('diptych_model_fingerprint'),
    baseModel: text('ss_sd_model_name'),
    baseModelVersion: text('ss_base_model_version'),
    eightBit: text('diptych_weights') === '8-bit',
    seed: Number(text('ss_seed')),
    steps: Number(text('ss_max_train_steps')),
    learningRate: Number(text('ss_learning_rate')),
  };
}

function scaleOf(metadata: Readonly<Record<string, unknown>>): number {
  const text = ownValue(metadata, 'diptych_scale');
  return text === undefined ? FIRST_SCALE : Number(text);
}

function extentOf(metadata: Readonly<Record<string, unknown>>): number | null {
  const text = ownValue(metadata, EXTENT_KEY);
  return text === undefined ? null : text === '' ? NaN : Number(text);
}

function weightsOf(metadata: Readonly<Record<string, unknown>>): readonly number[] | null {
  const text = ownValue(metadata, FILTER_KEY);
  return text === undefined ? null : String(text).split(' ').map(Number);
}

/** Throws an InputError naming the file for metadata of a newer Diptych or out of range; of other programs' there is nothing to say. */
function checkStyleInfo(name: string, metadata: Readonly<Record<string, unknown>>): void {
  const format = ownValue(metadata, 'diptych_format');
  if (format !== undefined && format !== String(FORMAT)) {
    throw new InputError(
      `${name}: was written by another version of Diptych (format ${showJson(format)}); update Diptych`,
    );
  }
  const refuse = (key: string, wanted: string): never => {
    throw new InputError(`${name}: "${key}" is ${showJson(metadata[key])}, not ${wanted}; learn the style again`);
  };
  const scale = scaleOf(metadata);
  if (!(scale > 0 && scale <= LARGEST_SCALE)) refuse('diptych_scale', `a number above 0 and at most ${LARGEST_SCALE}`);
  const extent = extentOf(metadata);
  if (extent !== null && !(extent >= 0 && extent <= 1)) refuse(EXTENT_KEY, 'a number from 0 to 1');
  const weights = weightsOf(metadata);
  const sound = ({ length }: readonly number[]): boolean => FILTER_SIZES.includes(length);
  if (weights && !(sound(weights) && weights.every((weight) => Math.abs(weight) <= LARGEST_WEIGHT))) {
    refuse(FILTER_KEY, `${FILTER_SIZES.join(' or ')} numbers of at most ${LARGEST_WEIGHT}`);
  }
}

/** A model's name as it may go out into the world: of a folder, only the last part of its path. */
export function publicName(name: string): string {
  if (name.startsWith('hub:')) return name;
  return name.split(/[\\/]/).findLast((part) => part !== '') ?? name;
}
