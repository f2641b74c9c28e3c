/** The state of a learning run on the device, and one step of it. */
import { ADAMW_DEFAULTS, adamWSchedule } from '../autodiff/adamw';
import { readAndDispose } from '../diffusion/autoencoder';
import { conditioningFeeds, stackConditioning, stackRows, type Conditioning } from '../diffusion/conditioning';
import type { DiffusionModel } from '../diffusion/model';
import { noisedLatents, trainingTarget } from '../diffusion/schedule';
import { packedSize, upShape } from '../lora/packing';
import type { TargetModule } from '../lora/target-modules';
import { multiplierTensor } from '../lora/stack';
import type { DeviceTensor } from '../runtime/device-tensor';
import type { ProgramCache } from '../runtime/program-cache';
import type { Runtime } from '../runtime/runtime';
import { Random, streamSeed } from '../tensor/random';
import { sizeOf } from '../tensor/shape';
import { f32, type HostTensor } from '../tensor/tensor';
import { packedDown } from './adapters';
import type { AdapterName, BatchRow, LearnPhase } from './phases';
import type { Recipe } from './recipe';
import { buildTrainingStep, stateNames } from './training-step';
import { interpolantNoise, interpolantWeight } from './interpolant';

/** An adapter's packed up-projections and moments, with the number of updates they have had. */
export interface AdapterState {
  readonly updates: number;
  /** In the order of stateNames. */
  readonly tensors: readonly [HostTensor<'f32'>, HostTensor<'f32'>, HostTensor<'f32'>];
}

export type TrainerState = Readonly<Partial<Record<AdapterName, AdapterState>>>;

/** What a run trains on. */
export interface TrainingData {
  /** Scaled latents of both images, [1, C, h, w] each; the pair itself, then its augmentations. */
  readonly pairs: readonly Readonly<Record<'before' | 'after', HostTensor<'f32'>>>[];
  /** Embeddings of each prompt, one row each. */
  readonly contexts: Readonly<Record<'base' | 'style', Conditioning>>;
}

/** What was drawn for a step; a test may give its own. */
export interface StepDraw {
  readonly timestep: number;
  /** [1, C, h, w], the same for all rows. */
  readonly noise: HostTensor<'f32'>;
  /** How far on its way the sample of a row with `from` lies, in [0, 1]; 1 is the row's own image. */
  readonly share: number;
  /** Number of the pair that is shown. */
  readonly pair: number;
}

export interface StepResult {
  readonly rows: readonly BatchRow[];
  readonly losses: Float32Array;
  readonly sound: boolean;
}

interface Resident {
  updates: number;
  tensors: DeviceTensor[];
}

export class Trainer {
  readonly #model: DiffusionModel;
  readonly #runtime: Runtime;
  readonly #programs: ProgramCache;
  readonly #targets: readonly TargetModule[];
  readonly #recipe: Recipe;
  readonly #data: TrainingData;
  readonly #states = new Map<AdapterName, Resident>();
  readonly #downs = new Map<string, DeviceTensor>();

  constructor(
    model: DiffusionModel,
    runtime: Runtime,
    programs: ProgramCache,
    targets: readonly TargetModule[],
    recipe: Recipe,
    data: TrainingData,
  ) {
    this.#model = model;
    this.#runtime = runtime;
    this.#programs = programs;
    this.#targets = targets;
    this.#recipe = recipe;
    this.#data = data;
  }

