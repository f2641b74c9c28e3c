/** Gradient cases of the operations that move elements. */
import { i64 } from '../../engine/tensor/tensor';
import type { Shape } from '../../engine/tensor/shape';
import { frozen, gradientCase, wanted, type GradientCase } from './check-gradients';

const shape: GradientCase[] = [
  gradientCase('Reshape', 'splits and joins axes', { x: wanted([2, 6]) }, (b, { x }) => b.reshape(x, [3, 2, 2])),
  gradientCase('Reshape', 'to a scalar', { x: wanted([1, 1]) }, (b, { x }) => b.reshape(x, [])),
  gradientCase('Transpose', 'swap', { x: wanted([2, 3]) }, (b, { x }) => b.transpose(x, [1, 0])),
  gradientCase('Transpose', 'a cycle, its own inverse no longer', { x: wanted([2, 3, 4]) }, (b, { x }) =>
    b.transpose(x, [1, 2, 0]),
  ),
  gradientCase('Transpose', 'four axes', { x: wanted([2, 3, 2, 2]) }, (b, { x }) => b.transpose(x, [0, 2, 3, 1])),
  ...(
    [
      [[3], [2, 3]],
      [[1], [4]],
      [
        [2, 1, 3],
        [2, 4, 3],
      ],
      [
        [1, 1],
        [2, 3, 4],
      ],
      [[], [2, 2]],
    ] as [Shape, Shape][]
  ).map(([from, to]) =>
    gradientCase('Expand', `[${from}] to [${to}]`, { x: wanted(from) }, (b, { x }) => b.expand(x, to)),
  ),
];

const parts: GradientCase[] = [
  ...[0, 1, -1].map((axis) =>
    gradientCase(
      'Concat',
      `axis ${axis}`,
      { x: wanted([2, 2]), y: wanted([2, 2]), z: wanted([2, 2]) },
      (b, { x, y, z }) => b.concat([x, y, z], axis),
    ),
  ),
  gradientCase(
    'Concat',
    'extents apart, the middle one frozen',
    { x: wanted([2, 1]), y: frozen([2, 3]), z: wanted([2, 2]) },
    (b, { x, y, z }) => b.concat([x, y, z], 1),
  ),
  gradientCase('Concat', 'one value twice', { x: wanted([2, 2]) }, (b, { x }) => b.concat([x, x], 0)),
  gradientCase('Slice', 'the start', { x: wanted([4, 2]) }, (b, { x }) => b.slice(x, 0, 0, 3)),
  gradientCase('Slice', 'the middle of a negative axis', { x: wanted([2, 3, 5]) }, (b, { x }) => b.slice(x, -1, 1, 4)),
  gradientCase('Slice', 'the end', { x: wanted([2, 3, 2]) }, (b, { x }) => b.slice(x, -2, 2, 3)),
  gradientCase('Slice', 'chunks that meet again', { x: wanted([2, 6]) }, (b, { x }) => {
    const [p, q, r] = b.chunk(x, 3, -1);
    return b.add(b.mul(p!, q!), r!);
  }),
  gradientCase('Pad', 'all sides', { x: wanted([2, 3]) }, (b, { x }) => b.pad(x, [1, 0], [2, 3])),
  gradientCase('Pad', 'one side of an image', { x: wanted([1, 2, 2, 3]) }, (b, { x }) =>
    b.pad(x, [0, 0, 0, 0], [0, 0, 1, 1]),
  ),
  gradientCase('Pad', 'by nothing', { x: wanted([2]) }, (b, { x }) => b.pad(x, [0], [0])),
];

const SIZES: readonly (readonly [from: readonly [number, number], to: readonly [number, number]])[] = [
  [
    [2, 3],
    [4, 6],
  ],
  [
    [2, 3],
    [6, 3],
  ],
  [
    [3, 2],
    [9, 4],
  ],
  [
    [3, 4],
    [5, 7],
  ],
  [
    [2, 3],
    [4, 5],
  ],
  [
    [5, 4],
    [3, 2],
  ],
  [
    [4, 4],
    [2, 8],
  ],
];

const resize: GradientCase[] = SIZES.map(([from, to]) =>
  gradientCase('ResizeNearest', `${from} to ${to}`, { x: wanted([2, 2, ...from]) }, (b, { x }) =>
    b.resizeNearest(x, to),
  ),
);

/** A frozen table beside a differentiated value: the rule is passed by, and nothing is thrown. */
const gather: GradientCase[] = [
  gradientCase('Gather', 'a frozen table', { table: frozen([4, 2]), x: wanted([3, 2]) }, (b, { table, x }) =>
    b.mul(b.gather(table, b.constant(i64([3, 0, 3], [3]))), x),
  ),
];

export const LAYOUT_CASES: readonly GradientCase[] = [...shape, ...parts, ...resize, ...gather];
