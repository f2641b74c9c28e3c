/** Golden cases of training: lora-gradients and train. */
import { adamWSchedule, type AdamWSettings } from '../../../engine/autodiff/adamw';
import { unetTargets } from '../../../engine/diffusion/denoiser';
import { noisedLatents, readSchedule, trainingTarget, type Schedule } from '../../../engine/diffusion/schedule';
import { GraphBuilder } from '../../../engine/graph/builder';
import { downShape, packMatrices, unpackMatrices, upShape } from '../../../engine/lora/packing';
import { attentionTargets, type TargetModule } from '../../../engine/lora/target-modules';
import { multiplierTensor } from '../../../engine/lora/stack';
import { readUNetConfig, type UNetConfig } from '../../../engine/nets/unet-config';
import { buildTrainingStep, stateNames } from '../../../engine/learn/training-step';
import { interpolantNoise, interpolantWeight } from '../../../engine/learn/interpolant';
import type { Program } from '../../../engine/runtime/program';
import type { Runtime } from '../../../engine/runtime/runtime';
import { f32, type HostTensor } from '../../../engine/tensor/tensor';
import { openWeights, type WeightSet } from '../../../engine/weights/folder';
import { filesOf, input, withRuntime, type GoldenCase } from '../case';

type Terms = 'content' | 'style' | 'joint';
type Floats = HostTensor<'f32'>;

interface Draw {
  readonly timestep: number;
  readonly noise: Floats;
  /** Undefined: the paper's style loss. */
  readonly share: number | undefined;
}

/** What each choice of loss terms puts in the batch, as the recipe's phases do. */
const BATCHES = {
  content: { adapters: ['content'], rows: [{ image: 'content', multipliers: [1], trains: [1] }] },
  style: { adapters: ['style'], rows: [{ image: 'style', multipliers: [1], trains: [1] }] },
  joint: {
    adapters: ['content', 'style'],
    rows: [
      { image: 'content', multipliers: [1, 0], trains: [1, 0] },
      { image: 'style', multipliers: [1, 1], trains: [0, 1] },
    ],
  },
} as const;

export async function runLoraGradients(golden: GoldenCase): Promise<Map<string, HostTensor>> {
  const bench = await openBench(golden);
  const terms = golden.parameters['terms'] as Terms;
  return withRuntime(async (runtime) => {
    const program = await bench.compile(runtime, terms, SETTINGS, true);
    const draw = {
      timestep: input(golden, 'timestep').data[0]!,
      noise: input(golden, 'noise'),
      share: golden.inputs.get('share')?.data[0],
    };
    const results = new Map<string, HostTensor>();
    const outputs = await program.run(
      bench.feeds(
        terms,
        draw,
        (name) => [bench.initial(name), bench.zeros(name), bench.zeros(name)],
        () => [0, 0, 1],
      ),
    );
    const losses = (await outputs['losses']!.read()) as Floats;
    BATCHES[terms].rows.forEach(({ image }, i) => results.set(`loss_${image}`, f32([losses.data[i]!], [1])));
    for (const name of BATCHES[terms].adapters) {
      const gradient = (await outputs[`${name}.gradient`]!.read()) as Floats;
      bench.unpack(name, gradient.data, (target, matrix) => results.set(`${name}.${target}.grad_B`, matrix));
    }
    return results;
  });
}

export async function runTrain(golden: GoldenCase): Promise<Map<string, HostTensor>> {
  const bench = await openBench(golden);
  const terms = golden.parameters['terms'] as Terms[];
  const [beta1, beta2] = golden.parameters['betas'] as [number, number];
  const settings: AdamWSettings = {
    beta1,
    beta2,
    epsilon: golden.parameters['epsilon'] as number,
    weightDecay: golden.parameters['weight_decay'] as number,
  };
  const learningRate = golden.parameters['learning_rate'] as number;
  const after = new Set(golden.parameters['after'] as number[]);
  const states = new Map<string, { updates: number; tensors: Floats[] }>();
  const stateOf = (name: string): { updates: number; tensors: Floats[] } => {
    const fresh = { updates: 0, tensors: [bench.initial(name), bench.zeros(name), bench.zeros(name)] };
    if (!states.has(name)) states.set(name, fresh);
    return states.get(name)!;
  };
  return withRuntime(async (runtime) => {
    const programs = new Map<Terms, Program>();
    const results = new Map<string, HostTensor>();
    for (const [step, term] of terms.entries()) {
      if (!programs.has(term)) programs.set(term, await bench.compile(runtime, term, settings, false));
      const draw = {
        timestep: input(golden, 'timesteps').data[step]!,
        noise: input(golden, `noise.${step}`),
        share: golden.inputs.get('shares')?.data[step],
      };
      const outputs = await programs.get(term)!.run(
        bench.feeds(
          term,
          draw,
          (name) => stateOf(name).tensors,
          (name) => adamWSchedule(stateOf(name).updates + 1, learningRate, settings),
        ),
      );
      const losses = (await outputs['losses']!.read()) as Floats;
      BATCHES[term].rows.forEach(({ image }, i) => results.set(`loss_${image}.${step}`, f32([losses.data[i]!], [1])));
      for (const name of BATCHES[term].adapters) {
        const state = stateOf(name);
        state.updates++;
        state.tensors = await Promise.all(stateNames(name).map(async (key) => (await outputs[key]!.read()) as Floats));
      }
      for (const tensor of Object.values(outputs)) tensor.dispose();
      if (!after.has(step)) continue;
      for (const [name, { tensors }] of states) {
        bench.unpack(name, tensors[0]!.data, (target, matrix) => results.set(`${name}.${target}.B.${step}`, matrix));
      }
    }
    return results;
  });
}

