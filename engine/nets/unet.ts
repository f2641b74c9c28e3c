/** UNet2DConditionModel of diffusers, as SD 1.x, SD 2.x, their Turbo and distilled variants configure it. */
import { GraphError, type Value } from '../graph/graph';
import { f32 } from '../tensor/tensor';
import { resnet, type ResnetOptions } from './resnet';
import type { Scope } from './scope';
import { spatialTransformer } from './transformer';
import type { UNetBlock, UNetConfig } from './unet-config';

export interface UNetInputs {
  /** [B, in_channels, H, W] */
  readonly sample: Value;
  /** [B], in training steps; may be fractional. */
  readonly timestep: Value;
  /** [B, T, cross_attention_dim] */
  readonly context: Value;
  /** Only for a config with textTime: pooled text embeddings [B, P] and time ids [B, 6]. */
  readonly added?: { readonly textEmbeds: Value; readonly timeIds: Value };
  /** Only for a config with guidanceWidth: features of the guidance scale, [B, guidanceWidth]. */
  readonly guidance?: Value;
}

/** The network output, [B, out_channels, H, W]: epsilon or v, as the scheduler's prediction_type says. */
export function unet(scope: Scope, config: UNetConfig, inputs: UNetInputs): Value {
  const { b } = scope;
  const time = b.silu(embedding(scope, config, inputs));
  const sample = config.centerInputSample ? b.sub(b.mul(inputs.sample, 2), 1) : inputs.sample;
  const { context } = inputs;

  let h = scope.at('conv_in').conv(sample, config.channels[0]!, config.convInKernel);
  const skips: Value[] = [h];
  config.down.forEach((block, i) => {
    const at = scope.at('down_blocks').at(i);
    for (let j = 0; j < block.resnets; j++) {
      b.nextStage();
      h = resnet(at.at('resnets').at(j), h, block.channels, resnetOptions(config), time);
      h = transformer(at, j, h, context, config, block);
      skips.push(h);
    }
    if (i < config.down.length - 1) {
      h = downsample(at.at('downsamplers').at(0).at('conv'), h, config.downsamplePadding);
      skips.push(h);
    }
  });

  b.nextStage();
  h = middle(scope.at('mid_block'), h, time, context, config);

  config.up.forEach((block, i) => {
    const at = scope.at('up_blocks').at(i);
    for (let j = 0; j < block.resnets; j++) {
      b.nextStage();
      h = b.concat([h, skips.pop()!], 1);
      h = resnet(at.at('resnets').at(j), h, block.channels, resnetOptions(config), time);
      h = transformer(at, j, h, context, config, block);
    }
    if (i < config.up.length - 1) {
      // The next skip's extent, so that odd sizes come back as they went down.
      const [height, width] = skips.at(-1)!.shape.slice(2) as [number, number];
      h = at
        .at('upsamplers')
        .at(0)
        .at('conv')
        .conv(b.resizeNearest(h, [height, width]), block.channels, 3);
    }
  });

  b.nextStage();
  h = scope.at('conv_norm_out').groupNorm(h, config.normGroups, config.normEpsilon);
  return scope.at('conv_out').conv(b.silu(h), config.outChannels, config.convOutKernel);
}

/** The embedding of the timestep, and of SDXL's added conditions where the net has them: [B, timeWidth]. */
function embedding(scope: Scope, config: UNetConfig, { timestep, added, guidance }: UNetInputs): Value {
  const { b } = scope;
  const [batch] = timestep.shape as [number];
  const width = config.channels[0]!;
  let features = b.reshape(sinusoids(scope, config, timestep, width), [batch, width]);
  if (config.guidanceWidth !== null) {
    if (!guidance) throw new GraphError('this UNet needs the guidance scale');
    features = b.add(features, scope.at('time_embedding').at('cond_proj').linear(guidance, width, false));
  }
  const time = perceptron(scope.at('time_embedding'), config, features);
  if (!config.textTime) return time;
  if (!added) throw new GraphError('this UNet needs textEmbeds and timeIds');
  const sizes = sinusoids(scope, config, added.timeIds, config.textTime.timeWidth);
  const joined = b.concat([added.textEmbeds, b.reshape(sizes, [batch, sizes.shape[1]! * sizes.shape[2]!])], 1);
  return b.add(time, perceptron(scope.at('add_embedding'), config, joined));
}

/** Sinusoidal features (Vaswani et al., section 3.5) of numbers [B] or [B, n]: [B, n or 1, width]. */
function sinusoids(scope: Scope, config: UNetConfig, x: Value, width: number): Value {
  const { b } = scope;
  const half = Math.floor(width / 2);
  const rate = (i: number): number => Math.exp((-Math.log(10000) * i) / (half - config.freqShift));
  const frequencies = b.constant(
    f32(
      Array.from({ length: half }, (_, i) => rate(i)),
      [1, 1, half],
    ),
  );
  const angles = b.mul(b.reshape(x, [x.shape[0]!, x.shape[1] ?? 1, 1]), frequencies);
  return b.concat(config.flipSinToCos ? [b.cos(angles), b.sin(angles)] : [b.sin(angles), b.cos(angles)], 2);
}

function perceptron(scope: Scope, config: UNetConfig, x: Value): Value {
  const width = config.timeWidth;
  return scope.at('linear_2').linear(scope.b.silu(scope.at('linear_1').linear(x, width)), width);
}

function middle(scope: Scope, x: Value, time: Value, context: Value, config: UNetConfig): Value {
  if (config.mid === null) return x;
  const options = { ...resnetOptions(config), outputScaleFactor: config.midScaleFactor };
  let h = resnet(scope.at('resnets').at(0), x, config.mid.channels, options, time);
  if (config.mid.heads === null) return h;
  h = transformer(scope, 0, h, context, config, config.mid);
  return resnet(scope.at('resnets').at(1), h, config.mid.channels, options, time);
}

function transformer(scope: Scope, j: number, x: Value, context: Value, config: UNetConfig, block: UNetBlock): Value {
  if (block.heads === null) return x;
  return spatialTransformer(scope.at('attentions').at(j), x, context, {
    heads: block.heads,
    layers: block.transformerLayers[j]!,
    groups: config.normGroups,
    linearProjection: config.linearProjection,
    onlyCrossAttention: block.onlyCrossAttention,
  });
}

function resnetOptions(config: UNetConfig): ResnetOptions {
  return { groups: config.normGroups, epsilon: config.normEpsilon, timeScaleShift: config.timeScaleShift };
}

/** Padding 0 means zeros on the right and bottom only, as in the original latent diffusion code. */
export function downsample(scope: Scope, x: Value, padding: number): Value {
  const pads = padding === 0 ? ([0, 0, 1, 1] as const) : ([padding, padding, padding, padding] as const);
  return scope.conv(x, x.shape[1]!, 3, { stride: 2, pads });
}
