/**
 * A transposed convolution, as ONNX Runtime's ConvTranspose or, where that is slow, as a Conv with the flipped weight.
 * The CPU provider runs Conv by blocked kernels (NCHWc) and ConvTranspose by a matrix product and a scatter: Conv is
 * 1.3 to 1.5 times as fast at stride 1 (docs/experiments.md), and slower at stride 2 and for few output channels.
 */
import type { Node, Value } from '../graph/graph';
import type { OpOf } from '../graph/ops';
import { sizeOf } from '../tensor/shape';
import type { ModelWriter } from './writer';

/**
 * Where the turned weight is not kept, turning it at every run pays as long as it is not this many times as large as
 * the image (measured at the sizes of Stable Diffusion's blocks).
 */
const MOST_TURNED = 8;
/** Below this many output channels a group, Conv's blocked kernels lose. */
const LEAST_CHANNELS = 8;
/** "As far as it goes", for a Slice that runs backwards. */
const BEFORE_START = Number.MIN_SAFE_INTEGER;

type Op = OpOf<'ConvTranspose'>;

/**
 * @param flip whether Conv is the faster.
 * @param folds whether the flip of a frozen weight is computed once, when the model is loaded.
 */
export function emitConvTranspose(
  model: ModelWriter,
  op: Op,
  node: Node,
  [x, weight]: readonly [string, string],
  output: string,
  flip: boolean,
  folds: boolean,
): void {
  const pads = convolutionPads(op, node.inputs[1]!);
  const common = { dilations: op.dilations, group: op.group, kernel_shape: node.inputs[1]!.shape.slice(2) };
  const [image, frozen] = node.inputs as [Value, Value];
  const pays = folds || sizeOf(frozen.shape) <= MOST_TURNED * sizeOf(image.shape);
  if (flip && pads && pays && worthwhile(frozen)) {
    model.node('Conv', [x, flipped(model, op, weight, node.inputs[1]!)], [output], { ...common, pads });
    return;
  }
  const strided = { strides: op.strides, pads: op.pads, output_padding: op.outputPadding };
  model.node('ConvTranspose', [x, weight], [output], { ...common, ...strided });
}

/** Only a frozen weight, whose flip depends on nothing that is computed. */
function worthwhile(weight: Value): boolean {
  let { source } = weight;
  if (source.kind === 'node' && source.node.op.kind === 'Cast') source = source.node.inputs[0]!.source;
  return weight.shape[1]! >= LEAST_CHANNELS && (source.kind === 'weight' || source.kind === 'constant');
}

/** Pads of the Conv that computes the same; undefined if there is none. */
function convolutionPads(op: Op, weight: Value): number[] | undefined {
  if (op.strides.some((stride) => stride !== 1) || op.outputPadding.some((padding) => padding !== 0)) return undefined;
  const pads = op.pads.map((pad, i) => (weight.shape[2 + (i % 2)]! - 1) * op.dilations[i % 2]! - pad);
  return pads.every((pad) => pad >= 0) ? pads : undefined;
}

/** weight [C, O / group, kh, kw] turned by half a turn in space, and as Conv takes it: [O, C / group, kh, kw]. */
function flipped(model: ModelWriter, op: Op, weight: string, value: Value): string {
  const [c, o, kh, kw] = value.shape as [number, number, number, number];
  const last = model.integers([-1, -1]);
  const ends = model.integers([BEFORE_START, BEFORE_START]);
  const turned =
    kh * kw === 1
      ? weight
      : model.step('Slice', [weight, last, ends, model.integers([2, 3]), model.integers([-1, -1])]);
  if (op.group === 1) return model.step('Transpose', [turned], { perm: [1, 0, 2, 3] });
  const grouped = model.step('Reshape', [turned, model.integers([op.group, c / op.group, o, kh, kw])]);
  const swapped = model.step('Transpose', [grouped], { perm: [0, 2, 1, 3, 4] });
  return model.step('Reshape', [swapped, model.integers([op.group * o, c / op.group, kh, kw])]);
}
