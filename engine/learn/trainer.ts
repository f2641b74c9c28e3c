/** The state of a learning run on the device, and one step of it. */
import { ADAMW_DEFAULTS, adamWSchedule } from '../autodiff/adamw';
import { readAndDispose } from '../diffusion/autoencoder';
import { conditioningFeeds, stackConditioning, stackRows, type Conditioning } from '../diffusion/conditioning';
import type { DiffusionModel } from '../diffusion/model';
import { noisedLatents, trainingTarget } from '../diffusion/schedule';
import { onePerWidth, packedSize, upShape } from '../lora/packing';
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
import { buildTrainingStep, buildUpdate, gradientName, stateGroups, stateNames, UPDATE } from './training-step';
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

/** An adapter's state on the device: for each group of matrices its three tensors, in the order of stateNames. */
interface Resident {
  updates: number;
  groups: (readonly DeviceTensor[])[];
}

export class Trainer {
  readonly #model: DiffusionModel;
  readonly #runtime: Runtime;
  readonly #programs: ProgramCache;
  readonly #targets: readonly TargetModule[];
  readonly #recipe: Recipe;
  readonly #data: TrainingData;
  readonly #groupSize: number | undefined;
  readonly #groups: ReturnType<typeof stateGroups>;
  readonly #states = new Map<AdapterName, Resident>();
  readonly #downs = new Map<string, DeviceTensor>();

  /** @param groupSize as in TrainingStepShape. */
  constructor(
    model: DiffusionModel,
    runtime: Runtime,
    programs: ProgramCache,
    targets: readonly TargetModule[],
    recipe: Recipe,
    data: TrainingData,
    groupSize?: number,
  ) {
    this.#model = model;
    this.#runtime = runtime;
    this.#programs = programs;
    this.#targets = targets;
    this.#recipe = recipe;
    this.#data = data;
    this.#groupSize = groupSize;
    this.#groups = stateGroups(targets, recipe.rank, groupSize);
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
    const schedules = new Map<AdapterName, HostTensor>();
    for (const name of phase.adapters) {
      const { groups, updates } = await this.#state(name);
      schedules.set(name, f32(adamWSchedule(updates + 1, learningRate, ADAMW_DEFAULTS), [3]));
      const given = this.#separate ? 1 : 3;
      groups.forEach((tensors, k) =>
        stateNames(name, k)
          .slice(0, given)
          .forEach((key, i) => (feeds[key] = tensors[i]!)),
      );
      if (!this.#separate) feeds[`${name}.schedule`] = schedules.get(name)!;
    }
    const program = await this.#program(phase, rows.length);
    const { losses, squares, ...made } = await program.run(feeds);
    try {
      const values = (await readAndDispose(losses!)).data;
      const sound = [...values, ...(await readAndDispose(squares!)).data].every(Number.isFinite);
      if (sound) for (const name of phase.adapters) await this.#advance(name, made, schedules.get(name)!);
      return { rows, losses: values, sound };
    } finally {
      // What became part of a state is no longer among them.
      for (const tensor of Object.values(made)) tensor.dispose();
    }
  }

  /** Whether AdamW is a program of its own: with a large model, for memory's sake. */
  get #separate(): boolean {
    return this.#programs.lean;
  }

  /** Takes an adapter's next state out of what a step made: the state itself, or the gradients it follows from. */
  async #advance(name: AdapterName, made: Record<string, DeviceTensor>, schedule: HostTensor): Promise<void> {
    const state = this.#states.get(name)!;
    const take = (key: string): DeviceTensor => {
      const tensor = made[key]!;
      delete made[key];
      return tensor;
    };
    for (const [k, old] of [...state.groups].entries()) {
      state.groups[k] = this.#separate
        ? await this.#update(old, take(gradientName(name, k)), schedule)
        : stateNames(name, k).map(take);
      for (const tensor of old) tensor.dispose();
    }
    state.updates++;
  }

  /** One step of AdamW for a group; the gradient is disposed. */
  async #update(old: readonly DeviceTensor[], gradient: DeviceTensor, schedule: HostTensor): Promise<DeviceTensor[]> {
    try {
      const [size] = gradient.shape as [number];
      const program = await this.#programs.get(`update ${size}`, (b) => buildUpdate(b, size, ADAMW_DEFAULTS));
      const state = Object.fromEntries(UPDATE.state.map((key, i) => [key, old[i]!]));
      const next = await program.run({ ...state, [UPDATE.gradient]: gradient, [UPDATE.schedule]: schedule });
      return UPDATE.state.map((key) => next[key]!);
    } finally {
      gradient.dispose();
    }
  }

  /** Copies the state to the host. */
  async read(): Promise<TrainerState> {
    const state: Partial<Record<AdapterName, AdapterState>> = {};
    for (const [name, { updates, groups }] of this.#states) {
      const part = async (i: number): Promise<HostTensor<'f32'>> => {
        const read = await Promise.all(groups.map((tensors) => tensors[i]!.read()));
        return stackRows(read as HostTensor<'f32'>[]);
      };
      state[name] = { updates, tensors: [await part(0), await part(1), await part(2)] };
    }
    return state;
  }

  /** Takes a state up again. */
  async restore(state: TrainerState): Promise<void> {
    for (const [name, { updates, tensors }] of Object.entries(state) as [AdapterName, AdapterState][]) {
      this.#states.set(name, { updates, groups: await this.#upload((i) => tensors[i]!.data) });
    }
  }

  dispose(): void {
    for (const { groups } of this.#states.values()) for (const tensor of groups.flat()) tensor.dispose();
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
        sharedDown: true,
        ...(this.#separate && { gradients: 'instead' }),
        ...(this.#groupSize !== undefined && { groupSize: this.#groupSize }),
      }),
    );
  }

  async #down(adapters: readonly AdapterName[]): Promise<DeviceTensor> {
    const key = adapters.join('+');
    let down = this.#downs.get(key);
    if (!down) {
      const packed = packedDown(this.#recipe, onePerWidth(this.#targets), adapters);
      down = await this.#runtime.upload(f32(packed, [packed.length]));
      this.#downs.set(key, down);
    }
    return down;
  }

  /** B and both moments start at zero. */
  async #state(name: AdapterName): Promise<Resident> {
    let state = this.#states.get(name);
    if (!state) {
      const zero = new Float32Array(packedSize(this.#targets, upShape(this.#recipe.rank)));
      state = { updates: 0, groups: await this.#upload(() => zero) };
      this.#states.set(name, state);
    }
    return state;
  }

  /** An adapter's state group by group, from its three packed tensors. */
  async #upload(packed: (i: number) => Float32Array): Promise<DeviceTensor[][]> {
    const groups: DeviceTensor[][] = [];
    let start = 0;
    for (const group of this.#groups) {
      const size = packedSize(group, upShape(this.#recipe.rank));
      const tensors: DeviceTensor[] = [];
      for (let i = 0; i < 3; i++) {
        tensors.push(await this.#runtime.upload(f32(packed(i).slice(start, start + size), [size])));
      }
      groups.push(tensors);
      start += size;
    }
    return groups;
  }

  #ranks(rows: readonly BatchRow[], numbers: (row: BatchRow) => readonly number[]): HostTensor<'f32'> {
    const ranks = rows[0]!.multipliers.map(() => this.#recipe.rank);
    return multiplierTensor(ranks, rows.map(numbers));
  }
}

function weightsOf({ latents, noise }: { readonly latents: number; readonly noise: number }): HostTensor<'f32'> {
  return f32([latents, noise], [2]);
}
