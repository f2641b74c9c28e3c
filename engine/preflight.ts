/** How much memory a job on a large model takes, known before anything of the model is loaded. */
import { isXl, workingSize, type DescribedModel } from './diffusion/model';
import { netChecks } from './diffusion/check-nets';
import { encodeImage, decodeLatents } from './diffusion/autoencoder';
import { describeInEightBit } from './diffusion/eight-bit';
import { conditioningInputs } from './diffusion/conditioning';
import { stackInputs, unetOutput, unetTargets } from './diffusion/denoiser';
import { LEARN_DEFAULTS, PAPER_DEFAULTS } from './defaults';
import { ADAMW_DEFAULTS } from './autodiff/adamw';
import { InputError } from './errors';
import { peakBytes, peakBytesOfParts } from './graph/account';
import { GraphBuilder } from './graph/builder';
import type { Graph } from './graph/graph';
import { partition, type PartitionOptions } from './graph/partition';
import { buildTrainingStep } from './learn/training-step';
import { learningSize } from './pipeline';
import { packedSize, upShape } from './lora/packing';
import { attentionTargets } from './lora/target-modules';
import { isLarge, TRAINING_PARTS } from './runtime/program-cache';
import type { Runtime } from './runtime/runtime';
import { heldBytes } from './runtime/weight-files';
import { BYTES_PER_ELEMENT } from './tensor/dtype';
import type { WeightSet } from './weights/folder';
import type { TensorEntry } from './weights/safetensors';

/** What the process takes besides weights and the work of a program: the runtime itself, pictures, code. */
const BASE_BYTES = 400 * 2 ** 20;

/** Sizes that are tried when the one asked for does not fit, px. */
const SMALLER = [1024, 768, 640, 512, 448, 384, 320, 256, 192, 128];

/** A job as far as its memory goes. */
export type Job =
  /** `keep`: what is kept for the way back (graph/partition.ts); products when left out. */
  | { readonly kind: 'learn'; readonly size: number; readonly rank: number; readonly keep?: PartitionOptions['keep'] }
  /** `rows`: evaluations of the UNet in one step; `rank`: of all styles together. */
  | { readonly kind: 'restyle' | 'imagine'; readonly size: number; readonly rank: number; readonly rows: number };

/**
 * Where programs have their weights from: 'mapped', they share their files' pages; 'shared', they share buffers of the
 * GPU; 'copied', each holds its own, so that most weights of a training step are there twice, for the way there and for
 * the way back.
 */
export type Weights = 'mapped' | 'shared' | 'copied';

function weightsOf({ device, sharesWeights }: Runtime): Weights {
  if (device.kind === 'cpu') return 'mapped';
  return sharesWeights ? 'shared' : 'copied';
}

/** Bytes that a job takes at most, by phase: weights of the net at work and what it computes. */
export function memoryNeeded(model: DescribedModel, job: Job, weights: Weights = 'mapped'): number {
  const { vae, unet, texts } = model;
  const side = job.size / vae.config.downsampling;
  const latents = [1, unet.config.inChannels, side, side];
  const phases = [
    ...texts.map((text) => bytesOf(text!.weights, weights)),
    bytesOf(vae.weights, weights) +
      peakBytes(graphOf((b) => b.output('y', encodeImage(b, model, b.input('x', [1, 3, job.size, job.size]))))),
    bytesOf(vae.weights, weights) +
      peakBytes(graphOf((b) => b.output('y', decodeLatents(b, model, b.input('x', latents))))),
    unetWork(model, job, latents, weights),
  ];
  return BASE_BYTES + Math.max(...phases);
}

/** The rank a style is taken to have when its memory is estimated. */
export const USUAL_RANK = 64;

/** What a model takes when nobody asks for other sizes; bytes. */
export interface MemoryNeeds {
  readonly learn: number;
  /** With one style. */
  readonly restyle: number;
}

/**
 * What a model takes in a browser at its own sizes, on a GPU that has half floats (others hold f16 weights as f32), by the
 * same account that jobs are held to. Nothing of the weights is read.
 *
 * @throws InputError when the weights are not what the configurations say.
 */
export function usualNeeds(model: DescribedModel): MemoryNeeds {
  for (const check of netChecks(model)) check();
  const { rank } = isXl(model) ? PAPER_DEFAULTS : LEARN_DEFAULTS;
  const learning = { kind: 'learn', size: learningSize(model, undefined), rank, keep: 'nothing' } as const;
  const restyling = { kind: 'restyle', size: workingSize(model, undefined), rank: USUAL_RANK, rows: 2 } as const;
  return { learn: memoryNeeded(model, learning, 'shared'), restyle: memoryNeeded(model, restyling, 'shared') };
}

