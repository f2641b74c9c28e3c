/** Gradient cases of products, convolutions, normalizations and reductions. */
import { convExtent } from '../../engine/graph/infer';
import type { ConvAttributes } from '../../engine/graph/ops';
import { Random } from '../../engine/tensor/random';
import { f32 } from '../../engine/tensor/tensor';
import type { Shape } from '../../engine/tensor/shape';
import { frozen, gradientCase, wanted, type GradientCase } from './check-gradients';

const MATRICES: readonly (readonly [Shape, Shape])[] = [
  [
    [2, 3],
    [3, 4],
  ],
  [
    [1, 3],
    [3, 1],
  ],
  [
    [2, 2, 3],
    [2, 3, 4],
  ],
  [
    [2, 3],
    [3, 3, 2],
  ],
  [
    [3, 2, 3],
    [3, 4],
  ],
  [
    [2, 1, 2, 3],
    [3, 3, 2],
  ],
  [
    [1, 2, 3],
    [4, 3, 1],
  ],
];

const matmul: GradientCase[] = [
  ...MATRICES.map(([left, right]) =>
    gradientCase('MatMul', `[${left}] and [${right}]`, { x: wanted(left), y: wanted(right) }, (b, { x, y }) =>
      b.matmul(x, y),
    ),
  ),
  gradientCase('MatMul', 'left frozen', { x: frozen([2, 3]), y: wanted([3, 2]) }, (b, { x, y }) => b.matmul(x, y)),
  gradientCase('MatMul', 'with itself', { x: wanted([3, 3]) }, (b, { x }) => b.matmul(x, x)),
];

const linear: GradientCase[] = [
  ...([[3], [2, 3], [2, 2, 3], [2, 1, 2, 3]] as Shape[]).flatMap((shape) => [
    gradientCase(
      'Linear',
      `x [${shape}], with bias`,
      { x: wanted(shape), weight: wanted([4, 3]), bias: wanted([4]) },
      (b, { x, weight, bias }) => b.linear(x, weight, bias),
    ),
    gradientCase('Linear', `x [${shape}], no bias`, { x: wanted(shape), weight: wanted([4, 3]) }, (b, { x, weight }) =>
      b.linear(x, weight),
    ),
  ]),
  gradientCase(
    'Linear',
    'frozen weight and bias',
    { x: wanted([2, 3]), weight: frozen([4, 3]), bias: frozen([4]) },
    (b, { x, weight, bias }) => b.linear(x, weight, bias),
  ),
  gradientCase(
    'Linear',
    'bias alone',
    { x: frozen([2, 2, 3]), weight: frozen([4, 3]), bias: wanted([4]) },
    (b, { x, weight, bias }) => b.linear(x, weight, bias),
  ),
];

/** A frozen matrix [6, 4] in 8 bits, in blocks of 8. */
const eightBit: GradientCase[] = ([[4], [2, 3, 4]] as Shape[]).map((shape) =>
  gradientCase(
    'Dequantize',
    `a linear layer, x [${shape}]`,
    { x: wanted(shape), bias: wanted([6]) },
    (b, { x, bias }) => {
      const integers = b.constant({
        dtype: 'i8',
        shape: [3, 8],
        data: Int8Array.from({ length: 24 }, (_, i) => ((i * 53) % 255) - 127),
      });
      const matrix = b.dequantize(integers, b.constant(f32([0.01, 0.003, 0.02], [3])));
      return b.linear(x, b.cast(b.reshape(matrix, [6, 4]), x.dtype), bias);
    },
  ),
);

const lora: GradientCase[] = [
  gradientCase(
    'LoraUp',
    'h, mask and up',
    { h: wanted([2, 3, 4]), mask: wanted([2, 1, 4]), up: wanted([5, 4]) },
    (b, { h, mask, up }) => b.loraUp(h, mask, up),
  ),
  gradientCase(
    'LoraUp',
    'up alone',
    { h: frozen([2, 3, 4]), mask: frozen([2, 1, 4]), up: wanted([5, 4]) },
    (b, { h, mask, up }) => b.loraUp(h, mask, up),
  ),
  gradientCase(
    'LoraUp',
    'rows and a mask of their own',
    { h: wanted([6, 4]), mask: frozen([6, 4]), up: wanted([5, 4]) },
    (b, { h, mask, up }) => b.loraUp(h, mask, up),
  ),
  // The gradient mask touches the gradient of up alone, which gradient-mask.test.ts checks.
  gradientCase(
    'LoraUp',
    'h and mask, with a gradient mask',
    { h: wanted([2, 3, 4]), mask: wanted([2, 1, 4]), up: frozen([5, 4]), gradientMask: frozen([2, 1, 4]) },
    (b, { h, mask, up, gradientMask }) => b.loraUp(h, mask, up, gradientMask),
  ),
];

interface ConvCase {
  readonly x: Shape;
  readonly weight: Shape;
  readonly attributes: Partial<ConvAttributes>;
}

