import { fitStrength } from '../../engine/pair/fit';
import { f32, type HostTensor } from '../../engine/tensor/tensor';

const picture = (...values: number[]): HostTensor<'f32'> => f32(Float32Array.from(values), [1, 1, 1, values.length]);
const before = picture(0.5, -0.5, 0, 1);

test.each([
  ['half of the change, held at the most', [0.75, -0.25, 0.25, 0.5], 1.5],
  ['five sixths of it', [0.5 + 0.5 / 1.2, -0.5 + 0.5 / 1.2, 0.5 / 1.2, 1 - 1 / 1.2], 1.2],
  ['all of it', [1, 0, 0.5, 0], 1],
  // r = (1, 1, 1, 0.5) against a = (0.5, 0.5, 0.5, -1): 1 / 3.25, held.
  ['much that the pair does not have', [1.5, 0.5, 1, 1.5], 0.5],
  // r = (0.5, 0.5, 1, -1) against a: 2 / 2.5.
  ['some that the pair does not have', [1, 0, 1, 0], 0.8],
  ['the contrary', [0, -1, -0.5, 2], 0.5],
  ['nothing', [0.5, -0.5, 0, 1], 1],
])('a style that brings about %s', (_, restyled, factor) => {
  // The change a = (0.5, 0.5, 0.5, -1).
  expect(fitStrength(before, picture(...restyled), picture(1, 0, 0.5, 0))).toBeCloseTo(factor, 5);
});
