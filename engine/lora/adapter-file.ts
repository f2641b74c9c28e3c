/** Adapters on disk: ours written so that diffusers loads them, everybody's read. */
import { InputError } from '../errors';
import { isObject, ownValue, showJson, parseJson, type JsonObject } from '../weights/json';
import {
  openSafetensors,
  readFloats,
  writeSafetensors,
  type SafetensorsFile,
  type TensorEntry,
  type TensorToWrite,
} from '../weights/safetensors';
import type { ByteSource } from '../weights/source';
import { isTransformerProjection, parseAdapterKey, type AdapterPart } from './adapter-keys';

/** One low-rank update: y += (alpha / rank) B A x. */
export interface AdapterSite {
  readonly rank: number;
  readonly alpha: number;
  /** [rank, inFeatures], row-major. */
  readonly a: Float32Array;
  /** [outFeatures, rank], row-major. */
  readonly b: Float32Array;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

export interface AdapterFile {
  /** By diffusers module path inside the UNet, e.g. "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0". */
  readonly sites: ReadonlyMap<string, AdapterSite>;
  /** The file's own metadata, as it stands. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Modules of the file that were not read, each with the reason. */
  readonly ignored: readonly string[];
}

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

export interface WriteOptions {
  /** F32 when left out. */
  readonly dtype?: 'F32' | 'F16';
  /**
   * "peft" (when left out) for diffusers: unet.<site>.lora_A.weight. "kohya" for ComfyUI and the like, and for diffusers'
   * pipelines too: lora_unet_<site>.lora_down.weight. ComfyUI does not know PEFT's keys for a UNet.
   */
  readonly keys?: 'peft' | 'kohya';
}

export interface ReadOptions {
  /** The UNet's layers_per_block; 2, as in every Stable Diffusion, when left out. Only kohya's SDXL keys depend on it. */
  readonly layersPerBlock?: number;
  readonly signal?: AbortSignal;
}

const FORMAT = 1;
const LARGEST_HALF = 65504;
const LARGEST_SCALE = 10;
/** Of styles that do not say: all were learned with the paper's losses, at this scale. */
const FIRST_SCALE = 2;

/**
 * An adapter file of these sites, all written as linear layers, which the attention projections Diptych trains are.
 * Throws an InputError when a weight is not finite or does not fit f16.
 */
export function writeAdapter(
  sites: ReadonlyMap<string, AdapterSite>,
  info: StyleInfo,
  options: WriteOptions = {},
): Uint8Array<ArrayBuffer> {
  const { dtype = 'F32', keys = 'peft' } = options;
  const tensors: TensorToWrite[] = [];
  for (const [site, { rank, alpha, a, b, inFeatures, outFeatures }] of sites) {
    checkWritable(site, a, dtype);
    checkWritable(site, b, dtype);
    const shapes = { a: [rank, inFeatures], b: [outFeatures, rank] };
    if (keys === 'kohya') {
      const name = `lora_unet_${site.replaceAll('.', '_')}`;
      tensors.push({ name: `${name}.lora_down.weight`, dtype, shape: shapes.a, data: a });
      tensors.push({ name: `${name}.lora_up.weight`, dtype, shape: shapes.b, data: b });
      tensors.push({ name: `${name}.alpha`, dtype, shape: [], data: Float32Array.of(alpha) });
    } else {
      // PEFT keys have no place for alpha: readers take it to be the rank, so another scale goes into B.
      const scaled = alpha === rank ? b : b.map((value) => (value * alpha) / rank);
      tensors.push({ name: `unet.${site}.lora_A.weight`, dtype, shape: shapes.a, data: a });
      tensors.push({ name: `unet.${site}.lora_B.weight`, dtype, shape: shapes.b, data: scaled });
    }
  }
  return writeSafetensors(tensors, metadataOf(sites, info));
}

function checkWritable(site: string, weights: Float32Array, dtype: 'F32' | 'F16'): void {
  const limit = dtype === 'F16' ? LARGEST_HALF : Number.MAX_VALUE;
  if (weights.every((value) => Math.abs(value) <= limit)) return;
  throw new InputError(
    weights.every(Number.isFinite)
      ? `${site}: a weight is too large for f16; save the style as f32`
      : `${site}: the trained weights are not finite numbers; learn again with a smaller learning rate`,
  );
}

/** Metadata as kohya's trainers write it, which other programs show, and Diptych's own beside it. All values are strings. */
function metadataOf(sites: ReadonlyMap<string, AdapterSite>, info: StyleInfo): Record<string, string> {
  const [first] = sites.values();
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

/**
 * Reads an adapter by whichever keys it has. Throws an InputError when the file is damaged, was written by a newer
 * Diptych, or holds nothing the engine can apply; what it cannot apply beside what it can is listed in `ignored`.
 */
export async function readAdapter(source: ByteSource, options: ReadOptions = {}): Promise<AdapterFile> {
  const { layersPerBlock = 2, signal } = options;
  const file = await openSafetensors(source, signal);
  const format = ownValue(file.metadata, 'diptych_format');
  if (format !== undefined && format !== String(FORMAT)) {
    throw new InputError(
      `${source.name}: was written by another version of Diptych (format ${showJson(format)}); update Diptych`,
    );
  }
  const scale = scaleOf(file.metadata);
  if (!(scale > 0 && scale <= LARGEST_SCALE)) {
    throw new InputError(
      `${source.name}: "diptych_scale" is ${showJson(file.metadata['diptych_scale'])}, not a number above 0 and at most ${LARGEST_SCALE}; learn the style again`,
    );
  }
  const reach = groundReachOf(file.metadata);
  if (reach !== null && !(reach >= 0 && reach <= 1)) {
    throw new InputError(
      `${source.name}: "diptych_ground_reach" is ${showJson(file.metadata['diptych_ground_reach'])}, not a number from 0 to 1; learn the style again`,
    );
  }
  const peft = readPeftConfig(file);
  const sites = new Map<string, AdapterSite>();
  const ignored: string[] = [];
  for (const [name, module] of groupByModule(file, layersPerBlock)) {
    const reason = module.problem ?? unusable(name, module, peft);
    if (reason) ignored.push(`${name}: ${reason}`);
    else sites.set(name, await readSite(file, name, module, peft, signal));
  }
  if (sites.size === 0) {
    const why = ignored.length > 0 ? `; ${ignored[0]}` : '';
    throw new InputError(`${source.name}: holds no LoRA for a Stable Diffusion UNet${why}; choose a LoRA file`);
  }
  return { sites, metadata: file.metadata, ignored };
}

/** The tensors of one module. */
interface ModuleTensors {
  readonly parts: Map<AdapterPart, TensorEntry>;
  readonly isUnet: boolean;
  problem?: string;
}

function groupByModule(file: SafetensorsFile, layersPerBlock: number): Map<string, ModuleTensors> {
  const modules = new Map<string, ModuleTensors>();
  for (const entry of file.tensors.values()) {
    const { module, part, isUnet } = parseAdapterKey(entry.name, layersPerBlock);
    const known = modules.get(module) ?? { parts: new Map<AdapterPart, TensorEntry>(), isUnet };
    modules.set(module, known);
    // Several "other" tensors are usual (LoHa has four); two of any kind that is read would be a choice made blindly.
    if (known.parts.has(part) && part !== 'other') known.problem = 'is given twice under different keys';
    known.parts.set(part, entry);
  }
  return modules;
}

/** Why a module cannot be applied; undefined when it can. */
function unusable(name: string, { parts, isUnet }: ModuleTensors, peft: PeftConfig): string | undefined {
  if (!isUnet) return 'text encoder adapters are not applied';
  if (parts.has('magnitude') || peft.dora) return 'DoRA is not supported';
  if (parts.has('mid')) return 'convolution LoRA with a middle factor is not supported';
  if (parts.has('other')) return 'is not plain LoRA (LoHa, LoKr, a bias or a full weight)';
  if (!isTransformerProjection(name)) return 'is not a projection of a UNet transformer';
  for (const part of ['down', 'up'] as const) {
    const shape = parts.get(part)?.shape;
    if (shape?.length === 4 && (shape[2] !== 1 || shape[3] !== 1)) return 'is a convolution larger than 1×1';
  }
  return undefined;
}

async function readSite(
  file: SafetensorsFile,
  name: string,
  { parts }: ModuleTensors,
  peft: PeftConfig,
  signal: AbortSignal | undefined,
): Promise<AdapterSite> {
  const fail = (what: string): never => {
    throw new InputError(`${file.source.name}: ${name} ${what}; fetch the file again`);
  };
  const down = parts.get('down') ?? fail('has no down (lora_A) weight');
  const up = parts.get('up') ?? fail('has no up (lora_B) weight');
  const [rank, inFeatures] = matrixShape(down) ?? fail(`has a lora_A of shape [${down.shape.join(', ')}]`);
  const [outFeatures, upRank] = matrixShape(up) ?? fail(`has a lora_B of shape [${up.shape.join(', ')}]`);
  if (rank !== upRank) fail(`has rank ${rank} in lora_A and ${upRank} in lora_B`);

  const alphaEntry = parts.get('alpha');
  if (alphaEntry && alphaEntry.shape.some((extent) => extent !== 1)) fail('has an alpha that is not one number');
  const alpha = alphaEntry ? (await readFloats(file, alphaEntry.name, signal))[0]! : peft.alpha(name, rank);
  const a = await readFloats(file, down.name, signal);
  const b = await readFloats(file, up.name, signal);
  if (!Number.isFinite(alpha) || !a.every(Number.isFinite) || !b.every(Number.isFinite))
    fail('holds numbers that are not finite');
  return { rank, alpha, a, b, inFeatures, outFeatures };
}

/** Rows and columns of a linear weight or of a 1×1 convolution's; undefined for another or an empty shape. */
function matrixShape({ shape }: TensorEntry): [number, number] | undefined {
  const [rows, columns, ...kernel] = shape;
  if (!rows || !columns || (kernel.length !== 0 && kernel.length !== 2) || kernel.some((extent) => extent !== 1))
    return undefined;
  return [rows, columns];
}

/** What PEFT's LoraConfig says beside the weights. */
interface PeftConfig {
  readonly dora: boolean;
  alpha(site: string, rank: number): number;
}

/** diffusers keeps the LoraConfig as JSON in this metadata entry, its keys prefixed with the net's name. */
const PEFT_METADATA_KEY = 'lora_adapter_metadata';

/** Without a LoraConfig alpha is the rank, as diffusers has it. */
function readPeftConfig(file: SafetensorsFile): PeftConfig {
  const text = ownValue(file.metadata, PEFT_METADATA_KEY);
  if (typeof text !== 'string') return { dora: false, alpha: (_, rank) => rank };
  const where = `${file.source.name} (${PEFT_METADATA_KEY})`;
  const config = parseJson(text, where);
  if (!isObject(config)) throw new InputError(`${where}: must be a JSON object; fetch the file again`);
  const setting = (key: string): unknown => ownValue(config, `unet.${key}`) ?? ownValue(config, key);
  const patterns = setting('alpha_pattern');
  const common = setting('lora_alpha');
  // Rank-stabilised LoRA scales by alpha / sqrt(rank) (arXiv 2312.03732).
  const stabilised = setting('use_rslora') === true;
  return {
    dora: setting('use_dora') === true,
    alpha(site, rank) {
      const alpha = (isObject(patterns) ? matchPattern(patterns, site) : undefined) ?? common ?? rank;
      if (typeof alpha !== 'number')
        throw new InputError(`${where}: alpha of ${site} is ${showJson(alpha)}, not a number; fetch the file again`);
      return stabilised ? alpha * Math.sqrt(rank) : alpha;
    },
  };
}

/** PEFT's patterns are regular expressions in principle and module names in practice; only names are honoured. */
function matchPattern(patterns: JsonObject, site: string): unknown {
  const found = Object.keys(patterns).find((pattern) => {
    const name = pattern
      .replace(/^\^/, '')
      .replaceAll('\\.', '.')
      .replace(/^unet\./, '');
    return site === name || (!pattern.startsWith('^') && site.endsWith(`.${name}`));
  });
  return found === undefined ? undefined : ownValue(patterns, found);
}