  /** What a run's step needs of chance, from its seed and number alone, so that a resumed run draws the same. */
  draw(step: number, phase: LearnPhase): StepDraw {
    const random = new Random(streamSeed(this.#recipe.seed, step));
    const [low, high] = phase.timesteps.map((share) => Math.round(share * this.#model.schedule.trainTimesteps)) as [
      number,
      number,
    ];
    const { shape } = this.#data.pairs[0]!.before;
    const timestep = low + random.integer(high - low);
    const noise = f32(random.normals(sizeOf(shape)), shape);
    return { timestep, noise, share: random.uniform(), pair: random.integer(this.#data.pairs.length) };
  }

  /**
   * Runs one step and keeps its new state on the device.
   *
   * @param n number of the step within the phase.
   * @returns mean squared error of each row, unweighted. When one is not finite the state before the step is kept.
   */
  async step(
    phase: LearnPhase,
    n: number,
    draw: StepDraw,
    learningRate = this.#recipe.learningRate,
  ): Promise<StepResult> {
    const rows = phase.rows(n);
    const { timestep } = draw;
    const feeds: Record<string, DeviceTensor | HostTensor> = {
      latents: stackRows(rows.map(({ image }) => this.#data.pairs[draw.pair]![image])),
      ...this.#conditioning(rows),
      noise: stackRows(rows.map((row) => this.#noise(row, draw))),
      timestep: f32([timestep], [1]),
      noising: weightsOf(noisedLatents(this.#model.schedule, timestep)),
      ...(phase.target === 'noise' && { objective: weightsOf(trainingTarget(this.#model.schedule, timestep)) }),
      lossWeights: f32(
        rows.map((row) => this.#lossWeight(row, timestep)),
        [rows.length],
      ),
      multiplier: this.#ranks(rows, (row) => row.multipliers),
      gradientMask: this.#ranks(rows, (row) => row.trains.map(Number)),
      down: await this.#down(phase.adapters),
    };
    for (const name of phase.adapters) {
      const state = await this.#state(name);
      stateNames(name).forEach((key, i) => (feeds[key] = state.tensors[i]!));
      feeds[`${name}.schedule`] = f32(adamWSchedule(state.updates + 1, learningRate, ADAMW_DEFAULTS), [3]);
    }
    const program = await this.#program(phase, rows.length);
    const { losses, squares, ...next } = await program.run(feeds);
    const values = (await readAndDispose(losses!)).data;
    const sound = [...values, ...(await readAndDispose(squares!)).data].every(Number.isFinite);
    if (sound) {
      for (const name of phase.adapters)
        this.#replace(
          name,
          stateNames(name).map((key) => next[key]!),
        );
    } else {
      for (const tensor of Object.values(next)) tensor.dispose();
    }
    return { rows, losses: values, sound };
  }

  /** Copies the state to the host. */
  async read(): Promise<TrainerState> {
    const state: Partial<Record<AdapterName, AdapterState>> = {};
    for (const [name, { updates, tensors }] of this.#states) {
      const read = await Promise.all(tensors.map((tensor) => tensor.read()));
      state[name] = { updates, tensors: read as [HostTensor<'f32'>, HostTensor<'f32'>, HostTensor<'f32'>] };
    }
    return state;
  }

  /** Takes a state up again. */
  async restore(state: TrainerState): Promise<void> {
    for (const [name, { updates, tensors }] of Object.entries(state) as [AdapterName, AdapterState][]) {
      const uploaded: DeviceTensor[] = [];
      for (const tensor of tensors) uploaded.push(await this.#runtime.upload(tensor));
      this.#states.set(name, { updates, tensors: uploaded });
    }
  }

  dispose(): void {
    for (const { tensors } of this.#states.values()) for (const tensor of tensors) tensor.dispose();
    for (const tensor of this.#downs.values()) tensor.dispose();
    this.#states.clear();
    this.#downs.clear();
  }

  #conditioning(rows: readonly BatchRow[]): Record<string, HostTensor> {
    const { unet, vae } = this.#model;
    const all = stackConditioning(rows.map(({ prompt }) => this.#data.contexts[prompt]));
    return conditioningFeeds(unet.config, all, this.#data.pairs[0]!.before.shape, vae.config.downsampling);
  }

  #noise({ image, from }: BatchRow, { timestep, noise, share, pair }: StepDraw): HostTensor<'f32'> {
    if (!from) return noise;
    const { [from]: start, [image]: end } = this.#data.pairs[pair]!;
    return interpolantNoise(this.#model.schedule, timestep, noise, { from: start, to: end }, share);
  }

  #lossWeight({ loss, from }: BatchRow, timestep: number): number {
    if (loss === null) return 0;
    return from ? interpolantWeight(this.#model.schedule, timestep) : 1;
  }

  #program(phase: LearnPhase, rows: number): ReturnType<ProgramCache['get']> {
    const { shape } = this.#data.pairs[0]!.before;
    const { rank } = this.#recipe;
    const key = `train ${phase.adapters.join('+')} ${phase.target} rows ${rows} rank ${rank} ${shape.join('x')}`;
    return this.#programs.get(key, (b) =>
      buildTrainingStep(b, this.#model, this.#targets, {
        rows,
        adapters: phase.adapters.map((name) => ({ name, rank })),
        latents: shape,
        tokens: this.#data.contexts.base.context.shape[1]!,
        target: phase.target,
        optimizer: ADAMW_DEFAULTS,
      }),
    );
  }

  async #down(adapters: readonly AdapterName[]): Promise<DeviceTensor> {
    const key = adapters.join('+');
    let down = this.#downs.get(key);
    if (!down) {
      const packed = packedDown(this.#recipe, this.#targets, adapters);
      down = await this.#runtime.upload(f32(packed, [packed.length]));
      this.#downs.set(key, down);
    }
    return down;
  }

  /** B and both moments start at zero. */
  async #state(name: AdapterName): Promise<Resident> {
    let state = this.#states.get(name);
    if (!state) {
      const size = packedSize(this.#targets, upShape(this.#recipe.rank));
      const tensors: DeviceTensor[] = [];
      for (let i = 0; i < 3; i++) tensors.push(await this.#runtime.upload(f32(new Float32Array(size), [size])));
      state = { updates: 0, tensors };
      this.#states.set(name, state);
    }
    return state;
  }

  #replace(name: AdapterName, tensors: DeviceTensor[]): void {
    const state = this.#states.get(name)!;
    for (const tensor of state.tensors) tensor.dispose();
    state.tensors = tensors;
    state.updates++;
  }

  #ranks(rows: readonly BatchRow[], numbers: (row: BatchRow) => readonly number[]): HostTensor<'f32'> {
    const ranks = rows[0]!.multipliers.map(() => this.#recipe.rank);
    return multiplierTensor(ranks, rows.map(numbers));
  }
}

function weightsOf({ latents, noise }: { readonly latents: number; readonly noise: number }): HostTensor<'f32'> {
  return f32([latents, noise], [2]);
}