/** Weights of the UNet and what it computes. */
function unetWork(model: DescribedModel, job: Job, latents: readonly number[], weights: Weights): number {
  const once = bytesOf(model.unet.weights, weights);
  const targets = attentionTargets(unetTargets(model));
  const tokens = model.texts[0].tokenizer.maxLength;
  if (job.kind === 'learn') {
    const adapters = ['content', 'style'].map((name) => ({ name, rank: job.rank }));
    const batch = { rows: 2, adapters, latents, tokens, target: 'noise', optimizer: ADAMW_DEFAULTS } as const;
    const shape = { ...batch, sharedDown: true, gradients: 'instead' } as const;
    const graph = graphOf((b) => buildTrainingStep(b, model, targets, shape));
    // Two moments of every adapter are beside it.
    const moments = 2 * adapters.length * packedSize(targets, upShape(job.rank)) * BYTES_PER_ELEMENT.f32;
    const parts = partition(graph, TRAINING_PARTS[job.keep ?? 'products']);
    const held = weights !== 'copied' ? once : parts.reduce((sum, part) => sum + heldBytes(part.graph), 0);
    return held + moments + peakBytesOfParts(parts);
  }
  const work = peakBytes(
    graphOf((b) => {
      const { rows, rank } = job;
      const sample = b.expand(b.input('sample', latents), [rows, ...latents.slice(1)]);
      const conditioning = conditioningInputs(b, model.unet.config, { rows, tokens });
      const adapt = rank > 0 ? stackInputs(b, targets, rows, rank) : undefined;
      b.output('y', unetOutput(b, model, { sample, timestep: b.input('timestep', [rows]), ...conditioning }, adapt));
    }),
  );
  return once + work;
}

function graphOf(build: (b: GraphBuilder) => void): Graph {
  const b = new GraphBuilder();
  build(b);
  return b.finish();
}

/** Bytes of a net's weights. In buffers of the GPU, bf16 is f32: no kernel reads it. */
function bytesOf(net: WeightSet, weights: Weights): number {
  const entries = net.names().map((name) => net.get(name)!.entry);
  const times = ({ dtype }: TensorEntry): number => (weights === 'shared' && dtype === 'BF16' ? 2 : 1);
  return entries.reduce((sum, entry) => sum + times(entry) * entry.length, 0);
}

/**
 * What training steps had better keep for their way back: products where the memory is known to do, else nothing, with
 * which a step computes the way there twice.
 */
export function trainingKeep(
  model: DescribedModel,
  runtime: Runtime,
  job: { readonly size: number; readonly rank: number },
): PartitionOptions['keep'] {
  if (!isLarge(model.files)) return 'products';
  const available = runtime.availableMemory();
  if (available === undefined) return runtime.device.kind === 'webgpu' ? 'nothing' : 'products';
  const needed = memoryNeeded(model, { kind: 'learn', ...job, keep: 'products' }, weightsOf(runtime));
  return needed <= available ? 'products' : 'nothing';
}

/**
 * Refuses a job on a large model that does not fit into the memory there is, where that is known.
 *
 * @throws InputError that says what is needed, what there is, and what would fit: 8-bit weights, the largest smaller size.
 */
export function requireMemory(model: DescribedModel, runtime: Runtime, job: Job): void {
  const available = runtime.availableMemory();
  if (available === undefined || !isLarge(model.files)) return;
  const needed = memoryNeeded(model, job, weightsOf(runtime));
  if (needed <= available) return;
  const takes = `to ${job.kind} with ${model.name} at ${job.size} px takes about ${gigabytes(needed)} of memory`;
  if (runtime.device.kind === 'wasm') {
    throw new InputError(
      `${takes}, and WebAssembly has ${gigabytes(available)} at most; use the graphics card, or a smaller model`,
    );
  }
  const smaller = SMALLER.find(
    (size) => size < job.size && size % model.sizeMultiple === 0 && memoryNeeded(model, { ...job, size }) <= available,
  );
  const inEightBit = !model.eightBit && memoryNeeded(describeInEightBit(model), job) <= available;
  const remedies = [
    ...(inEightBit ? ['use --weights 8-bit'] : []),
    ...(smaller ? [`use --size ${smaller}`] : []),
    'close other programs',
    ...(inEightBit || smaller ? [] : ['use a smaller model']),
  ];
  throw new InputError(
    `${takes}, and ${gigabytes(available)} are free; ${remedies.slice(0, -1).join(', ')}, or ${remedies.at(-1)!}`,
  );
}

function gigabytes(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