const CONVS: Readonly<Record<string, ConvCase>> = {
  '1x1': { x: [2, 3, 3, 2], weight: [2, 3, 1, 1], attributes: {} },
  '3x3, same extent': { x: [1, 2, 4, 5], weight: [3, 2, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
  'stride 2': { x: [1, 2, 6, 6], weight: [2, 2, 2, 2], attributes: { strides: [2, 2] } },
  'stride 2 with a remainder': { x: [1, 2, 7, 6], weight: [2, 2, 2, 3], attributes: { strides: [2, 2] } },
  'stride 2, a VAE downsampler (pads 0, 0, 1, 1)': {
    x: [1, 2, 6, 5],
    weight: [2, 2, 3, 3],
    attributes: { strides: [2, 2], pads: [0, 0, 1, 1] },
  },
  'stride 2, a UNet downsampler': {
    x: [1, 2, 6, 5],
    weight: [2, 2, 3, 3],
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  'stride 3 with remainders of 2 and 1': { x: [1, 1, 9, 8], weight: [2, 1, 1, 1], attributes: { strides: [3, 3] } },
  'strides apart': { x: [1, 2, 5, 7], weight: [1, 2, 2, 3], attributes: { strides: [1, 2], pads: [0, 1, 1, 0] } },
  'pads that differ on all sides': { x: [1, 2, 4, 4], weight: [2, 2, 3, 3], attributes: { pads: [2, 0, 1, 2] } },
  dilated: { x: [1, 2, 6, 7], weight: [2, 2, 3, 2], attributes: { dilations: [2, 3], pads: [1, 1, 1, 1] } },
  'dilated with stride and remainder': {
    x: [2, 1, 8, 9],
    weight: [2, 1, 2, 3],
    attributes: { dilations: [3, 2], strides: [2, 3], pads: [0, 1, 0, 1] },
  },
  'two groups': { x: [2, 4, 4, 4], weight: [6, 2, 3, 3], attributes: { group: 2, pads: [1, 1, 1, 1] } },
  depthwise: { x: [1, 3, 5, 4], weight: [3, 1, 3, 3], attributes: { group: 3, strides: [2, 1], pads: [1, 0, 1, 0] } },
};

const conv: GradientCase[] = [
  ...Object.entries({ ...CONVS, ...randomConvs(20) }).map(([name, { x, weight, attributes }]) =>
    gradientCase(
      'Conv',
      name,
      { x: wanted(x), weight: wanted(weight), bias: wanted([weight[0]!]) },
      (b, { x, weight, bias }) => b.conv(x, weight, bias, attributes),
    ),
  ),
  gradientCase(
    'Conv',
    'no bias, frozen weight',
    { x: wanted([1, 2, 3, 3]), weight: frozen([2, 2, 2, 2]) },
    (b, { x, weight }) => b.conv(x, weight),
  ),
  gradientCase('Conv', 'frozen x', { x: frozen([1, 2, 3, 3]), weight: wanted([2, 2, 2, 2]) }, (b, { x, weight }) =>
    b.conv(x, weight),
  ),
];

/** Attributes drawn at random, with at least one window in each direction. */
function randomConvs(count: number): Record<string, ConvCase> {
  const random = new Random(7);
  const one = (least: number, most: number): number => least + random.integer(most - least + 1);
  const cases: Record<string, ConvCase> = {};
  while (Object.keys(cases).length < count) {
    const [group, inner, outer, kh, kw] = [one(1, 2), one(1, 2), one(1, 2), one(1, 3), one(1, 3)];
    const attributes: ConvAttributes = {
      strides: [one(1, 3), one(1, 3)],
      pads: [one(0, 2), one(0, 2), one(0, 2), one(0, 2)],
      dilations: [one(1, 2), one(1, 2)],
      group,
    };
    const [h, w] = [one(2, 7), one(2, 7)];
    if (convExtent(attributes, 0, h, kh) < 1 || convExtent(attributes, 1, w, kw) < 1) continue;
    const x = [one(1, 2), group * inner, h, w];
    cases[`drawn: x [${x}], kernel ${kh}x${kw}, ${JSON.stringify(attributes)}`] = {
      x,
      weight: [group * outer, inner, kh, kw],
      attributes,
    };
  }
  return cases;
}

type TransposedCase = readonly [
  x: Shape,
  weight: Shape,
  attributes: Partial<ConvAttributes & { outputPadding: readonly [number, number] }>,
];

const TRANSPOSED: Readonly<Record<string, TransposedCase>> = {
  plain: [[1, 2, 3, 4], [2, 3, 3, 2], {}],
  'stride 2': [[2, 2, 3, 3], [2, 2, 3, 3], { strides: [2, 2], pads: [1, 1, 1, 1] }],
  'stride 2 with output padding': [
    [1, 2, 3, 3],
    [2, 2, 3, 3],
    { strides: [2, 2], pads: [1, 1, 1, 1], outputPadding: [1, 1] },
  ],
  'output padding on one axis': [[1, 2, 3, 2], [2, 1, 2, 2], { strides: [1, 3], outputPadding: [0, 2] }],
  'output padding past every window': [[1, 1, 2, 2], [1, 1, 1, 1], { strides: [3, 2], outputPadding: [2, 1] }],
  'pads that differ on all sides': [[1, 2, 4, 3], [2, 2, 3, 3], { strides: [2, 1], pads: [1, 0, 2, 1] }],
  dilated: [[1, 2, 3, 3], [2, 2, 2, 3], { dilations: [3, 2], strides: [2, 1], pads: [1, 1, 0, 2] }],
  'two groups': [[1, 4, 3, 2], [4, 2, 2, 3], { group: 2, strides: [2, 2], outputPadding: [1, 0] }],
};

const convTranspose: GradientCase[] = [
  ...Object.entries(TRANSPOSED).map(([name, [x, weight, attributes]]) =>
    gradientCase('ConvTranspose', name, { x: wanted(x), weight: wanted(weight) }, (b, { x, weight }) =>
      b.convTranspose(x, weight, attributes),
    ),
  ),
  gradientCase(
    'ConvTranspose',
    'frozen weight',
    { x: wanted([1, 2, 2, 2]), weight: frozen([2, 1, 2, 2]) },
    (b, { x, weight }) => b.convTranspose(x, weight, { strides: [2, 2] }),
  ),
];

const softmax: GradientCase[] = [0, 1, 2, -1, -2, -3].map((axis) =>
  gradientCase('Softmax', `axis ${axis}`, { x: wanted([2, 3, 4], -2, 2) }, (b, { x }) => b.softmax(x, axis)),
);

const layerNorm: GradientCase[] = [
  ...([[4], [3, 4], [2, 3, 4]] as Shape[]).flatMap((shape) => [
    gradientCase(
      'LayerNormalization',
      `x [${shape}], scale and bias`,
      { x: wanted(shape), scale: wanted([4], 0.5, 1.5), bias: wanted([4]) },
      (b, { x, scale, bias }) => b.layerNorm(x, scale, bias, 1e-5),
    ),
    gradientCase(
      'LayerNormalization',
      `x [${shape}], scale`,
      { x: wanted(shape), scale: wanted([4]) },
      (b, { x, scale }) => b.layerNorm(x, scale, undefined, 1e-5),
    ),
  ]),
  gradientCase(
    'LayerNormalization',
    'x alone, a large epsilon',
    { x: wanted([2, 4], -0.1, 0.1), scale: frozen([4]), bias: frozen([4]) },
    (b, { x, scale, bias }) => b.layerNorm(x, scale, bias, 0.1),
  ),
  gradientCase(
    'LayerNormalization',
    'bias alone',
    { x: frozen([2, 4]), scale: frozen([4]), bias: wanted([4]) },
    (b, { x, scale, bias }) => b.layerNorm(x, scale, bias, 1e-5),
  ),
  gradientCase(
    'LayerNormalization',
    'group norm',
    { x: wanted([2, 4, 2, 3]), scale: wanted([4]), bias: wanted([4]) },
    (b, { x, scale, bias }) => b.groupNorm(x, 2, scale, bias, 1e-5),
  ),
];

const AXES: readonly (readonly number[])[] = [[0], [1], [2], [-1], [-3, -1], [0, 1], [2, 0], [0, 1, 2]];

const reduce: GradientCase[] = AXES.flatMap((axes) =>
  [false, true].flatMap((keepDims) => [
    gradientCase('ReduceSum', `axes [${axes}], keepDims ${keepDims}`, { x: wanted([2, 3, 4]) }, (b, { x }) =>
      b.reduceSum(x, axes, keepDims),
    ),
    gradientCase('ReduceMean', `axes [${axes}], keepDims ${keepDims}`, { x: wanted([2, 3, 4]) }, (b, { x }) =>
      b.reduceMean(x, axes, keepDims),
    ),
  ]),
);

/** Tiles of one row, of some with a rest, and of all rows. */
const fusedAttention: GradientCase[] = [
  ...[1, 2, 3, 5].map((tileRows) =>
    gradientCase(
      'MultiHeadAttention',
      `tiles of ${tileRows} of 5 rows`,
      { q: wanted([2, 5, 6]), k: wanted([2, 3, 6]), v: wanted([2, 3, 6]) },
      (b, { q, k, v }) => b.multiHeadAttention(q, k, v, 2, 0.6, tileRows),
    ),
  ),
  gradientCase('MultiHeadAttention', 'of one value', { x: wanted([1, 3, 4]) }, (b, { x }) =>
    b.multiHeadAttention(x, x, x, 2, 0.5, 2),
  ),
  gradientCase(
    'MultiHeadAttention',
    'queries alone',
    { q: wanted([1, 3, 4]), k: frozen([1, 2, 4]), v: frozen([1, 2, 4]) },
    (b, { q, k, v }) => b.multiHeadAttention(q, k, v, 1, 0.5, 2),
  ),
];

export const CONTRACTION_CASES: readonly GradientCase[] = [
  ...matmul,
  ...linear,
  ...eightBit,
  ...lora,
  ...conv,
  ...convTranspose,
  ...softmax,
  ...layerNorm,
  ...reduce,
  ...fusedAttention,
];
