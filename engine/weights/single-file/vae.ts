/** The autoencoder of a single-file checkpoint: names and configuration of diffusers' AutoencoderKL. */
import { InputError } from '../../errors';
import type { Part, Renamed } from './renamed';

const SAME = ['norm1', 'conv1', 'norm2', 'conv2'];
const ATTENTION: readonly (readonly [string, string])[] = [
  ['norm', 'group_norm'],
  ['q', 'to_q'],
  ['k', 'to_k'],
  ['v', 'to_v'],
  ['proj_out', 'to_out.0'],
];

export function vaeWeights(vae: Part): Renamed {
  const modules = new Map<string, string>([
    ['quant_conv', 'quant_conv'],
    ['post_quant_conv', 'post_quant_conv'],
  ]);
  const resnet = (from: string, to: string): void => {
    for (const name of SAME) modules.set(`${from}.${name}`, `${to}.${name}`);
    modules.set(`${from}.nin_shortcut`, `${to}.conv_shortcut`);
  };
  const levels = vae.count((i) => `encoder.down.${i}.block.0.conv1.weight`);
  for (const net of ['encoder', 'decoder']) {
    for (const name of ['conv_in', 'conv_out']) modules.set(`${net}.${name}`, `${net}.${name}`);
    modules.set(`${net}.norm_out`, `${net}.conv_norm_out`);
    for (const i of [0, 1]) resnet(`${net}.mid.block_${i + 1}`, `${net}.mid_block.resnets.${i}`);
    for (const [from, to] of ATTENTION) modules.set(`${net}.mid.attn_1.${from}`, `${net}.mid_block.attentions.0.${to}`);
  }
  for (let i = 0; i < levels; i++) {
    // The original numbers the decoder's levels from fine to coarse, though it goes through them the other way.
    const sides = [
      ['encoder.down', 'downsample', `encoder.down_blocks.${i}`, 'downsamplers'],
      ['decoder.up', 'upsample', `decoder.up_blocks.${levels - 1 - i}`, 'upsamplers'],
    ] as const;
    for (const [from, sampler, to, samplers] of sides) {
      const count = vae.count((j) => `${from}.${i}.block.${j}.conv1.weight`);
      for (let j = 0; j < count; j++) resnet(`${from}.${i}.block.${j}`, `${to}.resnets.${j}`);
      modules.set(`${from}.${i}.${sampler}.conv`, `${to}.${samplers}.0.conv`);
    }
  }
  const renamed = vae.renamed(modules);
  // Its attention's projections are convolutions of one pixel, which are matrices.
  for (const [name, { file, entry }] of renamed) {
    const isPixel = entry.shape.length === 4 && name.includes('.attentions.0.to_');
    if (isPixel) renamed.set(name, { file, entry: { ...entry, shape: entry.shape.slice(0, 2) } });
  }
  return renamed;
}

/** vae/config.json as diffusers would write it. */
export function vaeConfig(vae: Part, isXl: boolean): Record<string, unknown> {
  if (vae.tensors.size === 0)
    throw new InputError(`${vae.file.source.name}: holds no VAE; choose a file with its VAE in it`);
  const levels = vae.count((i) => `encoder.down.${i}.block.0.conv1.weight`);
  const widths = Array.from({ length: levels }, (_, i) => vae.extent(`encoder.down.${i}.block.0.conv1.weight`, 0));
  return {
    _class_name: 'AutoencoderKL',
    block_out_channels: widths,
    layers_per_block: vae.count((j) => `encoder.down.0.block.${j}.conv1.weight`),
    latent_channels: vae.extent('decoder.conv_in.weight', 1),
    scaling_factor: isXl ? 0.13025 : 0.18215,
    use_quant_conv: vae.has('quant_conv.weight'),
    use_post_quant_conv: vae.has('post_quant_conv.weight'),
  };
}
