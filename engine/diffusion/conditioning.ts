/** What a UNet is told besides sample and timestep: the prompt and, by SDXL's, the picture's size and crop. */
import type { GraphBuilder } from '../graph/builder';
import type { UNetInputs } from '../nets/unet';
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

/**
 * The same as graph inputs `context` and, for nets that take them, `pooled` [rows, P], `timeIds` [rows, 6] and
 * `guidance` [rows, G].
 */
export function conditioningInputs(
  b: GraphBuilder,
  config: UNetConfig,
  { rows, tokens }: ConditioningShape,
): Pick<UNetInputs, 'context' | 'added' | 'guidance'> {
  const { crossAttentionDim, guidanceWidth } = config;
  const context = b.input('context', [rows, tokens, crossAttentionDim]);
  const guidance = guidanceWidth === null ? undefined : b.input('guidance', [rows, guidanceWidth]);
  const plain = { context, ...(guidance && { guidance }) };
  if (!config.textTime) return plain;
  const textEmbeds = b.input('pooled', [rows, pooledWidth(config)]);
  return { ...plain, added: { textEmbeds, timeIds: b.input('timeIds', [rows, TIME_IDS]) } };
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
 * @param guidance the scale that a guidance-distilled net is told.
 */
export function conditioningFeeds(
  config: UNetConfig,
  { context, pooled }: Conditioning,
  latents: Shape,
  scale: number,
  guidance = DISTILLED_GUIDANCE,
): Record<string, HostTensor<'f32'>> & { context: HostTensor<'f32'> } {
  const rows = context.shape[0]!;
  const told =
    config.guidanceWidth === null ? {} : { guidance: guidanceFeatures(guidance, config.guidanceWidth, rows) };
  if (!config.textTime) return { context, ...told };
  if (!pooled) throw new Error('this UNet needs a pooled embedding of the prompt');
  const [height, width] = latents.slice(-2).map((extent) => extent * scale) as [number, number];
  const ids = Array.from({ length: rows }, () => [height, width, 0, 0, height, width]).flat();
  return { context, ...told, pooled, timeIds: f32(ids, [rows, TIME_IDS]) };
}

/** What a guidance-distilled net is told where nobody asks for another scale: the one they are published with. */
export const DISTILLED_GUIDANCE = 8.5;

/**
 * Sinusoids of a guidance scale (Salimans et al., arXiv 2210.03142; Luo et al., arXiv 2310.04378), in the form of
 * diffusers: of 1000 (scale - 1), rounded to float32 where it rounds. [rows, width], each row the same.
 */
function guidanceFeatures(scale: number, width: number, rows: number): HostTensor<'f32'> {
  const half = Math.floor(width / 2);
  const w = Math.fround(1000 * (scale - 1));
  const rate = Math.fround(Math.log(10000) / (half - 1));
  const angles = Array.from({ length: half }, (_, i) => Math.fround(w * Math.fround(Math.exp(-Math.fround(i * rate)))));
  const row = [...angles.map(Math.sin), ...angles.map(Math.cos), ...(width % 2 === 1 ? [0] : [])];
  return f32(Array.from({ length: rows }, () => row).flat(), [rows, width]);
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
