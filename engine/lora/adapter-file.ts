/** Adapters on disk: ours written so that diffusers loads them, everybody's read. */
import { InputError } from '../errors';
import {
  openSafetensors,
  readFloats,
  writeSafetensors,
  type SafetensorsFile,
  type TensorEntry,
  type TensorToWrite,
} from '../weights/safetensors';
import type { ByteSource } from '../weights/source';
import {
  foreignKind,
  isTransformerProjection,
  parseAdapterKey,
  toOriginalName,
  type AdapterPart,
} from './adapter-keys';
import { needsPeftConfig, PEFT_FILES, readPeftConfig, type PeftConfig } from './peft-config';

/** One low-rank update: y += (alpha / rank) B A x. */
export interface AdaptedModule {
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
  readonly targets: ReadonlyMap<string, AdaptedModule>;
  /** The file's own metadata, as it stands. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Modules of the file that were not read, each with the reason. */
  readonly ignored: readonly IgnoredModule[];
}

export interface IgnoredModule {
  readonly module: string;
  /** What it is that is not applied, e.g. "DoRA". */
  readonly reason: string;
}

export interface WriteOptions {
  /** F32 when left out. */
  readonly dtype?: 'F32' | 'F16';
  /**
   * "peft" (when left out) for diffusers: unet.<module>.lora_A.weight. "kohya" for ComfyUI and the like, and for diffusers'
   * pipelines too: lora_unet_<module>.lora_down.weight. ComfyUI does not know PEFT's keys for a UNet.
   */
  readonly keys?: 'peft' | 'kohya';
}

export interface ReadOptions {
  /** The UNet's layers_per_block; 2, as in every Stable Diffusion, when left out. Only kohya's SDXL keys depend on it. */
  readonly layersPerBlock?: number;
  /** Take PEFT's weights without their adapter_config.json to be as strong as alpha = rank makes them. */
  readonly force?: boolean;
  /** Throws for metadata that is refused; called with the file's name before any weight is read. */
  readonly checkMetadata?: (name: string, metadata: Readonly<Record<string, string>>) => void;
  readonly signal?: AbortSignal;
}

const LARGEST_HALF = 65504;
/** No real adapter has more, and every target module of a run gets memory for it. */
const LARGEST_RANK = 4096;

/** The same in SDXL and its distilled variants. */
const SDXL_LAYERS_PER_BLOCK = 2;

/** kohya's trainers name SDXL's blocks as the original code does, and those of other models as diffusers does. */
function isXlVersion(version: string): boolean {
  return version.startsWith('sdxl');
}

/**
 * An adapter file of these target modules, all written as linear layers, which the attention projections Diptych trains are.
 * Throws an InputError when a weight is not finite or does not fit f16.
 */
export function writeAdapter(
  targets: ReadonlyMap<string, AdaptedModule>,
  metadata: Readonly<Record<string, string>>,
  options: WriteOptions = {},
): Uint8Array<ArrayBuffer> {
  const { dtype = 'F32', keys = 'peft' } = options;
  const tensors: TensorToWrite[] = [];
  for (const [target, { rank, alpha, a, b, inFeatures, outFeatures }] of targets) {
    checkWritable(target, a, dtype);
    checkWritable(target, b, dtype);
    const shapes = { a: [rank, inFeatures], b: [outFeatures, rank] };
    if (keys === 'kohya') {
      const path = isXlVersion(metadata['ss_base_model_version'] ?? '')
        ? toOriginalName(target, SDXL_LAYERS_PER_BLOCK)
        : target;
      const name = `lora_unet_${path.replaceAll('.', '_')}`;
      tensors.push({ name: `${name}.lora_down.weight`, dtype, shape: shapes.a, data: a });
      tensors.push({ name: `${name}.lora_up.weight`, dtype, shape: shapes.b, data: b });
      tensors.push({ name: `${name}.alpha`, dtype, shape: [], data: Float32Array.of(alpha) });
    } else {
      // PEFT keys have no place for alpha: readers take it to be the rank, so another scale goes into B.
      const scaled = alpha === rank ? b : b.map((value) => (value * alpha) / rank);
      tensors.push({ name: `unet.${target}.lora_A.weight`, dtype, shape: shapes.a, data: a });
      tensors.push({ name: `unet.${target}.lora_B.weight`, dtype, shape: shapes.b, data: scaled });
    }
  }
  return writeSafetensors(tensors, metadata);
}

