/** What a style file says of itself, in the metadata of its safetensors. */
import { InputError } from '../errors';
import { ownValue, showJson } from '../weights/json';

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
   * How far from a drawing the style changes the ground it lies on, as a share of the long side, 0 to 1; 1 when as far as
   * the ground goes, null when it is not known.
   */
  readonly groundReach: number | null;
  /** What the style makes of pixels before the LoRA acts: 18, 102 or 454 numbers (filter/filter.ts); null when it leaves them to it. */
  readonly repainting: readonly number[] | null;
  /** Names the exact base weights, so that a style is not applied to others unawares. */
  readonly modelFingerprint: string;
  /** The base model's name, e.g. its folder's. */
  readonly baseModel: string;
  /** The family's name, kohya's where it has one: "sd_v1", "sd_v2", "sdxl_base_v1-0". */
  readonly baseModelVersion: string;
  readonly seed: number;
  readonly steps: number;
  readonly learningRate: number;
}

const FORMAT = 1;
const LARGEST_SCALE = 10;
/** Of styles that do not say: all were learned with the paper's losses, at this scale. */
const FIRST_SCALE = 2;
/** How many numbers a repainting may have, and how large they may be. */
const REPAINTING_SIZES: readonly number[] = [18, 102, 454];
const LARGEST_WEIGHT = 1000;

/**
 * Metadata as kohya's trainers write it, which other programs show, and Diptych's own beside it. All values are strings.
 *
 * @param first the rank and alpha of the adapter's sites, all alike.
 */
export function metadataOf(
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
    ...(info.groundReach !== null && { diptych_ground_reach: String(info.groundReach) }),
    ...(info.repainting && { diptych_repainting: info.repainting.join(' ') }),
    diptych_model_fingerprint: info.modelFingerprint,
  };
}

/** What the metadata of a file that readAdapter read say of the style; undefined when Diptych did not write it, and so nothing is known for certain. */
export function styleInfo(metadata: Readonly<Record<string, string>>): StyleInfo | undefined {
  const text = (key: string): string => (ownValue(metadata, key) as string | undefined) ?? '';
  if (!text('diptych_format')) return undefined;
  return {
    style: text('diptych_style'),
    prompt: text('diptych_prompt'),
    stylePrompt: text('diptych_style_prompt'),
    mode: text('diptych_mode'),
    scale: scaleOf(metadata),
    groundReach: groundReachOf(metadata),
    repainting: repaintingOf(metadata),
    modelFingerprint: text('diptych_model_fingerprint'),
    baseModel: text('ss_sd_model_name'),
    baseModelVersion: text('ss_base_model_version'),
    seed: Number(text('ss_seed')),
    steps: Number(text('ss_max_train_steps')),
    learningRate: Number(text('ss_learning_rate')),
  };
}

function scaleOf(metadata: Readonly<Record<string, unknown>>): number {
  const text = ownValue(metadata, 'diptych_scale');
  return text === undefined ? FIRST_SCALE : Number(text);
}

function groundReachOf(metadata: Readonly<Record<string, unknown>>): number | null {
  const text = ownValue(metadata, 'diptych_ground_reach');
  return text === undefined ? null : text === '' ? NaN : Number(text);
}

function repaintingOf(metadata: Readonly<Record<string, unknown>>): readonly number[] | null {
  const text = ownValue(metadata, 'diptych_repainting');
  return text === undefined ? null : String(text).split(' ').map(Number);
}

/** Throws an InputError naming the file for metadata of a newer Diptych or out of range; of other programs' there is nothing to say. */
export function checkStyleInfo(name: string, metadata: Readonly<Record<string, unknown>>): void {
  const format = ownValue(metadata, 'diptych_format');
  if (format !== undefined && format !== String(FORMAT)) {
    throw new InputError(
      `${name}: was written by another version of Diptych (format ${showJson(format)}); update Diptych`,
    );
  }
  const scale = scaleOf(metadata);
  if (!(scale > 0 && scale <= LARGEST_SCALE)) {
    throw new InputError(
      `${name}: "diptych_scale" is ${showJson(metadata['diptych_scale'])}, not a number above 0 and at most ${LARGEST_SCALE}; learn the style again`,
    );
  }
  const reach = groundReachOf(metadata);
  if (reach !== null && !(reach >= 0 && reach <= 1)) {
    throw new InputError(
      `${name}: "diptych_ground_reach" is ${showJson(metadata['diptych_ground_reach'])}, not a number from 0 to 1; learn the style again`,
    );
  }
  const repainting = repaintingOf(metadata);
  const sound = ({ length }: readonly number[]): boolean => REPAINTING_SIZES.includes(length);
  if (repainting && !(sound(repainting) && repainting.every((weight) => Math.abs(weight) <= LARGEST_WEIGHT))) {
    throw new InputError(
      `${name}: "diptych_repainting" is ${showJson(metadata['diptych_repainting'])}, not ${REPAINTING_SIZES.join(' or ')} numbers of at most ${LARGEST_WEIGHT}; learn the style again`,
    );
  }
}
