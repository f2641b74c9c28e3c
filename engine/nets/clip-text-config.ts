/** Reads text_encoder/config.json of transformers' CLIPTextModel and CLIPTextModelWithProjection. */
import { InputError } from '../errors';
import { ConfigReader } from '../weights/config';

export interface ClipTextConfig {
  readonly vocabulary: number;
  readonly positions: number;
  readonly width: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly heads: number;
  readonly activation: 'quick_gelu' | 'gelu';
  readonly epsilon: number;
  readonly eosTokenId: number;
  /** Width of the pooled projection; null for a model without one. */
  readonly projection: number | null;
}

const POSITIVE = { min: 1 };

/** Throws an InputError naming the file and the key for anything the engine does not run. */
export function readClipTextConfig(json: unknown, name: string): ClipTextConfig {
  const config = new ConfigReader(json, name);
  const width = config.integer('hidden_size', 512, POSITIVE);
  const heads = config.integer('num_attention_heads', 8, POSITIVE);
  if (width % heads !== 0)
    throw new InputError(
      `${name}: width ${width} does not divide into ${heads} attention heads; fetch the model again`,
    );
  const projects =
    config.has('architectures') && config.strings('architectures').includes('CLIPTextModelWithProjection');
  return {
    vocabulary: config.integer('vocab_size', 49408, POSITIVE),
    positions: config.integer('max_position_embeddings', 77, POSITIVE),
    width,
    intermediate: config.integer('intermediate_size', 2048, POSITIVE),
    layers: config.integer('num_hidden_layers', 12, POSITIVE),
    heads,
    activation: config.oneOf('hidden_act', ['quick_gelu', 'gelu'], 'quick_gelu'),
    epsilon: config.number('layer_norm_eps', 1e-5, { min: 0 }),
    eosTokenId: config.integer('eos_token_id', 49407),
    projection: projects ? config.integer('projection_dim', 512, POSITIVE) : null,
  };
}
