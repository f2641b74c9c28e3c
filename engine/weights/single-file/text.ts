/**
 * The text encoders of a single-file checkpoint: transformers' own names, or those of OpenCLIP, brought to names and
 * configuration of transformers' CLIPTextModel.
 */
import type { WeightLocation } from '../folder';
import { rowsOf, type Part, type Renamed } from './renamed';

/** Width of a head in every published CLIP. */
const HEAD_WIDTH = 64;

export interface TextEncoder {
  readonly config: Record<string, unknown>;
  readonly weights: Renamed;
  /** Tokens it takes. */
  readonly positions: number;
}

/** One that is stored as transformers stores it. */
export function clipEncoder(part: Part): TextEncoder {
  const root = part.has('text_model.final_layer_norm.weight') ? 'text_model.' : '';
  const token = `${root}embeddings.token_embedding.weight`;
  const positions = part.extent(`${root}embeddings.position_embedding.weight`, 0);
  const layers = part.count((i) => `${root}encoder.layers.${i}.layer_norm1.weight`);
  const shape = {
    vocabulary: part.extent(token, 0),
    width: part.extent(token, 1),
    positions,
    layers,
    intermediate: part.extent(`${root}encoder.layers.0.mlp.fc1.weight`, 0),
  };
  const locations = [...part.tensors].map(([name, entry]): [string, WeightLocation] => [
    name,
    { file: part.file, entry },
  ]);
  return { config: textConfig(shape, 'quick_gelu'), weights: new Map(locations), positions };
}

/**
 * OpenCLIP's, whose projections of queries, keys and values are one matrix.
 *
 * @param use 'penultimate': without its last layer, as Stable Diffusion 2 is conditioned; 'projected': all of it.
 */
export function openClipEncoder(part: Part, use: 'penultimate' | 'projected'): TextEncoder {
  const block = (i: number): string => `transformer.resblocks.${i}`;
  const all = part.count((i) => `${block(i)}.ln_1.weight`);
  const layers = use === 'penultimate' ? all - 1 : all;
  const modules = new Map([['ln_final', 'text_model.final_layer_norm']]);
  for (let i = 0; i < layers; i++) {
    const to = `text_model.encoder.layers.${i}`;
    modules.set(`${block(i)}.ln_1`, `${to}.layer_norm1`);
    modules.set(`${block(i)}.ln_2`, `${to}.layer_norm2`);
    modules.set(`${block(i)}.mlp.c_fc`, `${to}.mlp.fc1`);
    modules.set(`${block(i)}.mlp.c_proj`, `${to}.mlp.fc2`);
    modules.set(`${block(i)}.attn.out_proj`, `${to}.self_attn.out_proj`);
  }
  const weights = part.renamed(modules);
  const place = (from: string, to: string, change = (at: WeightLocation): WeightLocation => at): void => {
    const entry = part.tensors.get(from);
    if (entry) weights.set(to, change({ file: part.file, entry }));
  };
  for (let i = 0; i < layers; i++) {
    for (const kind of ['weight', 'bias']) {
      ['q_proj', 'k_proj', 'v_proj'].forEach((name, third) =>
        place(`${block(i)}.attn.in_proj_${kind}`, `text_model.encoder.layers.${i}.self_attn.${name}.${kind}`, (at) =>
          rowsOf(at, third, 3),
        ),
      );
    }
  }
  place('token_embedding.weight', 'text_model.embeddings.token_embedding.weight');
  place('positional_embedding', 'text_model.embeddings.position_embedding.weight');
  const positions = part.extent('positional_embedding', 0);
  const shape = {
    vocabulary: part.extent('token_embedding.weight', 0),
    width: part.extent('token_embedding.weight', 1),
    positions,
    layers,
    intermediate: part.extent(`${block(0)}.mlp.c_fc.weight`, 0),
  };
  const config = textConfig(shape, 'gelu');
  if (use === 'penultimate') return { config, weights, positions };
  // Stored for a product from the left.
  place('text_projection', 'text_projection.weight', ({ file, entry }) => ({ file, entry, transposed: true }));
  const projected = {
    architectures: ['CLIPTextModelWithProjection'],
    projection_dim: part.extent('text_projection', 1),
  };
  return { config: { ...config, ...projected }, weights, positions };
}

interface TextShape {
  readonly vocabulary: number;
  readonly width: number;
  readonly positions: number;
  readonly layers: number;
  readonly intermediate: number;
}

function textConfig(shape: TextShape, activation: string): Record<string, unknown> {
  return {
    vocab_size: shape.vocabulary,
    hidden_size: shape.width,
    max_position_embeddings: shape.positions,
    num_hidden_layers: shape.layers,
    intermediate_size: shape.intermediate,
    num_attention_heads: Math.max(1, shape.width / HEAD_WIDTH),
    hidden_act: activation,
    // CLIP's vocabulary ends with the end-of-text token.
    eos_token_id: shape.vocabulary - 1,
  };
}
