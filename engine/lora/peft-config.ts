/** PEFT's LoraConfig: how strong an adapter's matrices are, said beside them and not in them. */
import { InputError } from '../errors';
import { isObject, ownValue, parseJson, showJson } from '../weights/json';
import { withMetadata, type SafetensorsFile } from '../weights/safetensors';
import { bytesSource, decodeText } from '../weights/source';

/** What a LoraConfig says of the modules of an adapter. */
export interface PeftConfig {
  readonly dora: boolean;
  /** The factor alpha / rank of a module times its rank. Throws an InputError when the config has another rank for it. */
  alpha(target: string, rank: number): number;
}

/** The files of a folder that PEFT's save_pretrained writes. */
export const PEFT_FILES = { weights: 'adapter_model.safetensors', config: 'adapter_config.json' } as const;

/** diffusers keeps the LoraConfig as JSON in this metadata entry, its keys prefixed with the net's name. */
const METADATA_KEY = 'lora_adapter_metadata';

/** Initialisations that take the adapter's first state off the base weights: it belongs to a base that nobody else has. */
const CHANGES_BASE = /^(?:pissa|corda|olora|loftq|lora_ga)/i;
/** Variants whose update is not alpha / rank * B A. */
const VARIANTS = ['use_qalora', 'use_bdlora', 'kasa_config', 'layer_replication'] as const;

/**
 * A weight file with the adapter_config.json beside it taken into its metadata, where readAdapter looks for it. A file
 * that says there how strong it is stays as it is.
 *
 * @throws InputError when the config is no JSON object or the file no safetensors.
 */
export async function joinPeftConfig(
  name: string,
  file: Uint8Array,
  configName: string,
  config: Uint8Array,
): Promise<Uint8Array> {
  const value = parseJson(decodeText(config, configName), configName);
  if (!isObject(value)) throw new InputError(`${configName}: must be a JSON object; fetch the file again`);
  return withMetadata(bytesSource(name, file), { [METADATA_KEY]: JSON.stringify(value) });
}

/** Whether a file is PEFT's own, which leaves to adapter_config.json how strong it is. */
export function needsPeftConfig({ metadata, tensors }: SafetensorsFile): boolean {
  if (ownValue(metadata, METADATA_KEY) !== undefined) return false;
  return [...tensors.keys()].some((key) => key.startsWith('base_model.model.'));
}

/** The LoraConfig in a file's metadata. Without one alpha is the rank, as diffusers has it. */
export function readPeftConfig(file: SafetensorsFile): PeftConfig {
  const text = ownValue(file.metadata, METADATA_KEY);
  if (typeof text !== 'string') return { dora: false, alpha: (_, rank) => rank };
  const where = `${file.source.name} (LoraConfig)`;
  const config = parseJson(text, where);
  if (!isObject(config)) throw new InputError(`${where}: must be a JSON object; fetch the file again`);
  const setting = (key: string): unknown => ownValue(config, `unet.${key}`) ?? ownValue(config, key) ?? undefined;
  refuseOthers(where, setting);
  const patterns = (key: string): ReadonlyMap<string, unknown> => readPatterns(where, key, setting(key));
  const [alphas, ranks] = [patterns('alpha_pattern'), patterns('rank_pattern')];
  const number = (key: string, target: string, value: unknown): number => {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw new InputError(`${where}: ${key} of ${target} is ${showJson(value)}, not a number; fetch the file again`);
  };
  // Rank-stabilised LoRA scales by alpha / sqrt(rank) (arXiv 2312.03732).
  const stabilised = setting('use_rslora') === true;
  return {
    dora: setting('use_dora') === true,
    alpha(target, rank) {
      const said = number('the rank', target, find(ranks, target) ?? setting('r') ?? rank);
      if (said !== rank) {
        throw new InputError(
          `${where}: gives ${target} rank ${said}, its weights have rank ${rank}; the config belongs to another file`,
        );
      }
      const alpha = number('alpha', target, find(alphas, target) ?? setting('lora_alpha') ?? rank);
      return stabilised ? alpha * Math.sqrt(rank) : alpha;
    },
  };
}

/** Throws an InputError for what is not plain LoRA, or not LoRA at all. */
function refuseOthers(where: string, setting: (key: string) => unknown): void {
  const refuse = (key: string): never => {
    throw new InputError(
      `${where}: "${key}" is ${showJson(setting(key))}, which is not plain LoRA and not supported; choose a plain LoRA, or convert it in PEFT`,
    );
  };
  const type = setting('peft_type') ?? 'LORA';
  if (typeof type !== 'string' || type.toUpperCase() !== 'LORA') refuse('peft_type');
  const initialised = setting('init_lora_weights');
  if (typeof initialised === 'string' && CHANGES_BASE.test(initialised)) refuse('init_lora_weights');
  for (const key of VARIANTS) if (setting(key)) refuse(key);
}

/**
 * A pattern as PEFT has it is a regular expression that must match a module's whole path, or its end after a dot. What
 * is written into files are module paths, with "^" before a whole one. Throws an InputError for any other expression:
 * one of a stranger's is not run.
 *
 * @returns by module path, or end of one; "^" stays.
 */
function readPatterns(where: string, key: string, value: unknown): ReadonlyMap<string, unknown> {
  if (value === undefined) return new Map();
  if (!isObject(value))
    throw new InputError(`${where}: "${key}" is ${showJson(value)}, not an object; fetch the file again`);
  return new Map(Object.keys(value).map((pattern) => [plainName(where, key, pattern), value[pattern]]));
}

function plainName(where: string, key: string, pattern: string): string {
  const name = pattern.replaceAll('\\.', '.').replace(/^(\^?)(?:unet\.)?/, '$1');
  if (/^\^?[\w.-]+$/.test(name)) return name;
  throw new InputError(
    `${where}: "${key}" has the regular expression ${showJson(pattern)}, and only names of modules are read; write them out`,
  );
}

/** The value of the first pattern that matches. */
function find(patterns: ReadonlyMap<string, unknown>, target: string): unknown {
  for (const [name, value] of patterns)
    if (name === target || name === `^${target}` || target.endsWith(`.${name}`)) return value;
  return undefined;
}
