/** AutoencoderKL of diffusers (Rombach et al., arXiv 2112.10752). Images are in [-1, 1], latents unscaled. */
import type { Value } from '../graph/graph';
import { attention } from './attention';
import { resnet } from './resnet';
import type { Scope } from './scope';
import { downsample } from './unet';
import type { VaeConfig } from './vae-config';

const EPSILON = 1e-6;

/** Mean and log variance of the posterior, each [N, latent, H / f, W / f]. */
export interface Posterior {
  readonly mean: Value;
  readonly logVariance: Value;
}

/** @param image [N, in, H, W] with H and W multiples of the downsampling factor. */
export function encodeKl(scope: Scope, config: VaeConfig, image: Value): Posterior {
  const { b } = scope;
  const at = scope.at('encoder');
  const options = { groups: config.normGroups, epsilon: EPSILON };
  let h = at.at('conv_in').conv(image, config.channels[0]!, 3);
  config.channels.forEach((channels, i) => {
    const block = at.at('down_blocks').at(i);
    for (let j = 0; j < config.layersPerBlock; j++) h = resnet(block.at('resnets').at(j), h, channels, options);
    if (i < config.channels.length - 1) h = downsample(block.at('downsamplers').at(0).at('conv'), h, 0);
  });
  h = middle(at.at('mid_block'), h, config);
  h = b.silu(at.at('conv_norm_out').groupNorm(h, config.normGroups, EPSILON));
  h = at.at('conv_out').conv(h, 2 * config.latentChannels, 3);
  if (config.quantConv) h = scope.at('quant_conv').conv(h, 2 * config.latentChannels, 1);
  const [mean, logVariance] = b.chunk(h, 2, 1) as [Value, Value];
  return { mean, logVariance: b.clip(logVariance, -30, 20) };
}

/** @param latents [N, latent, h, w]. @returns the image [N, out, h f, w f]. */
export function decodeKl(scope: Scope, config: VaeConfig, latents: Value): Value {
  const { b } = scope;
  const at = scope.at('decoder');
  const options = { groups: config.normGroups, epsilon: EPSILON };
  const channels = [...config.channels].reverse();
  let h = config.postQuantConv ? scope.at('post_quant_conv').conv(latents, config.latentChannels, 1) : latents;
  h = at.at('conv_in').conv(h, channels[0]!, 3);
  h = middle(at.at('mid_block'), h, config);
  channels.forEach((width, i) => {
    const block = at.at('up_blocks').at(i);
    for (let j = 0; j <= config.layersPerBlock; j++) h = resnet(block.at('resnets').at(j), h, width, options);
    if (i < channels.length - 1) {
      const [height, columns] = h.shape.slice(2) as [number, number];
      const enlarged = b.resizeNearest(h, [2 * height, 2 * columns]);
      h = block.at('upsamplers').at(0).at('conv').conv(enlarged, width, 3);
    }
  });
  h = b.silu(at.at('conv_norm_out').groupNorm(h, config.normGroups, EPSILON));
  return at.at('conv_out').conv(h, config.outChannels, 3);
}

function middle(scope: Scope, x: Value, config: VaeConfig): Value {
  const channels = x.shape[1]!;
  const options = { groups: config.normGroups, epsilon: EPSILON };
  let h = resnet(scope.at('resnets').at(0), x, channels, options);
  if (config.midAttention) h = attend(scope.at('attentions').at(0), h, config);
  return resnet(scope.at('resnets').at(1), h, channels, options);
}

/** One head of attention among all pixels. Checkpoints from before diffusers 0.15 use other names for the projections. */
function attend(scope: Scope, x: Value, config: VaeConfig): Value {
  const { b } = scope;
  const [n, c, height, width] = x.shape as [number, number, number, number];
  const old = scope.has('query.weight');
  const names = old ? ['query', 'key', 'value', 'proj_attn'] : ['to_q', 'to_k', 'to_v', 'to_out.0'];
  const normalized = scope.at('group_norm').groupNorm(x, config.normGroups, EPSILON);
  const tokens = b.transpose(b.reshape(normalized, [n, c, height * width]), [0, 2, 1]);
  const [q, k, v] = names.slice(0, 3).map((name) => scope.at(name).linear(tokens, c)) as [Value, Value, Value];
  const out = scope.at(names[3]!).linear(attention(b, q, k, v, 1), c);
  return b.add(b.reshape(b.transpose(out, [0, 2, 1]), x.shape), x);
}
