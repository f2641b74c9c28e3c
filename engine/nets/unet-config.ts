/** Reads unet/config.json of diffusers' UNet2DConditionModel: defaults and meanings as in diffusers. */
import { InputError } from '../errors';
import { ConfigReader } from '../weights/config';

export interface UNetBlock {
  readonly channels: number;
  readonly resnets: number;
  /** Attention heads; null for a block without attention. */
  readonly heads: number | null;
  /** Layers in the transformer after each residual block. */
  readonly transformerLayers: readonly number[];
  readonly onlyCrossAttention: boolean;
}

export interface UNetConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Latent size the net was trained at, in latent pixels. */
  readonly sampleSize: number;
  /** Width of each level, from fine to coarse. */
  readonly channels: readonly number[];
  readonly down: readonly UNetBlock[];
  readonly mid: UNetBlock | null;
  /** From coarse to fine. */
  readonly up: readonly UNetBlock[];
  readonly crossAttentionDim: number;
  readonly linearProjection: boolean;
  readonly timeScaleShift: 'default' | 'scale_shift';
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
  readonly downsamplePadding: number;
  readonly midScaleFactor: number;
  readonly normGroups: number;
  readonly normEpsilon: number;
  readonly centerInputSample: boolean;
  /** Width of the time embedding. */
  readonly timeWidth: number;
  readonly convInKernel: number;
  readonly convOutKernel: number;
  /** Width of the guidance scale's features in a guidance-distilled net, which takes it as a condition; null otherwise. */
  readonly guidanceWidth: number | null;
  /** SDXL's second conditioning: pooled text and image size numbers enter the time embedding. Null without it. */
  readonly textTime: { readonly timeWidth: number; readonly inputWidth: number } | null;
}

const DOWN_BLOCKS = ['CrossAttnDownBlock2D', 'DownBlock2D'] as const;
const UP_BLOCKS = ['CrossAttnUpBlock2D', 'UpBlock2D'] as const;
const MID_BLOCKS = ['UNetMidBlock2DCrossAttn', 'UNetMidBlock2D'] as const;
const POSITIVE = { min: 1 };

