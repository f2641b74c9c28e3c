/** Shape rules: what each operation makes, and what it says when its inputs do not fit. */
import { GraphBuilder } from '../../engine/graph/builder';
import { GraphError, type ValueType } from '../../engine/graph/graph';
import { infer } from '../../engine/graph/infer';
import type { ConvAttributes, Op, OpOf } from '../../engine/graph/ops';
import type { DType } from '../../engine/tensor/dtype';

const t = (shape: number[], dtype: DType = 'f32'): ValueType => ({ dtype, shape });
const conv = (attributes: Partial<ConvAttributes> = {}): OpOf<'Conv'> => ({
  kind: 'Conv',
  strides: [1, 1],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  group: 1,
  ...attributes,
});
const convTranspose = (attributes: Partial<OpOf<'ConvTranspose'>> = {}): OpOf<'ConvTranspose'> => ({
  ...conv(),
  outputPadding: [0, 0],
  ...attributes,
  kind: 'ConvTranspose',
});
const SCALE: Op = { kind: 'MultiHeadAttention', heads: 2, scale: 1, tileRows: 1 };

test.each<[Op, ValueType[], ValueType[]]>([
  [{ kind: 'Neg' }, [t([2, 3], 'f16')], [t([2, 3], 'f16')]],
  [{ kind: 'Cast', to: 'i64' }, [t([2], 'bool')], [t([2], 'i64')]],
  [{ kind: 'Add' }, [t([2, 1]), t([3])], [t([2, 3])]],
  [{ kind: 'Greater' }, [t([]), t([3])], [t([3], 'bool')]],
  [{ kind: 'Where' }, [t([2, 1], 'bool'), t([]), t([3])], [t([2, 3])]],
  [{ kind: 'MatMul' }, [t([4, 1, 2, 3]), t([5, 3, 7])], [t([4, 5, 2, 7])]],
  [{ kind: 'Linear' }, [t([3]), t([5, 3])], [t([5])]],
  [{ kind: 'Linear' }, [t([2, 4, 3]), t([5, 3]), t([5])], [t([2, 4, 5])]],
  [{ kind: 'LoraUp' }, [t([2, 7, 4]), t([2, 1, 4]), t([5, 4])], [t([2, 7, 5])]],
  [conv({ strides: [2, 2], pads: [0, 0, 1, 1] }), [t([1, 3, 8, 9]), t([4, 3, 3, 3])], [t([1, 4, 4, 4])]],
  [conv({ dilations: [2, 1], group: 3 }), [t([1, 3, 8, 8]), t([6, 1, 3, 3]), t([6])], [t([1, 6, 4, 6])]],
  [
    convTranspose({ strides: [2, 2], pads: [1, 1, 1, 1], outputPadding: [1, 0] }),
    [t([1, 4, 5, 5]), t([4, 3, 3, 3])],
    [t([1, 3, 10, 9])],
  ],
  [convTranspose({ group: 2 }), [t([1, 4, 2, 2]), t([4, 3, 2, 2])], [t([1, 6, 3, 3])]],
  [SCALE, [t([2, 5, 8]), t([2, 3, 8]), t([2, 3, 8])], [t([2, 5, 8])]],
  [
    { kind: 'LayerNormalization', epsilon: 1 },
    [t([2, 3], 'f16'), t([3], 'f16')],
    [t([2, 3], 'f16'), t([2, 1]), t([2, 1])],
  ],
  [{ kind: 'ReduceSum', axes: [-1, 0], keepDims: false }, [t([2, 3, 4])], [t([3])]],
  [{ kind: 'ReduceMean', axes: [1], keepDims: true }, [t([2, 3])], [t([2, 1])]],
  [{ kind: 'Reshape', shape: [] }, [t([1, 1], 'i64')], [t([], 'i64')]],
  [{ kind: 'Transpose', permutation: [2, 0, 1] }, [t([2, 3, 4])], [t([4, 2, 3])]],
  [{ kind: 'Expand', shape: [2, 3] }, [t([3])], [t([2, 3])]],
  [{ kind: 'Concat', axis: -1 }, [t([2, 3]), t([2, 1])], [t([2, 4])]],
  [{ kind: 'Slice', axis: -1, start: 1, end: 3 }, [t([2, 3])], [t([2, 2])]],
  [{ kind: 'Pad', before: [0, 1], after: [2, 0] }, [t([2, 3])], [t([4, 4])]],
  [{ kind: 'ResizeNearest', size: [7, 9] }, [t([1, 2, 4, 4])], [t([1, 2, 7, 9])]],
  [{ kind: 'Gather' }, [t([9, 4], 'f16'), t([2, 3], 'i64')], [t([2, 3, 4], 'f16')]],
])('%j of %j', (op, inputs, outputs) => {
  expect(infer(op, inputs)).toEqual(outputs);
});

