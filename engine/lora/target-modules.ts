/** Where adapters attach: linear layers of a net's transformers, found by building it once and listening. */
import { GraphBuilder } from '../graph/builder';
import type { Adapt } from '../nets/scope';

export interface TargetModule {
  /** Module path in the net, e.g. `mid_block.attentions.0.transformer_blocks.0.attn1.to_q`. */
  readonly name: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

const ATTENTION = /\.attn[12]?\.to_(q|k|v|out\.0)$/;
const OTHER_LINEAR = /\.(ff\.net\.(0\.proj|2)|proj_(in|out))$/;

/** Whether a module, by its path in a net, is a linear layer of a transformer (or the 1 x 1 convolution in its place). */
export function isTarget(name: string): boolean {
  return ATTENTION.test(name) || OTHER_LINEAR.test(name);
}

/** Every linear layer of the net's transformers, in the order of its forward pass. */
export function findTargets(build: (b: GraphBuilder, adapt: Adapt) => void): TargetModule[] {
  const targets: TargetModule[] = [];
  build(new GraphBuilder(), (name, x, y) => {
    if (isTarget(name)) {
      targets.push({ name, inFeatures: x.shape.at(-1)!, outFeatures: y.shape.at(-1)! });
    }
    return y;
  });
  return targets;
}

/** The target modules Diptych trains: to_q, to_k, to_v and to_out.0 of every attention. */
export function attentionTargets(targets: readonly TargetModule[]): TargetModule[] {
  return targets.filter(({ name }) => ATTENTION.test(name));
}
