/** What the tests of adapter files have in common: a style's facts, names of target modules, small adapters. */
import type { AdaptedModule } from '../../engine/lora/adapter-file';
import type { StyleInfo } from '../../engine/restyle/style-file';
import { Random } from '../../engine/tensor/random';
import type { TensorToWrite } from '../../engine/weights/safetensors';

export const INFO: StyleInfo = {
  style: 'watercolor',
  prompt: 'a red apple',
  stylePrompt: 'a red apple in watercolor style',
  mode: 'pair',
  backgroundExtent: 0.05,
  filter: { colour: Array.from({ length: 18 }, (_, i) => i / 8 - 1) },
  scale: 1.5,
  modelFingerprint: 'f00d',
  eightBit: false,
  baseModel: 'models/tiny',
  baseModelVersion: 'sd_v1',
  seed: 7,
  steps: 500,
  learningRate: 0.0001,
};

export const BLOCK = 'down_blocks.0.attentions.1.transformer_blocks.0';
export const NAMES = [
  `${BLOCK}.attn1.to_q`,
  `${BLOCK}.attn1.to_out.0`,
  'mid_block.attentions.0.transformer_blocks.2.attn2.to_k',
  'up_blocks.3.attentions.2.transformer_blocks.0.attn2.to_v',
];

const random = new Random(1);
export function target(rank: number, inFeatures: number, outFeatures: number, alpha = rank): AdaptedModule {
  // Exact in f16 too, so that dtypes can be compared exactly.
  const values = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.integer(64) / 32 - 1);
  return { rank, alpha, a: values(rank * inFeatures), b: values(outFeatures * rank), inFeatures, outFeatures };
}

export const pair = (
  down: string,
  up: string,
  { rank, inFeatures, outFeatures, a, b }: AdaptedModule,
  kernel: number[] = [],
): TensorToWrite[] => [
  { name: down, dtype: 'F32', shape: [rank, inFeatures, ...kernel], data: a },
  { name: up, dtype: 'F32', shape: [outFeatures, rank, ...kernel], data: b },
];