test.each<[string, Op, ValueType[]]>([
  ['Add takes 2 inputs, got 1', { kind: 'Add' }, [t([2])]],
  ['Conv takes 2 to 3 inputs, got 1', conv(), [t([1, 1, 1, 1])]],
  ['Add(f32[2, 3], f32[4]): shapes [2, 3] and [4] do not broadcast', { kind: 'Add' }, [t([2, 3]), t([4])]],
  ['Mul(f32[2], f16[2]): inputs must share one float dtype', { kind: 'Mul' }, [t([2]), t([2], 'f16')]],
  ['Neg(i64[2]): inputs must share one float dtype', { kind: 'Neg' }, [t([2], 'i64')]],
  ['Clip(f32[2]): min 1 is not below max 1', { kind: 'Clip', min: 1, max: 1 }, [t([2])]],
  ['Where(f32[1], f32[1], f32[1]): the condition must be bool', { kind: 'Where' }, [t([1]), t([1]), t([1])]],
  ['MatMul(f32[2], f32[2, 2]): both inputs need rank 2 or more', { kind: 'MatMul' }, [t([2]), t([2, 2])]],
  ['MatMul(f32[2, 3], f32[4, 2]): inner dimensions 3 and 4 differ', { kind: 'MatMul' }, [t([2, 3]), t([4, 2])]],
  ['Linear(f32[2, 3], f32[5, 4]): x has 3 features, the weight takes 4', { kind: 'Linear' }, [t([2, 3]), t([5, 4])]],
  ['Linear(f32[3], f32[5, 3], f32[4]): the bias must be [5]', { kind: 'Linear' }, [t([3]), t([5, 3]), t([4])]],
  [
    'LoraUp(f32[1, 7, 4], f32[2, 1, 4], f32[5, 4]): the mask [2, 1, 4] does not broadcast to [1, 7, 4]',
    { kind: 'LoraUp' },
    [t([1, 7, 4]), t([2, 1, 4]), t([5, 4])],
  ],
  [
    'Conv(f32[1, 3, 8, 8], f32[4, 2, 3, 3]): 3 channels in 1 groups do not fit the weight [4, 2, 3, 3]',
    conv(),
    [t([1, 3, 8, 8]), t([4, 2, 3, 3])],
  ],
  [
    'Conv(f32[1, 1, 2, 2], f32[1, 1, 3, 3]): the kernel is larger than the padded input',
    conv(),
    [t([1, 1, 2, 2]), t([1, 1, 3, 3])],
  ],
  [
    'ConvTranspose(f32[1, 1, 1, 1], f32[1, 1, 2, 2]): pads exceed the output',
    convTranspose({ pads: [1, 1, 1, 1] }),
    [t([1, 1, 1, 1]), t([1, 1, 2, 2])],
  ],
  [
    'MultiHeadAttention(f32[1, 2, 7], f32[1, 2, 7], f32[1, 2, 7]): width 7 is not a multiple of 2 heads',
    SCALE,
    [t([1, 2, 7]), t([1, 2, 7]), t([1, 2, 7])],
  ],
  ['Softmax(f32[2]): axis 1 is out of range for rank 1', { kind: 'Softmax', axis: 1 }, [t([2])]],
  [
    'LayerNormalization(f32[2, 3], f32[2]): scale and bias must be [3]',
    { kind: 'LayerNormalization', epsilon: 1 },
    [t([2, 3]), t([2])],
  ],
  ['ReduceSum(f32[2, 3]): axes [0, -2] repeat', { kind: 'ReduceSum', axes: [0, -2], keepDims: true }, [t([2, 3])]],
  ['Reshape(f32[2, 3]): cannot become [4]', { kind: 'Reshape', shape: [4] }, [t([2, 3])]],
  ['Transpose(f32[2, 3]): [0, 0] is not a permutation', { kind: 'Transpose', permutation: [0, 0] }, [t([2, 3])]],
  ['Expand(f32[2]): shapes [2] and [3] do not broadcast', { kind: 'Expand', shape: [3] }, [t([2])]],
  ['Expand(f32[2, 2]): does not broadcast to [2]', { kind: 'Expand', shape: [2] }, [t([2, 2])]],
  ['Concat(f32[2, 3], f32[3, 3]): inputs differ outside axis 1', { kind: 'Concat', axis: 1 }, [t([2, 3]), t([3, 3])]],
  ['Slice(f32[4]): [2, 5) is not within 4', { kind: 'Slice', axis: 0, start: 2, end: 5 }, [t([4])]],
  ['Pad(f32[4]): pads must not be negative', { kind: 'Pad', before: [-1], after: [0] }, [t([4])]],
  [
    'ResizeNearest(f32[4, 4]): needs [N, C, H, W] and a positive size',
    { kind: 'ResizeNearest', size: [2, 2] },
    [t([4, 4])],
  ],
  ['Gather(f32[4], f32[1]): indices must be i64', { kind: 'Gather' }, [t([4]), t([1])]],
])('%s', (message, op, inputs) => {
  expect(() => infer(op, inputs)).toThrow(new GraphError(message));
});

test('the builder refuses what does not divide', () => {
  const b = new GraphBuilder();
  const x = b.input('x', [1, 6, 2, 2]);
  expect(() => b.groupNorm(x, 4, b.ones(6), b.ones(6), 1e-5)).toThrow('6 channels do not divide into 4 groups');
  expect(() => b.chunk(x, 4, 1)).toThrow('[1, 6, 2, 2] does not divide into 4 along axis 1');
  expect(() => b.input('x', [1])).toThrow('input x is declared twice');
});