const SETTINGS: AdamWSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

/** A case's net, adapters and data, and the feeds of a step made of them. */
async function openBench(golden: GoldenCase): Promise<Bench> {
  const folder = String(golden.json['unet']);
  const config = readUNetConfig(await golden.folder.json(`${folder}/config.json`), folder);
  const weights = await openWeights(golden.folder, folder);
  const schedulePath = `${String(golden.json['scheduler'])}/scheduler_config.json`;
  const schedule = readSchedule(await golden.folder.json(schedulePath), schedulePath);
  return new Bench(golden, { config, weights }, schedule);
}

class Bench {
  readonly #targets: readonly TargetModule[];

  constructor(
    readonly golden: GoldenCase,
    readonly unet: { readonly config: UNetConfig; readonly weights: WeightSet },
    readonly schedule: Schedule,
  ) {
    this.#targets = attentionTargets(unetTargets({ unet }));
  }

  #matrix(adapter: string, target: string, which: 'A' | 'B'): Floats {
    return input(this.golden, `${adapter}.${target}.${which}`);
  }

  #rank(adapter: string): number {
    return this.#matrix(adapter, this.#targets[0]!.name, 'A').shape[0]!;
  }

  initial(adapter: string): Floats {
    const packed = packMatrices(
      this.#targets,
      upShape(this.#rank(adapter)),
      ({ name }) => this.#matrix(adapter, name, 'B').data,
    );
    return f32(packed, [packed.length]);
  }

  zeros(adapter: string): Floats {
    const { shape } = this.initial(adapter);
    return f32(new Float32Array(shape[0]!), shape);
  }

  unpack(adapter: string, packed: Float32Array, visit: (target: string, matrix: Floats) => void): void {
    const rank = this.#rank(adapter);
    const matrices = unpackMatrices(this.#targets, upShape(rank), packed);
    for (const { name, outFeatures } of this.#targets)
      visit(name, f32(matrices.get(name)!.slice(), [outFeatures, rank]));
  }

  compile(runtime: Runtime, terms: Terms, optimizer: AdamWSettings, returnGradients: boolean): Promise<Program> {
    const { rows, adapters } = BATCHES[terms];
    const b = new GraphBuilder();
    buildTrainingStep(b, this, this.#targets, {
      rows: rows.length,
      adapters: adapters.map((name) => ({ name, rank: this.#rank(name) })),
      latents: input(this.golden, 'latents_style').shape,
      tokens: input(this.golden, 'embeddings_style').shape[1]!,
      target: 'noise',
      optimizer,
      ...(returnGradients && { gradients: 'besides' }),
    });
    return runtime.compile(b.finish(), filesOf(this.unet.weights));
  }

  feeds(
    terms: Terms,
    { timestep, noise, share }: Draw,
    state: (adapter: string) => readonly Floats[],
    schedule: (adapter: string) => readonly number[],
  ): Record<string, HostTensor> {
    const { rows, adapters } = BATCHES[terms];
    const ranks = adapters.map((name) => this.#rank(name));
    const total = ranks.reduce((n, rank) => n + rank, 0);
    const down = packMatrices(this.#targets, downShape(total), ({ name }) =>
      Float32Array.from(adapters.flatMap((adapter) => [...this.#matrix(adapter, name, 'A').data])),
    );
    const noising = noisedLatents(this.schedule, timestep);
    const objective = trainingTarget(this.schedule, timestep);
    const way = { from: input(this.golden, 'latents_content'), to: input(this.golden, 'latents_style') };
    const translated = ({ image }: { image: string }): boolean => image === 'style' && share !== undefined;
    const feeds: Record<string, HostTensor> = {
      latents: batch(rows.map(({ image }) => input(this.golden, `latents_${image}`))),
      context: batch(rows.map(({ image }) => input(this.golden, `embeddings_${image}`))),
      noise: batch(
        rows.map((row) => (translated(row) ? interpolantNoise(this.schedule, timestep, noise, way, share!) : noise)),
      ),
      timestep: f32([timestep], [1]),
      noising: f32([noising.latents, noising.noise], [2]),
      objective: f32([objective.latents, objective.noise], [2]),
      lossWeights: f32(
        rows.map((row) => (translated(row) ? interpolantWeight(this.schedule, timestep) : 1)),
        [rows.length],
      ),
      multiplier: multiplierTensor(
        ranks,
        rows.map(({ multipliers }) => multipliers),
      ),
      gradientMask: multiplierTensor(
        ranks,
        rows.map(({ trains }) => trains),
      ),
      down: f32(down, [down.length]),
    };
    for (const name of adapters) {
      stateNames(name).forEach((key, i) => (feeds[key] = state(name)[i]!));
      feeds[`${name}.schedule`] = f32(schedule(name), [3]);
    }
    return feeds;
  }
}

/** [1, ...] tensors as one batch. */
function batch(tensors: readonly Floats[]): Floats {
  const data = Float32Array.from(tensors.flatMap((tensor) => [...tensor.data]));
  return f32(data, [tensors.length, ...tensors[0]!.shape.slice(1)]);
}
