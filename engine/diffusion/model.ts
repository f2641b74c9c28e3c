/** A diffusion model as its diffusers folder describes it: configurations read and checked, weights opened, nothing run. */
import { InputError } from '../errors';
import { readClipTextConfig, type ClipTextConfig } from '../nets/clip-text-config';
import { loadTokenizer, type PromptTokenizer } from '../nets/tokenizer';
import { readUNetConfig, type UNetConfig } from '../nets/unet-config';
import { readVaeConfig, type TinyVaeConfig, type VaeConfig } from '../nets/vae-config';
import { ConfigReader } from '../weights/config';
import { parseJson } from '../weights/json';
import { openWeights, type ModelFolder, type WeightSet } from '../weights/folder';
import { digest, sampled } from '../weights/fingerprint';
import type { ByteSource } from '../weights/source';
import { pooledWidth } from './conditioning';
import { parseSchedule, type Schedule } from './schedule';

export interface Net<Config> {
  readonly config: Config;
  readonly weights: WeightSet;
}

export interface TextPart extends Net<ClipTextConfig> {
  /** The encoder's subfolder. */
  readonly name: string;
  readonly tokenizer: PromptTokenizer;
}

export interface DiffusionModel {
  /** The folder's name. */
  readonly name: string;
  readonly unet: Net<UNetConfig>;
  readonly vae: Net<VaeConfig | TinyVaeConfig>;
  /** The text encoders, with their tokenizers: one, or two in SDXL. */
  readonly texts: readonly [TextPart, TextPart?];
  /** No prompt at all is embedded as zeros, not as the empty prompt. */
  readonly zeroUnconditional: boolean;
  readonly schedule: Schedule;
  /** Every weight file by the key that graphs refer to it with. */
  readonly files: ReadonlyMap<string, ByteSource>;
  /** Side of the square images the UNet was trained on, px. */
  readonly nativeSize: number;
  /** Image sides are multiples of this, px. */
  readonly sizeMultiple: number;
  /** Names the UNet's exact weights: hex digits of a digest of a sample of its bytes. */
  readonly fingerprint: string;
  /** Digests of every configuration and tokenizer file that was read, by their paths. */
  readonly configs: ReadonlyMap<string, string>;
  /** Whether the UNet's largest weights are held in 8 bits (eight-bit.ts). */
  readonly eightBit: boolean;
}

const SCHEDULER = 'scheduler/scheduler_config.json';
const SUPPORTED_PIPELINES = [
  'StableDiffusionPipeline',
  'StableDiffusionImg2ImgPipeline',
  'LatentConsistencyModelPipeline',
  'LatentConsistencyModelImg2ImgPipeline',
  'StableDiffusionXLPipeline',
  'StableDiffusionXLImg2ImgPipeline',
] as const;

/** A model without the digest that names its weights: only configurations, tokenizers and headers were read. */
export type DescribedModel = Omit<DiffusionModel, 'fingerprint'>;

/** Opens a model folder; throws an InputError naming the file and the key for whatever is missing or not supported. */
export async function openModel(from: ModelFolder, signal?: AbortSignal): Promise<DiffusionModel> {
  const model = await describeModel(from, signal);
  const sources = model.unet.weights.files.map(({ source }) => source);
  return { ...model, fingerprint: digest(await sampled(sources, signal)) };
}

/** The same without reading any weights, which over a network is quick. */
export async function describeModel(from: ModelFolder, signal?: AbortSignal): Promise<DescribedModel> {
  const configs = new Map<string, string>();
  const folder = recorded(from, configs);
  if (!(await folder.has('model_index.json', signal))) {
    throw new InputError(`${folder.name} holds no model_index.json; give the folder of a diffusers model`);
  }
  const index = new ConfigReader(await folder.json('model_index.json', signal), `${folder.name}/model_index.json`);
  const isXl = index.oneOf('_class_name', SUPPORTED_PIPELINES).startsWith('StableDiffusionXL');
  const config = async (path: string): Promise<[unknown, string]> => [
    await folder.json(path, signal),
    `${folder.name}/${path}`,
  ];

  const unet = {
    config: readUNetConfig(...(await config('unet/config.json'))),
    weights: await openWeights(folder, 'unet', opening(signal)),
  };
  const vae = {
    config: readVaeConfig(...(await config('vae/config.json'))),
    weights: await openWeights(folder, 'vae', opening(signal)),
  };
  const first = await openText(folder, 'text_encoder', 'tokenizer', signal);
  const texts: readonly [TextPart, TextPart?] = isXl
    ? [first, await openText(folder, 'text_encoder_2', 'tokenizer_2', signal)]
    : [first];
  requireMatch(folder.name, unet.config, vae.config, texts);
  return {
    name: folder.name,
    unet,
    vae,
    texts,
    zeroUnconditional: isXl && index.boolean('force_zeros_for_empty_prompt', true),
    schedule: parseSchedule(await folder.text(SCHEDULER, signal), `${folder.name}/${SCHEDULER}`),
    files: filesOf({ unet, vae, texts }),
    nativeSize: unet.config.sampleSize * vae.config.downsampling,
    sizeMultiple: vae.config.downsampling * 2 ** (unet.config.channels.length - 1),
    configs,
    eightBit: false,
  };
}

