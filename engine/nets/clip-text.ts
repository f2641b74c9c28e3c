/** CLIPTextModel of transformers (Radford et al., arXiv 2103.00020), with or without its projection. */
import type { Value } from '../graph/graph';
import { f32 } from '../tensor/tensor';
import { attention } from './attention';
import type { ClipTextConfig } from './clip-text-config';
import type { Scope } from './scope';

export interface ClipTextOutputs {
  /** Embeddings of the tokens, then the output of every layer, [B, T, D] each. */
  readonly hiddenStates: readonly Value[];
  /** The last layer's output after the final norm, [B, T, D]: what a UNet attends to. */
  readonly lastHiddenState: Value;
  /** The final state of one token of each row, [B, D], or its projection where the model has one. */
  readonly pooled: Value;
}

/**
 * @param ids token ids, i64 [B, T]
 * @param pooledIndex which token of each row is pooled, counted over the flattened [B * T] rows: i64 [B]. CLIP pools
 *   the first end-of-text token; models whose eos_token_id is the historic 2 pool the largest id (poolIndices).
 */
export function clipText(scope: Scope, config: ClipTextConfig, ids: Value, pooledIndex: Value): ClipTextOutputs {
  const { b } = scope;
  const [batch, length] = ids.shape as [number, number];
  const { width } = config;
  // transformers 5 drops the prefix that every older checkpoint has.
  const root = scope.has('text_model.final_layer_norm.weight') ? scope.at('text_model') : scope;
  const embeddings = root.at('embeddings');
  const tokens = b.gather(embeddings.at('token_embedding').weight('weight', [config.vocabulary, width]), ids);
  const positions = embeddings.at('position_embedding').weight('weight', [config.positions, width]);
  let h = b.add(tokens, b.slice(positions, 0, 0, length));
  const hiddenStates = [h];
  const causal = b.constant(causalMask(length));
  for (let i = 0; i < config.layers; i++) {
    h = layer(root.at('encoder').at('layers').at(i), config, h, causal);
    hiddenStates.push(h);
  }
  const lastHiddenState = root.at('final_layer_norm').layerNorm(h, config.epsilon);
  const state = b.gather(b.reshape(lastHiddenState, [batch * length, width]), pooledIndex);
  const pooled =
    config.projection === null ? state : scope.at('text_projection').linear(state, config.projection, false);
  return { hiddenStates, lastHiddenState, pooled };
}

/** For every row of ids, which flattened position CLIP pools. */
export function poolIndices(config: ClipTextConfig, rows: readonly (readonly number[])[]): number[] {
  return rows.map((row, i) => {
    const target = config.eosTokenId === 2 ? Math.max(...row) : config.eosTokenId;
    return i * row.length + Math.max(0, row.indexOf(target));
  });
}

function layer(scope: Scope, config: ClipTextConfig, x: Value, causal: Value): Value {
  const { b } = scope;
  const first = scope.at('layer_norm1').layerNorm(x, config.epsilon);
  const at = scope.at('self_attn');
  const [q, k, v] = ['q_proj', 'k_proj', 'v_proj'].map((name) => at.at(name).linear(first, config.width)) as [
    Value,
    Value,
    Value,
  ];
  const h = b.add(x, at.at('out_proj').linear(attention(b, q, k, v, config.heads, causal), config.width));
  const second = scope.at('layer_norm2').layerNorm(h, config.epsilon);
  const hidden = scope.at('mlp').at('fc1').linear(second, config.intermediate);
  const activated = config.activation === 'quick_gelu' ? b.quickGelu(hidden) : b.gelu(hidden);
  return b.add(h, scope.at('mlp').at('fc2').linear(activated, config.width));
}

/** [1, 1, T, T]: 0 on and below the diagonal, a number that softmax turns into 0 above it. */
function causalMask(length: number): ReturnType<typeof f32> {
  const data = new Float32Array(length * length);
  for (let i = 0; i < length; i++) data.fill(-1e9, i * length + i + 1, (i + 1) * length);
  return f32(data, [1, 1, length, length]);
}
