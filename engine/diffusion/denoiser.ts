/** The UNet at work: guided evaluations and the linear moves between noise levels, each one program run on the device. */
import { stackedAdapters, multiplierTensor, type StackedMatrices } from '../lora/stack';
import { downShape, packedSize, unpackValues, upShape } from '../lora/packing';
import type { StackedAdapterData } from '../lora/applied';
import { findTargets, type TargetModule } from '../lora/target-modules';
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import { Scope, type Adapt } from '../nets/scope';
import { unet, type UNetInputs } from '../nets/unet';
import type { DeviceTensor } from '../runtime/device-tensor';
import type { ProgramCache } from '../runtime/program-cache';
import type { Runtime } from '../runtime/runtime';
import type { Shape } from '../tensor/shape';
import { f32, zeros, type HostTensor } from '../tensor/tensor';
import { conditioningFeeds, conditioningInputs, type Conditioning } from './conditioning';
import type { GuidanceRow } from './guidance';
import type { DiffusionModel } from './model';
import type { LinearStep } from './samplers/plan';

type Feed = DeviceTensor | HostTensor;

/** A move between noise levels: next = sample * x + output * (network output). */
export interface LinearMove {
  readonly sample: number;
  readonly output: number;
}

/** Adapters resident on the device for the length of a run. */
export interface LoadedAdapters {
  readonly targets: readonly TargetModule[];
  readonly ranks: readonly number[];
  readonly down: Feed;
  readonly up: Feed;
}

/** Where prompts become embeddings, of the same length all; null is no prompt at all. */
export interface PromptEncoder {
  embed(prompts: readonly (string | null)[]): Promise<Conditioning>;
}

export interface StepOptions {
  /** Standard normal noise, [1, C, h, w], for steps that add some. */
  readonly noise?: Feed;
  /** The guidance scale that a guidance-distilled net is told. */
  readonly guidance?: number;
}

export class Denoiser {
  /** Every linear layer an adapter can attach to. */
  readonly targets: readonly TargetModule[];
  readonly #model: Pick<DiffusionModel, 'unet'>;
  readonly #runtime: Runtime;
  readonly #programs: ProgramCache;
  readonly #text: PromptEncoder;
  /** Image pixels per latent pixel. */
  readonly #pixels: number;

  constructor(
    model: {
      readonly unet: DiffusionModel['unet'];
      readonly vae: { readonly config: { readonly downsampling: number } };
    },
    runtime: Runtime,
    programs: ProgramCache,
    text: PromptEncoder,
  ) {
    this.#model = model;
    this.#runtime = runtime;
    this.#programs = programs;
    this.#text = text;
    this.#pixels = model.vae.config.downsampling;
    this.targets = unetTargets(model);
  }

  /** Uploads adapters; the caller disposes them with unload. */
  async load(adapters: StackedAdapterData): Promise<LoadedAdapters> {
    const upload = (data: Float32Array): Promise<DeviceTensor> => this.#runtime.upload(f32(data, [data.length]));
    return {
      targets: adapters.targets,
      ranks: adapters.ranks,
      down: await upload(adapters.down),
      up: await upload(adapters.up),
    };
  }

  unload(adapters: LoadedAdapters): void {
    for (const tensor of [adapters.down, adapters.up]) if ('dispose' in tensor) tensor.dispose();
  }

