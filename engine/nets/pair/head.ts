/**
 * The head of the pair-conditioned net: works at the picture's own resolution, on a part of it if it is large, and
 * turns the backbone's features and the picture's own colours into the after picture.
 */
import type { Value } from '../../graph/graph';
import type { Scope } from '../scope';
import type { PairNetConfig } from './config';

/** Pixels around a part of a picture on which the part's answer depends. */
export const MARGIN = 2;

/** A part of N pictures with its margin: [N, C, H + 4, W + 4]; beyond the picture's edges everything is 0. */
export interface HeadInputs {
  readonly source: Value;
  /** The target so far. */
  readonly soFar: Value;
  /** The picture as the closed form maps it, and how far that is trusted (closed-form.ts). */
  readonly mapped: Value;
  readonly trust: Value;
  /** The backbone's, resized to the picture. */
  readonly features: Value;
  /** 1 inside the picture, 0 beyond its edges, [1, 1, H + 4, W + 4]. */
  readonly inside: Value;
}

/** @returns the after pictures, premultiplied RGBA, not clipped: [N, 4, H, W]. */
export function headAnswer(scope: Scope, config: PairNetConfig, inputs: HeadInputs): Value {
  const { b } = scope;
  const none = { pads: [0, 0, 0, 0] } as const;
  const planes = b.concat([inputs.source, inputs.soFar, inputs.mapped, inputs.trust, inputs.features], 1);
  const first = b.silu(scope.at('head1').conv(planes, config.head, 3, none));
  // What lies beyond an edge counts as 0 for the second convolution too.
  const second = b.silu(scope.at('head2').conv(b.mul(first, cut(inputs.inside, 1)), config.head, 3, none));
  const out = scope.at('head3').conv(second, 21, 1);

  const [n, , height, width] = out.shape as [number, number, number, number];
  const source = cut(inputs.source, MARGIN);
  const change = b.sub(cut(inputs.mapped, MARGIN), source);
  const share = b.add(cut(inputs.trust, MARGIN), b.slice(out, 1, 4, 5));
  const matrix = b.reshape(b.slice(out, 1, 5, 21), [n, 4, 4, height * width]);
  const product = b.reduceSum(b.mul(matrix, b.reshape(source, [n, 1, 4, height * width])), [2]);
  const residual = b.add(b.slice(out, 1, 0, 4), b.reshape(product, [n, 4, height, width]));
  return b.add(b.add(source, b.mul(share, change)), residual);

  function cut(x: Value, by: number): Value {
    const inner = b.slice(x, 2, by, x.shape[2]! - by);
    return b.slice(inner, 3, by, x.shape[3]! - by);
  }
}
