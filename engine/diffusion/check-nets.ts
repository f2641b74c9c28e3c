/** Whether a model's weights are what its configurations say, before any work: every net's graph is built once, and dropped. */
import { GraphBuilder } from '../graph/builder';
import { clipText } from '../nets/clip-text';
import { Scope } from '../nets/scope';
import { decodeLatents, encodeImage } from './autoencoder';
import { unetTargets } from './denoiser';
import type { DescribedModel } from './model';

/** One check for each net: throws an InputError for a tensor that is missing, of another shape or of a dtype that is not read. */
export function netChecks(model: DescribedModel): (() => void)[] {
  const { vae, texts } = model;
  const side = vae.config.downsampling;
  return [
    () => void unetTargets(model),
    () => {
      const b = new GraphBuilder();
      encodeImage(b, model, b.input('image', [1, 3, side, side]));
      decodeLatents(b, model, b.input('latents', [1, vae.config.latentChannels, 1, 1]));
    },
    ...texts
      .filter((text) => text !== undefined)
      .map(({ config, weights, tokenizer }) => () => {
        const b = new GraphBuilder();
        const ids = b.input('ids', [1, tokenizer.maxLength], 'i64');
        clipText(new Scope(b, weights), config, ids, b.input('pooled', [1], 'i64'));
      }),
  ];
}