  /**
   * One step of a sampler: the guided estimate of the clean latents, and the next sample.
   *
   * @param sample,previousDenoised [1, C, h, w]
   */
  async step(
    sample: Feed,
    previousDenoised: Feed,
    step: LinearStep,
    rows: readonly GuidanceRow[],
    adapters: LoadedAdapters,
    { noise, guidance }: StepOptions = {},
  ): Promise<{ next: DeviceTensor; denoised: DeviceTensor }> {
    const feeds = await this.#feeds(rows, adapters, step.timestep, sample.shape, guidance);
    const program = await this.#guided(
      noise ? 'noisy step' : 'step',
      sample.shape,
      feeds.context.shape,
      adapters,
      (b, evaluate) => {
        const coefficients = scalars(b, b.input('coefficients', [noise ? 7 : 6]));
        const [inputScale, fromSample, fromOutput, keep, pull, history] = coefficients as [
          Value,
          Value,
          Value,
          Value,
          Value,
          Value,
        ];
        const z = b.input('sample', sample.shape);
        const output = evaluate(b.mul(z, inputScale));
        const denoised = b.add(b.mul(z, fromSample), b.mul(output, fromOutput));
        const previous = b.mul(b.input('previousDenoised', sample.shape), history);
        b.output('denoised', denoised);
        const moved = b.add(b.add(b.mul(z, keep), b.mul(denoised, pull)), previous);
        b.output('next', noise ? b.add(moved, b.mul(b.input('noise', sample.shape), coefficients[6]!)) : moved);
      },
    );
    const { denoised, next } = step;
    const coefficients = [
      step.inputScale,
      denoised.sample,
      denoised.output,
      next.sample,
      next.denoised,
      next.previousDenoised,
      ...(noise ? [next.noise ?? 0] : []),
    ];
    const results = await program.run({
      ...feeds,
      sample,
      previousDenoised,
      ...(noise && { noise }),
      coefficients: f32(coefficients, [coefficients.length]),
    });
    return { next: results['next']!, denoised: results['denoised']! };
  }

  /**
   * One base evaluation during inversion: the output at `point` and the move of `from` to the next level with it, the
   * noise prediction held fixed: next = move.from * from + move.point * point + move.output * output.
   */
  async invert(
    from: Feed,
    point: Feed,
    timestep: number,
    move: { readonly from: number; readonly point: number; readonly output: number },
    prompt: string,
  ): Promise<{ output: DeviceTensor; next: DeviceTensor }> {
    const rows: GuidanceRow[] = [{ prompt, multipliers: [], weight: 1 }];
    const feeds = await this.#feeds(rows, NO_ADAPTERS, timestep, from.shape);
    const program = await this.#guided('invert', from.shape, feeds.context.shape, NO_ADAPTERS, (b, evaluate) => {
      const [ofFrom, ofPoint, ofOutput] = scalars(b, b.input('coefficients', [3])) as [Value, Value, Value];
      const at = b.input('point', from.shape);
      const output = evaluate(at);
      b.output('output', output);
      const moved = b.add(b.mul(b.input('from', from.shape), ofFrom), b.mul(at, ofPoint));
      b.output('next', b.add(moved, b.mul(output, ofOutput)));
    });
    const coefficients = f32([move.from, move.point, move.output], [3]);
    const results = await program.run({ ...feeds, from, point, coefficients });
    return { output: results['output']!, next: results['next']! };
  }

  /**
   * One step back along a stored path, in deviation form (direct inversion, arXiv 2310.01506): where the path leads
   * from latents z with base output o to z', the styled sample z + d leads to z' + d', with
   *   d' = move.sample * d + move.output * (guided(z + d) - o).
   * So drift of the base path never enters, and no style means d stays 0.
   *
   * @param path,pathOutput,deviation [1, C, h, w]
   */
  async deviate(
    path: Feed,
    pathOutput: Feed,
    deviation: Feed,
    timestep: number,
    move: LinearMove,
    rows: readonly GuidanceRow[],
    adapters: LoadedAdapters,
  ): Promise<DeviceTensor> {
    const feeds = await this.#feeds(rows, adapters, timestep, path.shape);
    const program = await this.#guided('deviate', path.shape, feeds.context.shape, adapters, (b, evaluate) => {
      const [ofSample, ofOutput] = scalars(b, b.input('coefficients', [2])) as [Value, Value];
      const d = b.input('deviation', path.shape);
      const output = evaluate(b.add(b.input('path', path.shape), d));
      const moved = b.mul(b.sub(output, b.input('pathOutput', path.shape)), ofOutput);
      b.output('deviation', b.add(b.mul(d, ofSample), moved));
    });
    const coefficients = f32([move.sample, move.output], [2]);
    return (await program.run({ ...feeds, path, pathOutput, deviation, coefficients }))['deviation']!;
  }

  /** A program around one guided evaluation of the UNet: sample [1, C, h, w] -> weighted output [1, C, h, w]. */
  #guided(
    kind: string,
    shape: Shape,
    context: Shape,
    { targets, ranks }: LoadedAdapters,
    build: (b: GraphBuilder, evaluate: (sample: Value) => Value) => void,
  ): ReturnType<ProgramCache['get']> {
    const total = ranks.reduce((n, rank) => n + rank, 0);
    const [rows, tokens] = context as [number, number];
    return this.#programs.get(`${kind} ${shape.join('x')} rows ${rows} rank ${total} ${targetKey(targets)}`, (b) => {
      const timestep = b.expand(b.input('timestep', [1]), [rows]);
      const weights = b.input('weights', [rows, 1, 1, 1]);
      const adapt = total === 0 ? undefined : stackInputs(b, targets, rows, total);
      build(b, (sample) => {
        const batch = b.expand(sample, [rows, ...shape.slice(1)]);
        const conditioning = conditioningInputs(b, this.#model.unet.config, { rows, tokens });
        const output = unetOutput(b, this.#model, { sample: batch, timestep, ...conditioning }, adapt);
        return b.reduceSum(b.mul(output, weights), [0], true);
      });
    });
  }

  async #feeds(
    rows: readonly GuidanceRow[],
    adapters: LoadedAdapters,
    timestep: number,
    latents: Shape,
    guidance?: number,
  ): Promise<Record<string, Feed> & { context: HostTensor }> {
    const stacked = adapters.ranks.length > 0;
    const conditioning = await this.#text.embed(rows.map(({ prompt }) => prompt));
    return {
      ...conditioningFeeds(this.#model.unet.config, conditioning, latents, this.#pixels, guidance),
      timestep: f32([timestep], [1]),
      weights: f32(
        rows.map(({ weight }) => weight),
        [rows.length, 1, 1, 1],
      ),
      ...(stacked && {
        multiplier: multiplierTensor(
          adapters.ranks,
          rows.map(({ multipliers }) => multipliers),
        ),
        down: adapters.down,
        up: adapters.up,
      }),
    };
  }
}

