/**
 * One training step of the method as a graph: forward, both losses, gradients of the up-projections, AdamW
 * (Pair Customization, arXiv 2405.01536, equations 4 to 6). Which image trains which adapter is data: rows of a batch,
 * rank multipliers, and gradient masks. With a large model AdamW is a graph of its own, run for one group of matrices
 * after another, so that old and new states are not all there at once.
 */
import { adamW, type AdamWSettings, type AdamWStep } from '../autodiff/adamw';
import { gradients } from '../autodiff/gradients';
import { conditioningInputs } from '../diffusion/conditioning';
import { joinMatrices, scalars, unetOutput } from '../diffusion/denoiser';
import type { DiffusionModel } from '../diffusion/model';
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import { AFTER } from '../graph/stages';
import { cutRows, downShape, onePerWidth, packedRuns, packedSize, unpackValues, upShape } from '../lora/packing';
import type { TargetModule } from '../lora/target-modules';
import { stackedAdapters } from '../lora/stack';
import type { Shape } from '../tensor/shape';

export interface TrainingStepShape {
  /** Samples in the batch. */
  readonly rows: number;
  /** The adapters in stacking order. All are trained. */
  readonly adapters: readonly { readonly name: string; readonly rank: number }[];
  /** Shape of one image's latents, [1, C, h, w]. */
  readonly latents: Shape;
  readonly tokens: number;
  /**
   * 'noise': every row predicts its own noise or v. 'teacher': row 0 predicts what row 1, without adapters and without
   * gradient, makes of its sample.
   */
  readonly target: 'noise' | 'teacher';
  readonly optimizer: AdamWSettings;
  /** Down-projections that depend on the input width alone: `down` holds those of onePerWidth. */
  readonly sharedDown?: boolean;
  /** Return the gradients, `<adapter>.gradient` packed like the up-projections: beside the next states, or in their place. */
  readonly gradients?: 'besides' | 'instead';
  /** The most numbers of one packed state tensor; for tests, which have small nets. */
  readonly groupSize?: number;
}

/** Numbers of one packed state tensor: so many that cutting a matrix out of it is cheap (graph/partition.ts). */
const GROUP_SIZE = 2 ** 20;

/**
 * The target modules whose up-projections, and whose moments, are packed together. One group, with a small net; with a
 * large one several, as devices limit the size of a buffer.
 */
export function stateGroups(
  targets: readonly TargetModule[],
  rank: number,
  size = GROUP_SIZE,
): readonly (readonly TargetModule[])[] {
  return packedRuns(targets, upShape(rank), size);
}

/** Names of the three state tensors of an adapter's group among a step's inputs and outputs. */
export const stateNames = (adapter: string, group = 0): [string, string, string] => {
  const of = (part: string): string => groupName(adapter, part, group);
  return [of('up'), of('first'), of('second')];
};

/** The name of the gradient of an adapter's group. */
export const gradientName = (adapter: string, group = 0): string => groupName(adapter, 'gradient', group);

function groupName(adapter: string, part: string, group: number): string {
  return `${adapter}.${part}${group === 0 ? '' : `/${group}`}`;
}

/**
 * Builds the step. R is the sum of the ranks.
 *
 * Inputs: latents and noise [rows, C, h, w]; those of conditioningInputs; timestep [1];
 * noising [2] and, with target 'noise', objective [2]: the weights of (latents, noise) in the noised sample and in the target; lossWeights
 * [rows]; multiplier and gradientMask [rows, 1, R]; down [packed R x in]; and for each adapter and group its
 * up-projections [packed out x rank]; for the update also two moments of the same size, and `<adapter>.schedule` [3]
 * (adamWSchedule).
 *
 * Outputs: losses [rows], mean squared errors; squares [adapters], sums of squares of what each adapter gets, its next
 * up-projections or its gradient, not finite when that is not; and the next state under the names of the old.
 */
