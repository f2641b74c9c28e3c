/** What a UNet is told besides sample and timestep: the prompt and, by SDXL's, the picture's size and crop. */
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import type { UNetConfig } from '../nets/unet-config';
import type { Shape } from '../tensor/shape';
import { f32, type HostTensor } from '../tensor/tensor';

/** Prompts as a UNet takes them. */
export interface Conditioning {
  /** [n, T, D] */
  readonly context: HostTensor<'f32'>;
  /** [n, P], of the prompt as a whole; null for nets that take none. */
  readonly pooled: HostTensor<'f32'> | null;
}

/** What a graph needs to be told of a net's conditions. */
export interface ConditioningShape {
  readonly rows: number;
  readonly tokens: number;
}

/** The same as graph inputs `context` and, for nets that take them, `pooled` [rows, P] and `timeIds` [rows, 6]. */
export function conditioningInputs(
  b: GraphBuilder,
  config: UNetConfig,
  { rows, tokens }: ConditioningShape,
): { readonly context: Value; readonly added?: { readonly textEmbeds: Value; readonly timeIds: Value } } {
  const context = b.input('context', [rows, tokens, config.crossAttentionDim]);
  if (!config.textTime) return { context };
  const textEmbeds = b.input('pooled', [rows, pooledWidth(config)]);
  return { context, added: { textEmbeds, timeIds: b.input('timeIds', [rows, TIME_IDS]) } };
}

/** Numbers that tell SDXL a picture's size and crop. */
const TIME_IDS = 6;

/** Width of the pooled embedding a net takes; 0 for one that takes none. */
export function pooledWidth({ textTime }: UNetConfig): number {
  return textTime ? textTime.inputWidth - TIME_IDS * textTime.timeWidth : 0;
}

/**
 * Feeds for conditioningInputs. The picture is said to be the canvas, whole (Podell et al., arXiv 2307.01952, section
 * 2.2): height and width, crop from the top and the left, height and width asked for.
 *
 * @param latents [.., C, h, w]
 * @param scale image pixels per latent pixel.
 */
export function conditioningFeeds(
  config: UNetConfig,
  { context, pooled }: Conditioning,
  latents: Shape,
  scale: number,
): Record<string, HostTensor<'f32'>> & { context: HostTensor<'f32'> } {
  if (!config.textTime) return { context };
  if (!pooled) throw new Error('this UNet needs a pooled embedding of the prompt');
  const [height, width] = latents.slice(-2).map((extent) => extent * scale) as [number, number];
  const rows = context.shape[0]!;
  const ids = Array.from({ length: rows }, () => [height, width, 0, 0, height, width]).flat();
  return { context, pooled, timeIds: f32(ids, [rows, TIME_IDS]) };
}

/** Several as one batch; all of one length. */
export function stackConditioning(all: readonly Conditioning[]): Conditioning {
  const pooled = all.flatMap((one) => (one.pooled ? [one.pooled] : []));
  return {
    context: stackRows(all.map(({ context }) => context)),
    pooled: pooled.length > 0 ? stackRows(pooled) : null,
  };
}

/** [n, ...] tensors end to end. */
export function stackRows(tensors: readonly HostTensor<'f32'>[]): HostTensor<'f32'> {
  const rows = tensors.reduce((n, { shape }) => n + shape[0]!, 0);
  const data = new Float32Array(tensors.reduce((n, tensor) => n + tensor.data.length, 0));
  let offset = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, offset);
    offset += tensor.data.length;
  }
  return f32(data, [rows, ...tensors[0]!.shape.slice(1)]);
}