/** Throws an InputError naming the file and the key for anything the engine does not run. */
export function readUNetConfig(json: unknown, name: string): UNetConfig {
  const config = new ConfigReader(json, name);
  refuseUnsupported(config);
  const channels = config.integers('block_out_channels', [320, 640, 1280, 1280], POSITIVE);
  const count = channels.length;
  const downTypes = config.oneOfEach('down_block_types', DOWN_BLOCKS, [
    'CrossAttnDownBlock2D',
    'CrossAttnDownBlock2D',
    'CrossAttnDownBlock2D',
    'DownBlock2D',
  ]);
  const upTypes = config.oneOfEach('up_block_types', UP_BLOCKS, [
    'UpBlock2D',
    'CrossAttnUpBlock2D',
    'CrossAttnUpBlock2D',
    'CrossAttnUpBlock2D',
  ]);
  if (downTypes.length !== count || upTypes.length !== count || count === 0) {
    throw new InputError(
      `${name}: block_out_channels, down_block_types and up_block_types differ in length; fetch the model again`,
    );
  }
  // diffusers' historic misnomer: attention_head_dim holds the number of heads.
  const heads = config.perBlock('attention_head_dim', count, 8, POSITIVE);
  const layers = config.perBlock('layers_per_block', count, 2, POSITIVE);
  const depths = config.perBlockOrLayer('transformer_layers_per_block', count, 1);
  const upDepths = config.has('reverse_transformer_layers_per_block')
    ? config.perBlockOrLayer('reverse_transformer_layers_per_block', count, 1)
    : [...depths].reverse();
  const onlyCross = config.flagPerBlock('only_cross_attention', count, false);

  const block = (level: number, resnets: number, depth: number | readonly number[], attends: boolean): UNetBlock => ({
    channels: channels[level]!,
    resnets,
    heads: attends ? headsFor(name, channels[level]!, heads[level]!) : null,
    transformerLayers: Array.from({ length: resnets }, (_, j) => depthAt(name, depth, j)),
    onlyCrossAttention: onlyCross[level]!,
  });
  const last = count - 1;
  const midType = midBlock(config);
  return {
    inChannels: config.integer('in_channels', 4, POSITIVE),
    outChannels: config.integer('out_channels', 4, POSITIVE),
    sampleSize: config.integer('sample_size', 64, POSITIVE),
    channels,
    down: downTypes.map((type, i) => block(i, layers[i]!, depths[i]!, type === 'CrossAttnDownBlock2D')),
    mid: midType && {
      ...block(last, 1, depths[last]!, midType === 'UNetMidBlock2DCrossAttn'),
      onlyCrossAttention: false,
    },
    up: upTypes.map((type, i) => block(last - i, layers[last - i]! + 1, upDepths[i]!, type === 'CrossAttnUpBlock2D')),
    crossAttentionDim: config.integer('cross_attention_dim', 1280, POSITIVE),
    linearProjection: config.boolean('use_linear_projection', false),
    timeScaleShift: config.oneOf('resnet_time_scale_shift', ['default', 'scale_shift'], 'default'),
    flipSinToCos: config.boolean('flip_sin_to_cos', true),
    freqShift: config.number('freq_shift', 0),
    downsamplePadding: config.integer('downsample_padding', 1, { max: 1 }),
    midScaleFactor: config.number('mid_block_scale_factor', 1, { min: 1e-6 }),
    normGroups: config.integer('norm_num_groups', 32, POSITIVE),
    normEpsilon: config.number('norm_eps', 1e-5, { min: 0 }),
    centerInputSample: config.boolean('center_input_sample', false),
    timeWidth: config.integer('time_embedding_dim', 4 * channels[0]!, POSITIVE),
    convInKernel: config.integer('conv_in_kernel', 3, POSITIVE),
    convOutKernel: config.integer('conv_out_kernel', 3, POSITIVE),
    guidanceWidth: config.has('time_cond_proj_dim')
      ? config.integer('time_cond_proj_dim', undefined, { min: 4 })
      : null,
    textTime: config.has('addition_embed_type')
      ? {
          timeWidth: config.integer('addition_time_embed_dim', undefined, POSITIVE),
          inputWidth: config.integer('projection_class_embeddings_input_dim', undefined, POSITIVE),
        }
      : null,
  };
}

/** In diffusers an explicit null means no middle block; an absent key means the default one. */
function midBlock(config: ConfigReader): (typeof MID_BLOCKS)[number] | null {
  const absent = !config.has('mid_block_type');
  if (absent && config.keys().includes('mid_block_type')) return null;
  return config.oneOf('mid_block_type', MID_BLOCKS, 'UNetMidBlock2DCrossAttn');
}

function headsFor(name: string, channels: number, heads: number): number {
  if (channels % heads === 0) return heads;
  throw new InputError(
    `${name}: ${channels} channels do not divide into ${heads} attention heads; fetch the model again`,
  );
}

function depthAt(name: string, depth: number | readonly number[], layer: number): number {
  const found = typeof depth === 'number' ? depth : depth[layer];
  if (found !== undefined) return found;
  throw new InputError(
    `${name}: transformer layers are listed for fewer layers than a block has; fetch the model again`,
  );
}

function refuseUnsupported(config: ConfigReader): void {
  config.only('addition_embed_type', [null, 'text_time']);
  config.only('act_fn', [null, 'silu', 'swish']);
  config.only('time_embedding_type', [null, 'positional']);
  config.only('dual_cross_attention', [null, false]);
  config.only('resnet_skip_time_act', [null, false]);
  config.only('resnet_out_scale_factor', [null, 1]);
  for (const key of [
    'class_embed_type',
    'num_class_embeds',
    'encoder_hid_dim',
    'encoder_hid_dim_type',
    'num_attention_heads',
    'time_embedding_act_fn',
    'timestep_post_act',
    'cross_attention_norm',
    'attention_type',
  ]) {
    config.only(key, key === 'attention_type' ? [null, 'default'] : [null]);
  }
}
