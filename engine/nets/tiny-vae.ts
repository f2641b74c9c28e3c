/** AutoencoderTiny of diffusers (the TAESD architecture). Images are in [-1, 1], latents unscaled. */
import type { Value } from '../graph/graph';
import type { Scope } from './scope';
import type { TinyVaeConfig } from './vae-config';

/** @param image [N, in, H, W]. @returns latents [N, latent, H / f, W / f], deterministic. */
export function encodeTiny(scope: Scope, config: TinyVaeConfig, image: Value): Value {
  const { b } = scope;
  const layers = numbered(scope.at('encoder').at('layers'));
  let h = b.mul(b.add(image, 1), 0.5);
  config.encoderBlocks.forEach((blocks, i) => {
    h = i === 0 ? layers.next().conv(h, config.encoderWidth, 3) : downsample(layers.next(), h);
    for (let j = 0; j < blocks; j++) h = block(layers.next(), config, h);
  });
  return layers.next().conv(h, config.latentChannels, 3);
}

/** @param latents [N, latent, h, w]. @returns the image [N, out, h f, w f]. */
export function decodeTiny(scope: Scope, config: TinyVaeConfig, latents: Value): Value {
  const { b } = scope;
  const layers = numbered(scope.at('decoder').at('layers'));
  let h = b.mul(b.tanh(b.div(latents, 3)), 3);
  h = activation(config, scope, layers.next().conv(h, config.decoderWidth, 3));
  layers.next();
  config.decoderBlocks.forEach((blocks, i) => {
    const last = i === config.decoderBlocks.length - 1;
    for (let j = 0; j < blocks; j++) h = block(layers.next(), config, h);
    if (!last) {
      layers.next();
      const [height, width] = h.shape.slice(2) as [number, number];
      h = b.resizeNearest(h, [height * config.upsampleFactor, width * config.upsampleFactor]);
    }
    h = layers.next().conv(h, last ? config.outChannels : config.decoderWidth, 3, { bias: last });
  });
  return b.sub(b.mul(h, 2), 1);
}

function block(scope: Scope, config: TinyVaeConfig, x: Value): Value {
  const width = x.shape[1]!;
  const at = scope.at('conv');
  let h = activation(config, scope, at.at(0).conv(x, width, 3));
  h = activation(config, scope, at.at(2).conv(h, width, 3));
  return scope.b.relu(scope.b.add(at.at(4).conv(h, width, 3), x));
}

function downsample(scope: Scope, x: Value): Value {
  return scope.conv(x, x.shape[1]!, 3, { stride: 2, bias: false });
}

function activation(config: TinyVaeConfig, { b }: Scope, x: Value): Value {
  return ACTIVATIONS[config.activation](b, x);
}

const ACTIVATIONS = {
  relu: (b: Scope['b'], x: Value) => b.relu(x),
  silu: (b: Scope['b'], x: Value) => b.silu(x),
  gelu: (b: Scope['b'], x: Value) => b.gelu(x),
};

/** The modules of a torch Sequential, in order. */
function numbered(scope: Scope): { next(): Scope } {
  let i = 0;
  return { next: () => scope.at(i++) };
}