/** Every weight file of a model's nets, by the key that graphs refer to it with. */
export function filesOf({ unet, vae, texts }: Pick<DiffusionModel, 'unet' | 'vae' | 'texts'>): Map<string, ByteSource> {
  const nets = [unet, vae, ...texts.filter((text) => text !== undefined)];
  const sources = nets.flatMap(({ weights }) => weights.files.map(({ source }) => source));
  return new Map(sources.map((source) => [source.name, source]));
}

/** The folder, which notes every text that is read from it. */
function recorded(folder: ModelFolder, read: Map<string, string>): ModelFolder {
  const text = async (path: string, signal?: AbortSignal): Promise<string> => {
    const found = await folder.text(path, signal);
    read.set(path, digest([utf8(found)]));
    return found;
  };
  return {
    ...folder,
    text,
    json: async (path, signal) => parseJson(await text(path, signal), `${folder.name}/${path}`),
  };
}

/**
 * Names all that decides a model's results: hex digits of a digest of its configurations and tokenizers, and of a sample
 * of the bytes of every weight file. `fingerprint` tells styles of one UNet from those of another; this one tells
 * whether two folders give the same pictures.
 */
export async function identify({ configs, files }: DiffusionModel, signal?: AbortSignal): Promise<string> {
  const sorted = [...configs].sort(([a], [b]) => (a < b ? -1 : 1));
  return digest([utf8(JSON.stringify(sorted)), ...(await sampled([...files.values()], signal))]);
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

function opening(signal: AbortSignal | undefined): { preferHalf: true; signal?: AbortSignal } {
  return { preferHalf: true, ...(signal && { signal }) };
}

async function openText(
  folder: ModelFolder,
  part: string,
  tokenizerPart: string,
  signal: AbortSignal | undefined,
): Promise<TextPart> {
  const path = `${part}/config.json`;
  if (!(await folder.has(path, signal))) {
    throw new InputError(`${folder.name}: ${path} is missing; give the folder of a whole base model, not of a refiner`);
  }
  const config = readClipTextConfig(await folder.json(path, signal), `${folder.name}/${path}`);
  const weights = await openWeights(folder, part, opening(signal));
  const tokenizer = await loadTokenizer(folder, tokenizerPart, signal);
  if (tokenizer.maxLength > config.positions) {
    throw new InputError(
      `${folder.name}: the tokenizer makes ${tokenizer.maxLength} tokens, the text encoder takes ${config.positions}; fetch the model again`,
    );
  }
  return { name: part, config, weights, tokenizer };
}

function requireMatch(
  name: string,
  unet: UNetConfig,
  vae: { latentChannels: number },
  [first, second]: readonly [TextPart, TextPart?],
): void {
  if (unet.inChannels !== vae.latentChannels || unet.outChannels !== vae.latentChannels) {
    throw new InputError(
      `${name}: the UNet takes ${unet.inChannels} and gives ${unet.outChannels} channels, the VAE's latents have ${vae.latentChannels}; choose a text-to-image model`,
    );
  }
  const width = first.config.width + (second?.config.width ?? 0);
  if (unet.crossAttentionDim !== width) {
    throw new InputError(
      `${name}: the UNet attends to width ${unet.crossAttentionDim}, the text encoder gives ${width}; fetch the model again`,
    );
  }
  const pooled = second?.config.projection ?? 0;
  if (pooledWidth(unet) !== pooled) {
    throw new InputError(
      `${name}: the UNet takes ${pooledWidth(unet)} numbers of a prompt as a whole, its second text encoder gives ${pooled}; choose a base model`,
    );
  }
  if (second && second.tokenizer.maxLength !== first.tokenizer.maxLength) {
    throw new InputError(`${name}: its two tokenizers differ in length; fetch the model again`);
  }
}

/** Whether a model is of SDXL's design: two text encoders. */
export function isXl({ texts }: Pick<DiffusionModel, 'texts'>): boolean {
  return texts.length === 2;
}

/** Beyond this many times its native size a net repeats itself, and memory runs out. */
const MOST_TIMES_NATIVE = 4;

/** The size to work at, in px: the one asked for, else the model's own. Throws an InputError when it does not serve. */
export function workingSize(
  { nativeSize, sizeMultiple, name }: Pick<DiffusionModel, 'nativeSize' | 'sizeMultiple' | 'name'>,
  asked: number | undefined,
): number {
  const size = asked ?? nativeSize;
  const most = MOST_TIMES_NATIVE * nativeSize;
  if (Number.isInteger(size) && size % sizeMultiple === 0 && size > 0 && size <= most) return size;
  throw new InputError(
    `size is ${size}; ${name} works at multiples of ${sizeMultiple} px up to ${most} (its own size is ${nativeSize})`,
  );
}
