/** Gradient cases of the operations that work element by element. */
import type { Value } from '../../engine/graph/graph';
import type { GraphBuilder } from '../../engine/graph/builder';
import type { Shape } from '../../engine/tensor/shape';
import { frozen, gradientCase, wanted, type GradientCase, type Input } from './check-gradients';

/** Numbers given one by one, for staying clear of kinks. */
function given(...values: number[]): Input {
  return { shape: [values.length], values: Float32Array.from(values), wanted: true };
}

const AWAY_FROM_ZERO = given(-2, -0.7, -0.1, 0.1, 0.6, 3);
const GELU_INPUTS = given(-4, -1.5, -0.3, 0, 0.4, 1.2, 5);

const unary: GradientCase[] = [
  gradientCase('Neg', 'x', { x: wanted([2, 3]) }, (b, { x }) => b.neg(x)),
  gradientCase('Exp', 'x', { x: wanted([2, 3], -2, 2) }, (b, { x }) => b.exp(x)),
  gradientCase('Log', 'x', { x: wanted([2, 3], 0.3, 3) }, (b, { x }) => b.log(x)),
  gradientCase('Sqrt', 'x', { x: wanted([2, 3], 0.3, 3) }, (b, { x }) => b.sqrt(x)),
  gradientCase('Sin', 'x', { x: wanted([2, 3], -4, 4) }, (b, { x }) => b.sin(x)),
  gradientCase('Cos', 'x', { x: wanted([2, 3], -4, 4) }, (b, { x }) => b.cos(x)),
  gradientCase('Sigmoid', 'x', { x: wanted([2, 3], -5, 5) }, (b, { x }) => b.sigmoid(x)),
  gradientCase('Sigmoid', 'silu', { x: wanted([2, 3], -5, 5) }, (b, { x }) => b.silu(x)),
  gradientCase('Sigmoid', 'quick gelu', { x: wanted([2, 3], -5, 5) }, (b, { x }) => b.quickGelu(x)),
  gradientCase('Tanh', 'x', { x: wanted([2, 3], -3, 3) }, (b, { x }) => b.tanh(x)),
  gradientCase('Erf', 'x', { x: wanted([2, 3], -2.5, 2.5) }, (b, { x }) => b.erf(x)),
  gradientCase('Relu', 'both sides', { x: AWAY_FROM_ZERO }, (b, { x }) => b.relu(x)),
  gradientCase('Gelu', 'exact', { x: GELU_INPUTS }, (b, { x }) => b.gelu(x)),
  gradientCase('Gelu', 'tanh', { x: GELU_INPUTS }, (b, { x }) => b.gelu(x, 'tanh')),
  gradientCase('Clip', 'below, inside, above', { x: AWAY_FROM_ZERO }, (b, { x }) => b.clip(x, -0.5, 0.5)),
  gradientCase('Clip', 'all inside', { x: wanted([5]) }, (b, { x }) => b.clip(x, -2, 2)),
  gradientCase('Clip', 'all outside', { x: wanted([5]) }, (b, { x }) => b.clip(x, 2, 3)),
  // Half precision in ONNX Runtime only: the interpreter does not round.
  gradientCase('Cast', 'to f16 and back', { x: wanted([5]) }, (b, { x }) => b.cast(b.cast(x, 'f16'), 'f32'), 2e-3),
  gradientCase('Exp', 'a scalar', { x: wanted([]) }, (b, { x }) => b.exp(x)),
];

/** Shapes that broadcast: equal, one side, both sides, ranks apart, extents of 1, scalars. */
const PAIRS: readonly (readonly [Shape, Shape])[] = [
  [
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3]],
  [[3], [2, 3]],
  [
    [2, 3],
    [2, 1],
  ],
  [
    [1, 3],
    [2, 3],
  ],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [
    [3, 1],
    [2, 1, 4],
  ],
  [
    [1, 2, 1],
    [2, 1, 3],
  ],
  [[2, 3], []],
  [[], [2, 3]],
  [[], []],
  [[1], [1, 1]],
  [[1, 1], [4]],
];

type Binary = (b: GraphBuilder, x: Value | number, y: Value | number) => Value;

const BINARIES: readonly (readonly ['Add' | 'Sub' | 'Mul' | 'Div', Binary])[] = [
  ['Add', (b, x, y) => b.add(x, y)],
  ['Sub', (b, x, y) => b.sub(x, y)],
  ['Mul', (b, x, y) => b.mul(x, y)],
  ['Div', (b, x, y) => b.div(x, y)],
];

const binary: GradientCase[] = BINARIES.flatMap(([kind, apply]) => [
  ...PAIRS.map(([left, right]) =>
    gradientCase(kind, `[${left}] and [${right}]`, { x: wanted(left), y: wanted(right, 0.5, 2) }, (b, { x, y }) =>
      apply(b, x, y),
    ),
  ),
  gradientCase(kind, 'a number on the right', { x: wanted([2, 2]) }, (b, { x }) => apply(b, x, 0.7)),
  gradientCase(kind, 'a number on the left', { x: wanted([2, 2], 0.5, 2) }, (b, { x }) => apply(b, 0.7, x)),
  gradientCase(kind, 'left side frozen', { x: frozen([2, 3]), y: wanted([3], 0.5, 2) }, (b, { x, y }) =>
    apply(b, x, y),
  ),
  gradientCase(kind, 'right side frozen', { x: wanted([3]), y: frozen([2, 3], 0.5, 2) }, (b, { x, y }) =>
    apply(b, x, y),
  ),
  gradientCase(kind, 'one value on both sides', { x: wanted([2, 2], 0.5, 2) }, (b, { x }) => apply(b, x, x)),
]);

/** Condition, then, else. */
const TRIPLES: readonly (readonly [Shape, Shape, Shape])[] = [
  [
    [2, 3],
    [2, 3],
    [2, 3],
  ],
  [[2, 3], [3], [2, 1]],
  [[3], [2, 3], [1]],
  [[2, 4, 3], [3], [4, 1]],
  [[], [2, 3], [3]],
];

const where: GradientCase[] = [
  ...TRIPLES.map(([condition, left, right]) =>
    gradientCase(
      'Where',
      `[${condition}], [${left}], [${right}]`,
      { c: frozen(condition), x: wanted(left), y: wanted(right) },
      (b, { c, x, y }) => b.where(b.greater(c, 0), x, y),
    ),
  ),
  gradientCase('Where', 'then alone', { c: frozen([4]), x: wanted([4]) }, (b, { c, x }) =>
    b.where(b.greater(c, 0), x, 0.5),
  ),
  gradientCase('Where', 'else alone', { c: frozen([4]), x: wanted([4]) }, (b, { c, x }) =>
    b.where(b.greater(c, 0), 0.5, x),
  ),
  // |x|: the condition depends on x as well, and no gradient comes through it.
  gradientCase('Greater', 'stops', { x: AWAY_FROM_ZERO }, (b, { x }) => b.where(b.greater(x, 0), x, b.neg(x))),
];

export const ELEMENTWISE_CASES: readonly GradientCase[] = [...unary, ...binary, ...where];
