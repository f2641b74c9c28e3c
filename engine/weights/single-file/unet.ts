/**
 * The UNet of a single-file checkpoint: original names (CompVis's latent-diffusion, Stability's generative-models) to
 * those of diffusers, and the configuration that the tensors' shapes tell.
 */
import { InputError } from '../../errors';
import type { Part } from './renamed';

/** A level of the net: its width, and for each of its residual blocks the depth of the transformer after it, 0 for none. */
interface Level {
  readonly channels: number;
  readonly depths: number[];
}

interface Layout {
  readonly down: readonly Level[];
  /** Undefined where the middle is one residual block. */
  readonly middleDepth: number | undefined;
  readonly up: readonly Level[];
  readonly modules: ReadonlyMap<string, string>;
}

const FIXED: readonly (readonly [string, string])[] = [
  ['time_embed.0', 'time_embedding.linear_1'],
  ['time_embed.2', 'time_embedding.linear_2'],
  ['time_embed.cond_proj', 'time_embedding.cond_proj'],
  ['label_emb.0.0', 'add_embedding.linear_1'],
  ['label_emb.0.2', 'add_embedding.linear_2'],
  ['input_blocks.0.0', 'conv_in'],
  ['out.0', 'conv_norm_out'],
  ['out.2', 'conv_out'],
];

const RESNET: readonly (readonly [string, string])[] = [
  ['in_layers.0', 'norm1'],
  ['in_layers.2', 'conv1'],
  ['emb_layers.1', 'time_emb_proj'],
  ['out_layers.0', 'norm2'],
  ['out_layers.3', 'conv2'],
  ['skip_connection', 'conv_shortcut'],
];

/** Width of a head where transformers are projected by linear layers, and the number of heads elsewhere. */
const HEAD_WIDTH = 64;
const HEADS = 8;

/** Walks the blocks in the order the original code numbers them. */
export function readLayout(unet: Part): Layout {
  const modules = new Map(FIXED);
  const resnet = (from: string, to: string): number => {
    for (const [inner, outer] of RESNET) modules.set(`${from}.${inner}`, `${to}.${outer}`);
    return unet.extent(`${from}.out_layers.3.weight`, 0);
  };
  const transformer = (from: string, to: string): number => {
    const depth = unet.count((i) => `${from}.transformer_blocks.${i}.attn1.to_q.weight`);
    if (depth > 0) modules.set(from, to);
    return depth;
  };

  const down: Level[] = [];
  let level: Level | undefined;
  for (let i = 1; ; i++) {
    const at = `input_blocks.${i}`;
    if (unet.has(`${at}.0.op.weight`)) {
      modules.set(`${at}.0.op`, `down_blocks.${down.length - 1}.downsamplers.0.conv`);
      level = undefined;
    } else if (unet.has(`${at}.0.in_layers.0.weight`)) {
      if (!level) down.push((level = { channels: unet.extent(`${at}.0.out_layers.3.weight`, 0), depths: [] }));
      const [block, layer] = [`down_blocks.${down.length - 1}`, level.depths.length];
      resnet(`${at}.0`, `${block}.resnets.${layer}`);
      level.depths.push(transformer(`${at}.1`, `${block}.attentions.${layer}`));
    } else break;
  }

  resnet('middle_block.0', 'mid_block.resnets.0');
  const middleDepth = transformer('middle_block.1', 'mid_block.attentions.0');
  if (middleDepth > 0) resnet('middle_block.2', 'mid_block.resnets.1');

  const up: Level[] = [];
  level = undefined;
  for (let i = 0; unet.has(`output_blocks.${i}.0.in_layers.0.weight`); i++) {
    const at = `output_blocks.${i}`;
    if (!level) up.push((level = { channels: unet.extent(`${at}.0.out_layers.3.weight`, 0), depths: [] }));
    const [block, layer] = [`up_blocks.${up.length - 1}`, level.depths.length];
    resnet(`${at}.0`, `${block}.resnets.${layer}`);
    level.depths.push(transformer(`${at}.1`, `${block}.attentions.${layer}`));
    const upsampler = [`${at}.1.conv`, `${at}.2.conv`].find((name) => unet.has(`${name}.weight`));
    if (upsampler) {
      modules.set(upsampler, `${block}.upsamplers.0.conv`);
      level = undefined;
    }
  }
  return { down, middleDepth: middleDepth > 0 ? middleDepth : undefined, up, modules };
}

/** unet/config.json as diffusers would write it. */
export function unetConfig(unet: Part, { down, middleDepth, up }: Layout, isXl: boolean): Record<string, unknown> {
  const name = unet.file.source.name;
  const attends = ({ depths }: Level): boolean => depths.some((depth) => depth > 0);
  const last = down.at(-1);
  if (!last || up.length !== down.length)
    throw new InputError(`${name}: its UNet is of a design not known here; convert it into a diffusers folder`);
  // diffusers has one number for the middle block and the last level.
  const depths = down.map(({ depths: all }) => (all.length > 0 && new Set(all).size === 1 ? all[0]! : all));
  if (middleDepth !== undefined) {
    if (attends(last) && depths.at(-1) !== middleDepth)
      throw new InputError(
        `${name}: its middle block is of a design not known here; convert it into a diffusers folder`,
      );
    depths[depths.length - 1] = middleDepth;
  }
  const attention = [...unet.tensors.keys()].find((key) => key.endsWith('.attn2.to_k.weight'));
  const projection = [...unet.tensors].find(([key]) => key.endsWith('.proj_in.weight'));
  if (attention === undefined || !projection)
    throw new InputError(`${name}: its UNet has no attention to text; choose a text-to-image model`);
  const linear = projection[1].shape.length === 2;
  const channels = down.map((level) => level.channels);
  return {
    _class_name: 'UNet2DConditionModel',
    sample_size: isXl ? 128 : 64,
    in_channels: unet.extent('input_blocks.0.0.weight', 1),
    out_channels: unet.extent('out.2.weight', 0),
    block_out_channels: channels,
    down_block_types: down.map((level) => (attends(level) ? 'CrossAttnDownBlock2D' : 'DownBlock2D')),
    up_block_types: up.map((level) => (attends(level) ? 'CrossAttnUpBlock2D' : 'UpBlock2D')),
    mid_block_type: middleDepth === undefined ? 'UNetMidBlock2D' : 'UNetMidBlock2DCrossAttn',
    layers_per_block: down.map((level) => level.depths.length),
    transformer_layers_per_block: depths,
    reverse_transformer_layers_per_block: up.map((level) => level.depths),
    attention_head_dim: linear ? channels.map((width) => Math.max(1, width / HEAD_WIDTH)) : HEADS,
    cross_attention_dim: unet.extent(attention, 1),
    use_linear_projection: linear,
    ...(unet.has('time_embed.cond_proj.weight') && {
      time_cond_proj_dim: unet.extent('time_embed.cond_proj.weight', 1),
    }),
    ...(unet.has('label_emb.0.0.weight') && {
      addition_embed_type: 'text_time',
      addition_time_embed_dim: 256,
      projection_class_embeddings_input_dim: unet.extent('label_emb.0.0.weight', 1),
    }),
  };
}
