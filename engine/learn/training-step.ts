/**
 * One training step of the method as a graph: forward, both losses, gradients of the up-projections, AdamW
 * (Pair Customization, arXiv 2405.01536, equations 4 to 6). Which image trains which adapter is data: rows of a batch,
 * rank multipliers, and gradient masks.
 */
import { adamW, type AdamWSettings, type AdamWState } from '../autodiff/adamw';
import { gradients } from '../autodiff/gradients';
import { conditioningInputs } from '../diffusion/conditioning';
import { joinMatrices, scalars, unetOutput } from '../diffusion/denoiser';
import type { DiffusionModel } from '../diffusion/model';
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import { cutRows, downShape, packedSize, unpackValues, upShape } from '../lora/packing';
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
  /** Also return `<adapter>.gradient`, packed like the up-projections: for tests. */
  readonly returnGradients?: boolean;
}

/** Names of an adapter's three state tensors among a step's inputs and outputs. */
export const stateNames = (adapter: string): [string, string, string] => [
  `${adapter}.up`,
  `${adapter}.first`,
  `${adapter}.second`,
];

/**
 * Builds the step. R is the sum of the ranks.
 *
 * Inputs: latents and noise [rows, C, h, w]; those of conditioningInputs; timestep [1];
 * noising [2] and, with target 'noise', objective [2]: the weights of (latents, noise) in the noised sample and in the target; lossWeights
 * [rows]; multiplier and gradientMask [rows, 1, R]; down [packed R x in]; and for each adapter its up-projections and
 * two moments [packed out x rank] and `<adapter>.schedule` [3] (adamWSchedule).
 *
 * Outputs: losses [rows], mean squared errors; squares [adapters], the next up-projections' sums of squares, not finite
 * when the update was not; and the next state under the names of the old.
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

  const states = adapters.map(({ name, rank }) => readState(b, name, packedSize(targets, upShape(rank))));
  // Every target module's up-projections of all adapters, side by side in one tall matrix [sum of out, R].
  const joined = b.concat(
    adapters.map(({ rank }, k) => b.reshape(states[k]!.parameter, [packedSize(targets, upShape(1)), rank])),
    1,
  );
  const ups = cutRows(b, targets, upShape(total), joined);
  const down = unpackValues(b, targets, downShape(total), b.input('down', [packedSize(targets, downShape(total))]));
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
  const joinedGradient = b.concat(gradients(b, loss, values), 0);
  const squares: Value[] = [];
  let column = 0;
  adapters.forEach(({ name, rank }, k) => {
    const columns = b.slice(joinedGradient, 1, column, column + rank);
    column += rank;
    const gradient = b.reshape(columns, states[k]!.parameter.shape);
    const [stepSize, secondMomentScale, decay] = scalars(b, b.input(`${name}.schedule`, [3])) as [Value, Value, Value];
    const next = adamW(b, states[k]!, gradient, { stepSize, secondMomentScale, decay }, shape.optimizer);
    writeState(b, name, next);
    squares.push(b.reduceSum(b.square(next.parameter), [0], true));
    if (shape.returnGradients) b.output(`${name}.gradient`, gradient);
  });
  b.output('squares', b.concat(squares, 0));
}

function mix(b: GraphBuilder, latents: Value, noise: Value, weights: Value): Value {
  const [ofLatents, ofNoise] = scalars(b, weights) as [Value, Value];
  return b.add(b.mul(latents, ofLatents), b.mul(noise, ofNoise));
}

function readState(b: GraphBuilder, adapter: string, size: number): AdamWState {
  const [parameter, firstMoment, secondMoment] = stateNames(adapter).map((name) => b.input(name, [size])) as [
    Value,
    Value,
    Value,
  ];
  return { parameter, firstMoment, secondMoment };
}

function writeState(b: GraphBuilder, adapter: string, state: AdamWState): void {
  const [parameter, first, second] = stateNames(adapter);
  b.output(parameter, state.parameter);
  b.output(first, state.firstMoment);
  b.output(second, state.secondMoment);
}