/** Declares the inputs of stacked adapters of `rank` ranks in all: down, up and multiplier. */
export function stackInputs(b: GraphBuilder, targets: readonly TargetModule[], rows: number, rank: number): Adapt {
  const down = unpackValues(b, targets, downShape(rank), b.input('down', [packedSize(targets, downShape(rank))]));
  const up = unpackValues(b, targets, upShape(rank), b.input('up', [packedSize(targets, upShape(rank))]));
  return stackedAdapters(b, joinMatrices(targets, down, up), { multiplier: b.input('multiplier', [rows, 1, rank]) });
}

/** Tells apart the few sets of target modules a net's adapters use. */
function targetKey(targets: readonly TargetModule[]): string {
  return targets.length === 0 ? '' : `targets ${targets.map(({ name }) => name).join(' ')}`;
}

/** For evaluations of the base model alone. */
export const NO_ADAPTERS: LoadedAdapters = { targets: [], ranks: [], down: zeros([0]), up: zeros([0]) };

/** The UNet of a model in a graph. */
export function unetOutput(
  b: GraphBuilder,
  { unet: { config, weights } }: Pick<DiffusionModel, 'unet'>,
  inputs: UNetInputs,
  adapt?: Adapt,
): Value {
  return unet(new Scope(b, weights, adapt), config, inputs);
}

/** The linear layers of a model's transformers. */
export function unetTargets(model: Pick<DiffusionModel, 'unet'>): TargetModule[] {
  const { config } = model.unet;
  const side = 2 ** config.channels.length;
  return findTargets((b, adapt) => {
    unetOutput(
      b,
      model,
      {
        sample: b.input('sample', [1, config.inChannels, side, side]),
        timestep: b.input('timestep', [1]),
        ...conditioningInputs(b, config, { rows: 1, tokens: 1 }),
      },
      adapt,
    );
  });
}

/** Pairs the two matrices of every target module. */
export function joinMatrices(
  targets: readonly TargetModule[],
  down: ReadonlyMap<string, Value>,
  up: ReadonlyMap<string, Value>,
): Map<string, StackedMatrices> {
  return new Map(targets.map(({ name }) => [name, { down: down.get(name)!, up: up.get(name)! }]));
}

/** The numbers of a vector as scalars. */
export function scalars(b: GraphBuilder, vector: Value): Value[] {
  return Array.from({ length: vector.shape[0]! }, (_, i) => b.reshape(b.slice(vector, 0, i, i + 1), []));
}