export function buildTrainingStep(
  b: GraphBuilder,
  model: Pick<DiffusionModel, 'unet'>,
  targets: readonly TargetModule[],
  shape: TrainingStepShape,
): void {
  const { rows, adapters } = shape;
  const total = adapters.reduce((n, { rank }) => n + rank, 0);
  const latents = b.input('latents', [rows, ...shape.latents.slice(1)]);
  const noise = b.input('noise', latents.shape);
  const sample = mix(b, latents, noise, b.input('noising', [2]));

  const updates = shape.gradients !== 'instead';
  const groups = stateGroups(targets, Math.max(...adapters.map(({ rank }) => rank)), shape.groupSize);
  const parameters = groups.map((group, k) =>
    adapters.map(({ name, rank }) => b.input(stateNames(name, k)[0], [packedSize(group, upShape(rank))])),
  );
  // The up-projections of all adapters at the modules of a group, side by side in one tall matrix [sum of out, R].
  const ups = new Map(
    groups.flatMap((group, k) => {
      const rows = packedSize(group, upShape(1));
      const joined = b.concat(
        adapters.map(({ rank }, i) => b.reshape(parameters[k]![i]!, [rows, rank])),
        1,
      );
      return [...cutRows(b, group, upShape(total), joined)];
    }),
  );
  const down = readDown(b, targets, total, shape.sharedDown ?? false);
  const masks = {
    multiplier: b.input('multiplier', [rows, 1, total]),
    gradient: b.input('gradientMask', [rows, 1, total]),
  };

  const conditioning = conditioningInputs(b, model.unet.config, { rows, tokens: shape.tokens });
  const timestep = b.expand(b.input('timestep', [1]), [rows]);
  const adapt = stackedAdapters(b, joinMatrices(targets, down, ups), masks);
  const output = unetOutput(b, model, { sample, timestep, ...conditioning }, adapt);

  const target =
    shape.target === 'noise'
      ? mix(b, latents, noise, b.input('objective', [2]))
      : b.expand(b.stopGradient(b.slice(output, 0, 1, 2)), output.shape);
  const losses = b.reduceMean(b.square(b.sub(output, target)), [1, 2, 3]);
  b.output('losses', losses);
  const loss = b.reduceSum(b.mul(losses, b.input('lossWeights', [rows])));

  const values = targets.map(({ name }) => ups.get(name)!);
  const taken = gradients(b, loss, values);
  const gradientOf = new Map(targets.map(({ name }, i) => [name, taken[i]!]));
  const steps = adapters.map(({ name }) => (updates ? readStep(b, name) : undefined));
  const squares = adapters.map((): Value[] => []);
  groups.forEach((group, k) => {
    const parts = group.map(({ name }) => gradientOf.get(name)!);
    // As soon as the last of them is there: a large net is cut into parts, and what one gives need not pass through others.
    if (!updates) b.enterStage(Math.max(...parts.map(stageOf)));
    const joined = b.concat(parts, 0);
    let column = 0;
    adapters.forEach(({ name, rank }, i) => {
      const parameter = parameters[k]![i]!;
      const gradient = b.reshape(b.slice(joined, 1, column, column + rank), parameter.shape);
      column += rank;
      if (shape.gradients) b.output(gradientName(name, k), gradient);
      const step = steps[i];
      const next = step && updated(b, name, k, parameter, gradient, step, shape.optimizer);
      squares[i]!.push(b.reduceSum(b.square(next ?? gradient), [0], true));
    });
  });
  b.enterStage(AFTER);
  const sums = squares.map((parts) => parts.reduce((sum, part) => b.add(sum, part)));
  b.output('squares', b.concat(sums, 0));
}

/** The names of buildUpdate's inputs and outputs. */
export const UPDATE = {
  state: stateNames('group'),
  gradient: gradientName('group'),
  schedule: 'group.schedule',
} as const;

/**
 * One step of AdamW for a group of an adapter's matrices, from a gradient that a training step gave 'instead'.
 *
 * Inputs: UPDATE.state and UPDATE.gradient, each [size], and UPDATE.schedule [3]. Outputs: UPDATE.state.
 */
export function buildUpdate(b: GraphBuilder, size: number, optimizer: AdamWSettings): void {
  const parameter = b.input(UPDATE.state[0], [size]);
  updated(b, 'group', 0, parameter, b.input(UPDATE.gradient, [size]), readStep(b, 'group'), optimizer);
}

/** One step of AdamW; the next state becomes outputs, and the next parameter is returned. */
function updated(
  b: GraphBuilder,
  adapter: string,
  group: number,
  parameter: Value,
  gradient: Value,
  step: AdamWStep,
  optimizer: AdamWSettings,
): Value {
  const names = stateNames(adapter, group);
  const [firstMoment, secondMoment] = names.slice(1).map((name) => b.input(name, parameter.shape)) as [Value, Value];
  const next = adamW(b, { parameter, firstMoment, secondMoment }, gradient, step, optimizer);
  [next.parameter, next.firstMoment, next.secondMoment].forEach((value, i) => b.output(names[i]!, value));
  return next.parameter;
}

function stageOf({ source }: Value): number {
  return source.kind === 'node' ? source.node.stage : 0;
}

function readStep(b: GraphBuilder, adapter: string): AdamWStep {
  const [stepSize, secondMomentScale, decay] = scalars(b, b.input(`${adapter}.schedule`, [3])) as [Value, Value, Value];
  return { stepSize, secondMomentScale, decay };
}

/** Every target module's down-projections, [R, in]. */
function readDown(
  b: GraphBuilder,
  targets: readonly TargetModule[],
  total: number,
  shared: boolean,
): ReadonlyMap<string, Value> {
  const given = shared ? onePerWidth(targets) : targets;
  const packed = b.input('down', [packedSize(given, downShape(total))]);
  const down = unpackValues(b, given, downShape(total), packed);
  if (!shared) return down;
  const ofWidth = new Map(given.map(({ name, inFeatures }) => [inFeatures, down.get(name)!]));
  return new Map(targets.map(({ name, inFeatures }) => [name, ofWidth.get(inFeatures)!]));
}

function mix(b: GraphBuilder, latents: Value, noise: Value, weights: Value): Value {
  const [ofLatents, ofNoise] = scalars(b, weights) as [Value, Value];
  return b.add(b.mul(latents, ofLatents), b.mul(noise, ofNoise));
}
