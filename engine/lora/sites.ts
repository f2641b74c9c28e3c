/** Where adapters attach: the attention projections of a UNet, found by building it once and listening. */
import { GraphBuilder } from '../graph/builder';
import type { Adapt } from '../nets/scope';

export interface Site {
  /** Module path in the UNet, e.g. `mid_block.attentions.0.transformer_blocks.0.attn1.to_q`. */
  readonly name: string;
  readonly inFeatures: number;
  readonly outFeatures: number;
}

const PROJECTION = /\.attn[12]\.to_(q|k|v|out\.0)$/;

/** Every attention projection of the net that `build` builds, in the order of its forward pass. */
export function findSites(build: (b: GraphBuilder, adapt: Adapt) => void): Site[] {
  const sites: Site[] = [];
  build(new GraphBuilder(), (name, x, y) => {
    if (PROJECTION.test(name)) sites.push({ name, inFeatures: x.shape.at(-1)!, outFeatures: y.shape.at(-1)! });
    return y;
  });
  return sites;
}