function checkWritable(target: string, weights: Float32Array, dtype: 'F32' | 'F16'): void {
  const limit = dtype === 'F16' ? LARGEST_HALF : Number.MAX_VALUE;
  if (weights.every((value) => Math.abs(value) <= limit)) return;
  throw new InputError(
    weights.every(Number.isFinite)
      ? `${target}: a weight is too large for f16; save the style as f32`
      : `${target}: the trained weights are not finite numbers; learn again with a smaller learning rate`,
  );
}

/**
 * Reads an adapter by whichever keys it has. Throws an InputError when the file is damaged,
 * does not say how strong it is, or holds nothing the engine can apply; what it cannot apply beside what it can
 * is listed in `ignored`.
 */
export async function readAdapter(source: ByteSource, options: ReadOptions = {}): Promise<AdapterFile> {
  const { layersPerBlock = 2, force = false, checkMetadata, signal } = options;
  const file = await openSafetensors(source, signal);
  checkMetadata?.(source.name, file.metadata);
  const peft = readPeftConfig(file);
  const modules = groupByModule(file, layersPerBlock);
  if (!force) requireStrength(file, modules);
  const targets = new Map<string, AdaptedModule>();
  const ignored: IgnoredModule[] = [];
  for (const [name, module] of modules) {
    const reason = module.problem ?? unusable(name, module, peft);
    if (reason) ignored.push({ module: name, reason });
    else targets.set(name, await readModule(file, name, module, peft, signal));
  }
  if (targets.size === 0) {
    const why = ignored[0] ? `; ${ignored[0].module} is ${ignored[0].reason}` : '';
    throw new InputError(`${source.name}: holds no LoRA for a Stable Diffusion UNet${why}; choose a LoRA file`);
  }
  return { targets, metadata: file.metadata, ignored };
}

/** PEFT's own files keep alpha in another file, unlike those that diffusers and kohya's trainers write. */
function requireStrength(file: SafetensorsFile, modules: ReadonlyMap<string, ModuleTensors>): void {
  if (!needsPeftConfig(file)) return;
  for (const { parts } of modules.values()) {
    if (!parts.has('down') || parts.has('alpha')) continue;
    throw new InputError(
      `${file.source.name}: PEFT keeps how strong its weights are in ${PEFT_FILES.config}, which is not beside them; give it too, in one folder with the weights, or force them (--force)`,
    );
  }
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
    if (known.parts.has(part) && part !== 'other') known.problem = 'given twice under different keys';
    known.parts.set(part, entry);
  }
  return modules;
}

/** What a module is that cannot be applied; undefined when it can. */
function unusable(name: string, { parts, isUnet }: ModuleTensors, peft: PeftConfig): string | undefined {
  if (!isUnet) return 'part of a text encoder';
  if (parts.has('magnitude') || peft.dora) return 'DoRA';
  if (parts.has('mid')) return 'a convolution LoRA with a middle factor';
  const other = parts.get('other');
  if (other) return foreignKind(other.name);
  if (!isTransformerProjection(name)) return 'outside the transformers of a UNet';
  for (const part of ['down', 'up'] as const) {
    const shape = parts.get(part)?.shape;
    if (shape?.length === 4 && (shape[2] !== 1 || shape[3] !== 1)) return 'a convolution larger than 1×1';
  }
  return undefined;
}

async function readModule(
  file: SafetensorsFile,
  name: string,
  { parts }: ModuleTensors,
  peft: PeftConfig,
  signal: AbortSignal | undefined,
): Promise<AdaptedModule> {
  const fail = (what: string): never => {
    throw new InputError(`${file.source.name}: ${name} ${what}; fetch the file again`);
  };
  const down = parts.get('down') ?? fail('has no down (lora_A) weight');
  const up = parts.get('up') ?? fail('has no up (lora_B) weight');
  const [rank, inFeatures] = matrixShape(down) ?? fail(`has a lora_A of shape [${down.shape.join(', ')}]`);
  const [outFeatures, upRank] = matrixShape(up) ?? fail(`has a lora_B of shape [${up.shape.join(', ')}]`);
  if (rank > LARGEST_RANK) fail(`has rank ${rank}, more than ${LARGEST_RANK},`);
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
