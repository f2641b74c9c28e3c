/** Reads vae/config.json of diffusers' AutoencoderKL and AutoencoderTiny: defaults and meanings as in diffusers. */
import { InputError } from '../errors';
import { ConfigReader } from '../weights/config';

interface CommonVaeConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  /** What latents are multiplied by on their way from the encoder to the diffusion model. */
  readonly scalingFactor: number;
  /** Subtracted from latents before that. */
  readonly shiftFactor: number;
  /** Image pixels per latent pixel, along a side. */
  readonly downsampling: number;
}

export interface VaeConfig extends CommonVaeConfig {
  readonly kind: 'kl';
  readonly channels: readonly number[];
  readonly layersPerBlock: number;
  readonly normGroups: number;
  readonly quantConv: boolean;
  readonly postQuantConv: boolean;
  readonly midAttention: boolean;
}

export interface TinyVaeConfig extends CommonVaeConfig {
  readonly kind: 'tiny';
  readonly encoderWidth: number;
  readonly decoderWidth: number;
  /** Residual blocks of each level. */
  readonly encoderBlocks: readonly number[];
  readonly decoderBlocks: readonly number[];
  readonly upsampleFactor: number;
  readonly activation: 'relu' | 'silu' | 'gelu';
}

const POSITIVE = { min: 1 };
/** An image pixel a side is left of 65,536 then: no picture is larger. */
const MOST_LEVELS = 17;

/** Throws an InputError naming the file and the key for anything the engine does not run. */
export function readVaeConfig(json: unknown, name: string): VaeConfig | TinyVaeConfig {
  const config = new ConfigReader(json, name);
  const kind = config.oneOf('_class_name', ['AutoencoderKL', 'AutoencoderTiny'], 'AutoencoderKL');
  return kind === 'AutoencoderTiny' ? readTiny(config, name) : readKl(config);
}

function readKl(config: ConfigReader): VaeConfig {
  const channels = config.integers('block_out_channels', [64], POSITIVE);
  if (channels.length === 0 || channels.length > MOST_LEVELS) {
    throw new InputError(
      `${config.name}: block_out_channels lists ${channels.length} levels, not 1 to ${MOST_LEVELS}; fetch the model again`,
    );
  }
  config.only('act_fn', [null, 'silu', 'swish']);
  config.only('latents_mean', [null]);
  config.only('latents_std', [null]);
  if (config.has('down_block_types')) config.oneOfEach('down_block_types', ['DownEncoderBlock2D']);
  if (config.has('up_block_types')) config.oneOfEach('up_block_types', ['UpDecoderBlock2D']);
  return {
    kind: 'kl',
    inChannels: config.integer('in_channels', 3, POSITIVE),
    outChannels: config.integer('out_channels', 3, POSITIVE),
    latentChannels: config.integer('latent_channels', 4, POSITIVE),
    scalingFactor: config.number('scaling_factor', 0.18215, { min: 1e-6 }),
    shiftFactor: config.number('shift_factor', 0),
    downsampling: 2 ** (channels.length - 1),
    channels,
    layersPerBlock: config.integer('layers_per_block', 1, POSITIVE),
    normGroups: config.integer('norm_num_groups', 32, POSITIVE),
    quantConv: config.boolean('use_quant_conv', true),
    postQuantConv: config.boolean('use_post_quant_conv', true),
    midAttention: config.boolean('mid_block_add_attention', true),
  };
}

function readTiny(config: ConfigReader, name: string): TinyVaeConfig {
  const channels = config.integers('encoder_block_out_channels', [64, 64, 64, 64], POSITIVE);
  const decoderChannels = config.integers('decoder_block_out_channels', [64, 64, 64, 64], POSITIVE);
  const encoderBlocks = config.integers('num_encoder_blocks', [1, 3, 3, 3]);
  const decoderBlocks = config.integers('num_decoder_blocks', [3, 3, 3, 1]);
  if (encoderBlocks.length !== channels.length || decoderBlocks.length !== decoderChannels.length) {
    throw new InputError(`${name}: block counts and widths differ in length; fetch the model again`);
  }
  config.only('upsample_fn', [null, 'nearest']);
  const upsampleFactor = config.integer('upsampling_scaling_factor', 2, POSITIVE);
  const downsampling = 2 ** (channels.length - 1);
  if (upsampleFactor ** (decoderChannels.length - 1) !== downsampling) {
    throw new InputError(`${name}: the decoder does not undo the encoder's downsampling; choose another model`);
  }
  return {
    kind: 'tiny',
    inChannels: config.integer('in_channels', 3, POSITIVE),
    outChannels: config.integer('out_channels', 3, POSITIVE),
    latentChannels: config.integer('latent_channels', 4, POSITIVE),
    scalingFactor: config.number('scaling_factor', 1, { min: 1e-6 }),
    shiftFactor: 0,
    downsampling,
    encoderWidth: oneWidth(name, channels),
    decoderWidth: oneWidth(name, decoderChannels),
    encoderBlocks,
    decoderBlocks,
    upsampleFactor,
    activation: config.oneOf('act_fn', ['relu', 'silu', 'gelu'], 'relu'),
  };
}

/** The architecture's convolutions between levels keep the width, whatever the lists allow. */
function oneWidth(name: string, widths: readonly number[]): number {
  if (new Set(widths).size === 1) return widths[0]!;
  throw new InputError(
    `${name}: an AutoencoderTiny's levels have one width, not ${widths.join(', ')}; choose another model`,
  );
}
