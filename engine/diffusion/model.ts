/** A diffusion model as its diffusers folder describes it: configurations read and checked, weights opened, nothing run. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { InputError } from '../errors';
import { readClipTextConfig, type ClipTextConfig } from '../nets/clip-text-config';
import { loadTokenizer, type PromptTokenizer } from '../nets/tokenizer';
import { readUNetConfig, type UNetConfig } from '../nets/unet-config';
import { readVaeConfig, type TinyVaeConfig, type VaeConfig } from '../nets/vae-config';
import { ConfigReader } from '../weights/config';
import { openWeights, type ModelFolder, type WeightSet } from '../weights/folder';
import type { ByteSource } from '../weights/source';
import { parseSchedule, type Schedule } from './schedule';

export interface Net<Config> {
  readonly config: Config;
  readonly weights: WeightSet;
}

export interface DiffusionModel {
  /** The folder's name. */
  readonly name: string;
  readonly unet: Net<UNetConfig>;
  readonly vae: Net<VaeConfig | TinyVaeConfig>;
  readonly text: Net<ClipTextConfig>;
  readonly tokenizer: PromptTokenizer;
  readonly schedule: Schedule;
  /** Every weight file by the key that graphs refer to it with. */
  readonly files: ReadonlyMap<string, ByteSource>;
  /** Side of the square images the UNet was trained on, px. */
  readonly nativeSize: number;
  /** Image sides are multiples of this, px. */
  readonly sizeMultiple: number;
  /** Names the UNet's exact weights: hex digits of a digest of a sample of its bytes. */
  readonly fingerprint: string;
}

const SCHEDULER = 'scheduler/scheduler_config.json';
const SUPPORTED_PIPELINES = ['StableDiffusionPipeline', 'StableDiffusionImg2ImgPipeline'] as const;

/** Opens a model folder; throws an InputError naming the file and the key for whatever is missing or not supported. */
export async function openModel(folder: ModelFolder, signal?: AbortSignal): Promise<DiffusionModel> {
  if (!(await folder.has('model_index.json', signal))) {
    throw new InputError(`${folder.name} holds no model_index.json; give the folder of a diffusers model`);
  }
  const index = new ConfigReader(await folder.json('model_index.json', signal), `${folder.name}/model_index.json`);
  index.oneOf('_class_name', SUPPORTED_PIPELINES);
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
  const text = {
    config: readClipTextConfig(...(await config('text_encoder/config.json'))),
    weights: await openWeights(folder, 'text_encoder', opening(signal)),
  };
  requireMatch(folder.name, unet.config, vae.config, text.config);
  const tokenizer = await loadTokenizer(folder, 'tokenizer', signal);
  if (tokenizer.maxLength > text.config.positions) {
    throw new InputError(
      `${folder.name}: the tokenizer makes ${tokenizer.maxLength} tokens, the text encoder takes ${text.config.positions}; fetch the model again`,
    );
  }
  const sources = [unet, vae, text].flatMap(({ weights }) => weights.files.map(({ source }) => source));
  return {
    name: folder.name,
    unet,
    vae,
    text,
    tokenizer,
    schedule: parseSchedule(await folder.text(SCHEDULER, signal), `${folder.name}/${SCHEDULER}`),
    files: new Map(sources.map((source) => [source.name, source])),
    nativeSize: unet.config.sampleSize * vae.config.downsampling,
    sizeMultiple: vae.config.downsampling * 2 ** (unet.config.channels.length - 1),
    fingerprint: await fingerprint(unet.weights, signal),
  };
}

function opening(signal: AbortSignal | undefined): { preferHalf: true; signal?: AbortSignal } {
  return { preferHalf: true, ...(signal && { signal }) };
}

function requireMatch(name: string, unet: UNetConfig, vae: { latentChannels: number }, text: ClipTextConfig): void {
  if (unet.inChannels !== vae.latentChannels || unet.outChannels !== vae.latentChannels) {
    throw new InputError(
      `${name}: the UNet takes ${unet.inChannels} and gives ${unet.outChannels} channels, the VAE's latents have ${vae.latentChannels}; choose a text-to-image model`,
    );
  }
  if (unet.crossAttentionDim !== text.width) {
    throw new InputError(
      `${name}: the UNet attends to width ${unet.crossAttentionDim}, the text encoder gives ${text.width}; fetch the model again`,
    );
  }
}

/** Spans of this many bytes, evenly spaced, stand for a file: gigabytes need not be read to name them. */
const SAMPLE_BYTES = 4096;
const SAMPLES = 64;

async function fingerprint(weights: WeightSet, signal?: AbortSignal): Promise<string> {
  const parts: Uint8Array[] = [];
  for (const { source } of weights.files) {
    const length = Math.min(SAMPLE_BYTES, source.size);
    for (let i = 0; i < SAMPLES; i++) {
      const offset = Math.floor(((source.size - length) * i) / (SAMPLES - 1));
      parts.push(await source.read(offset, length, signal));
    }
  }
  return digest(parts);
}

/** The first 16 hex digits of SHA-256 over the parts. Not by crypto.subtle, which Figma's documents lack. */
export function digest(parts: readonly Uint8Array[]): string {
  const hash = sha256.create();
  for (const part of parts) hash.update(part);
  return bytesToHex(hash.digest().subarray(0, 8));
}
