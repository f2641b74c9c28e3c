/** The residual convolution block of diffusers' UNets and autoencoders (ResnetBlock2D). */
import type { Value } from '../graph/graph';
import type { Scope } from './scope';

export interface ResnetOptions {
  readonly groups: number;
  readonly epsilon: number;
  /** How the time embedding enters: added before the second norm, or as its scale and shift. */
  readonly timeScaleShift?: 'default' | 'scale_shift';
  /** Divides the block's output. */
  readonly outputScaleFactor?: number;
}

/**
 * @param x [N, in, H, W]
 * @param timeEmbedding [N, E], already through the activation; undefined in autoencoders.
 * @returns [N, out, H, W]
 */
export function resnet(scope: Scope, x: Value, out: number, options: ResnetOptions, timeEmbedding?: Value): Value {
  const { b } = scope;
  const { groups, epsilon, timeScaleShift = 'default', outputScaleFactor = 1 } = options;
  let h = b.silu(scope.at('norm1').groupNorm(x, groups, epsilon));
  h = scope.at('conv1').conv(h, out, 3);
  if (timeEmbedding && timeScaleShift === 'default') {
    h = b.add(h, perPixel(scope, timeEmbedding, out));
    h = scope.at('norm2').groupNorm(h, groups, epsilon);
  } else if (timeEmbedding) {
    const [scale, shift] = b.chunk(perPixel(scope, timeEmbedding, 2 * out), 2, 1) as [Value, Value];
    h = scope.at('norm2').groupNorm(h, groups, epsilon);
    h = b.add(b.mul(h, b.add(scale, 1)), shift);
  } else {
    h = scope.at('norm2').groupNorm(h, groups, epsilon);
  }
  h = scope.at('conv2').conv(b.silu(h), out, 3);
  const skip = x.shape[1] === out ? x : scope.at('conv_shortcut').conv(x, out, 1);
  const sum = b.add(skip, h);
  return outputScaleFactor === 1 ? sum : b.div(sum, outputScaleFactor);
}

/** The time embedding projected to [N, width, 1, 1]. */
function perPixel(scope: Scope, timeEmbedding: Value, width: number): Value {
  const projected = scope.at('time_emb_proj').linear(timeEmbedding, width);
  return scope.b.reshape(projected, [timeEmbedding.shape[0]!, width, 1, 1]);
}
