/** The reverse walk: what it enters, what it adds up, what it refuses, and whole blocks end to end. */
import { gradients } from '../../engine/autodiff/gradients';
import { GraphBuilder } from '../../engine/graph/builder';
import { GraphError, type Graph, type Value } from '../../engine/graph/graph';
import { printGraph } from '../../engine/graph/print';
import { prune } from '../../engine/graph/prune';
import { i64 } from '../../engine/tensor/tensor';
import { interpret } from '../support/interpret';
import { checkGradients, differences, expectClose, frozen, gradientCase, wanted } from './check-gradients';

/** A builder, and the graph of the gradients of sum(y). */
function differentiate(build: (b: GraphBuilder) => { y: Value; targets: Value[] }): Graph {
  const b = new GraphBuilder();
  const { y, targets } = build(b);
  gradients(b, b.reduceSum(y), targets).forEach((gradient, i) => b.output(`d${i}`, gradient));
  return b.finish();
}

describe('sums', () => {
  test('a value used several times adds up its gradients', () =>
    checkGradients(
      gradientCase('Add', 'x^3 + 2x + exp(x)', { x: wanted([2, 3]) }, (b, { x }) => {
        const square = b.mul(x, x);
        return b.add(b.add(b.mul(square, x), b.mul(x, 2)), b.exp(x));
      }),
    ));

  test('a value used in two shapes', () =>
    checkGradients(
      gradientCase('MatMul', 'x xT + x', { x: wanted([3, 3]), y: wanted([3]) }, (b, { x, y }) =>
        b.add(b.matmul(x, b.transpose(x, [1, 0])), b.mul(b.add(x, y), y)),
      ),
    ));

  test('the loss itself, a target inside the graph, and a target asked for twice', () => {
    const graph = differentiate((b) => {
      const x = b.input('x', [2]);
      const middle = b.exp(x);
      const y = b.mul(middle, 3);
      return { y, targets: [middle, x, x] };
    });
    const { d0, d1, d2 } = interpret(graph, { x: [0, 1] });
    expect([...d0!.data]).toEqual([3, 3]);
    expectClose(d1!.data, [3, 3 * Math.E], 1e-7, 'd1');
    expect(d2!.data).toEqual(d1!.data);

    const b = new GraphBuilder();
    const loss = b.input('loss', []);
    b.output('d', gradients(b, loss, [loss])[0]!);
    expect(interpret(b.finish(), { loss: [5] })['d']!.data).toEqual(Float64Array.of(1));
  });
});

describe('stops', () => {
  test('StopGradient is the identity forward and a constant backward', () => {
    const graph = differentiate((b) => {
      const x = b.input('x', [3]);
      const y = b.mul(x, b.stopGradient(b.mul(x, x)));
      b.output('y', y);
      return { y, targets: [x] };
    });
    const { y, d0 } = interpret(graph, { x: [1, 2, -3] });
    expect([...y!.data]).toEqual([1, 8, -27]);
    expect([...d0!.data]).toEqual([1, 4, 9]);
  });

  test("a gradient mask does what stopping each row's own copy of up does", () => {
    // Row 0 trains ranks 0 and 1, row 1 ranks 2 and 3 while ranks 0 and 1 act: the joint loss of Pair Customization.
    const [h, up, weights] = [wanted([2, 3, 4]), wanted([5, 4]), frozen([2, 3, 5])];
    const mask = [1, 1, 0, 0, 1, 0.5, 1, 2];
    const gradientMask = [1, 1, 0, 0, 0, 0, 1, 1];
    const feeds = { h: h.values, up: up.values, up0: up.values, up1: up.values, weights: weights.values, mask };

    const masked = new GraphBuilder();
    const inputs = inputsOf(masked);
    const limit = masked.input('gradientMask', [2, 1, 4]);
    const y = masked.loraUp(inputs.h, inputs.mask, masked.input('up', [5, 4]), limit);
    const [dUp, dH] = gradients(masked, masked.reduceSum(masked.mul(y, inputs.weights)), [
      masked.nodes.find((node) => node.op.kind === 'LoraUp')!.inputs[2]!,
      inputs.h,
    ]);
    masked.output('up', dUp!);
    masked.output('h', dH!);
    const got = interpret(masked.finish(), { ...feeds, gradientMask });

    // The same by hand: each row has its own copy of up, and the loss is differenced in the ranks a row may train.
    const copies = new GraphBuilder();
    const own = inputsOf(copies);
    const rows = [0, 1].map((row) =>
      copies.linear(
        copies.mul(copies.slice(own.h, 0, row, row + 1), copies.slice(own.mask, 0, row, row + 1)),
        copies.input(`up${row}`, [5, 4]),
      ),
    );
    copies.output('loss', copies.reduceSum(copies.mul(copies.concat(rows, 0), own.weights)));
    const graph = copies.finish();
    const [row0, row1] = ['up0', 'up1'].map((name) => differences(graph, feeds, name));
    const expected = up.values.map((_, i) => gradientMask[i % 4]! * row0![i]! + gradientMask[4 + (i % 4)]! * row1![i]!);
    expectClose(got['up']!.data, expected, 1e-6, 'the gradient of up');
    expectClose(got['h']!.data, differences(graph, feeds, 'h'), 1e-6, 'the gradient of h');

    function inputsOf(b: GraphBuilder): { h: Value; mask: Value; weights: Value } {
      return { h: b.input('h', [2, 3, 4]), mask: b.input('mask', [2, 1, 4]), weights: b.input('weights', [2, 3, 5]) };
    }
  });
});

describe('the walk', () => {
  test.each([0, 1])('puts the gradients of two halves side by side, cut along axis %i', async (axis) => {
    const gated = (b: GraphBuilder, x: Value): Value => {
      const [hidden, gate] = b.chunk(x, 2, axis) as [Value, Value];
      return b.mul(hidden, b.exp(gate));
    };
    const graph = differentiate((b) => {
      const x = b.input('x', [4, 4]);
      return { y: gated(b, x), targets: [x] };
    });
    expect(graph.nodes.map(({ op }) => op.kind)).not.toContain('Pad');
    await checkGradients(gradientCase('Slice', 'a gate', { x: wanted([4, 4]) }, (b, { x }) => gated(b, x)));
  });

  test('enters nothing that no target needs', () => {
    const graph = differentiate((b) => {
      const x = b.input('x', [1, 2, 3]);
      const weight = b.weight({ file: 'unet', name: 'to_q.weight', offset: 0, length: 48 }, [4, 3], 'f32');
      const down = b.input('A', [2, 3]);
      const up = b.input('B', [4, 2]);
      const mask = b.input('mask', [1, 1, 2]);
      // A frozen layer in front, the adapted projection, a frozen layer behind.
      const h = b.gelu(x);
      const q = b.add(b.linear(h, weight), b.loraUp(b.linear(h, down), mask, up));
      return { y: b.tanh(q), targets: [up] };
    });
    // Neither gelu, nor to_q, nor A is differentiated: their gradients would need Erf and products with to_q and A.
    expect(printGraph(graph)).toMatchInlineSnapshot(`
     "input x: f32[1, 2, 3]
     input A: f32[2, 3]
     input B: f32[4, 2]
     input mask: f32[1, 1, 2]
     %0: f32[1, 2, 3] = Gelu(x) {approximate=none}
     %1: f32[1, 2, 4] = Linear(%0, @to_q.weight)
     %2: f32[1, 2, 2] = Linear(%0, A)
     %3: f32[1, 2, 4] = LoraUp(%2, mask, B)
     %4: f32[1, 2, 4] = Add(%1, %3)
     %5: f32[1, 2, 4] = Tanh(%4)
     %6: f32[1, 1, 1] = Reshape(1) {shape=[1, 1, 1]}
     %7: f32[1, 2, 4] = Expand(%6) {shape=[1, 2, 4]}
     %8: f32[1, 2, 4] = Mul(%5, %5)
     %9: f32[1, 2, 4] = Sub(1, %8)
     %10: f32[1, 2, 4] = Mul(%7, %9)
     %11: f32[2, 4] = Reshape(%10) {shape=[2, 4]}
     %12: f32[4, 2] = Transpose(%11) {permutation=[1, 0]}
     %13: f32[1, 2, 2] = Mul(%2, mask)
     %14: f32[2, 2] = Reshape(%13) {shape=[2, 2]}
     %15: f32[4, 2] = MatMul(%12, %14)
     output d0 = %15"
    `);
  });

  test('a branch that ends elsewhere costs nothing', () => {
    const graph = differentiate((b) => {
      const x = b.input('x', [2]);
      b.multiHeadAttention(b.reshape(x, [1, 1, 2]), b.reshape(x, [1, 1, 2]), b.reshape(x, [1, 1, 2]), 1, 1);
      return { y: b.exp(x), targets: [x] };
    });
    expect(graph.nodes.map((node) => node.op.kind)).toEqual(['Exp', 'Reshape', 'Expand', 'Mul']);
  });
});

describe('errors', () => {
  const taken = (build: (b: GraphBuilder, x: Value) => { loss: Value; target?: Value }): (() => unknown) => {
    const b = new GraphBuilder();
    const x = b.input('x', [1, 2, 4]);
    const { loss, target } = build(b, x);
    return () => gradients(b, loss, [target ?? x]);
  };

  test('a loss that is no scalar', () => {
    expect(taken((b, x) => ({ loss: b.exp(x) }))).toThrow(new GraphError('the loss must be a scalar, not [1, 2, 4]'));
  });

  test('a target the loss does not depend on', () => {
    expect(taken((b, x) => ({ loss: b.reduceSum(x), target: b.input('unused', [2]) }))).toThrow(
      new GraphError('the loss does not depend on unused'),
    );
    expect(taken((b, x) => ({ loss: b.reduceSum(b.stopGradient(x)) }))).toThrow(/does not depend on x/);
    expect(taken((b, x) => ({ loss: b.reduceSum(b.where(b.greater(x, 0), 1, 0)) }))).toThrow(/does not depend on x/);
  });

  test('a gradient mask is not a target', () => {
    expect(
      taken((b, x) => {
        const limit = b.input('limit', [1, 1, 4]);
        const y = b.loraUp(x, b.input('mask', [1, 1, 4]), b.input('up', [3, 4]), limit);
        return { loss: b.reduceSum(y), target: limit };
      }),
    ).toThrow(/does not depend on limit/);
  });

  test("a gather's table", () => {
    expect(taken((b, x) => ({ loss: b.reduceSum(b.gather(b.reshape(x, [4, 2]), b.constant(i64([1], [1])))) }))).toThrow(
      new GraphError('Gather is not differentiable in its table'),
    );
  });

  test('the statistics of a layer norm', () => {
    expect(
      taken((b, x) => {
        const [y, mean] = b.apply({ kind: 'LayerNormalization', epsilon: 1e-5 }, [x, b.ones(4)]);
        return { loss: b.add(b.reduceSum(y!), b.reduceSum(mean!)) };
      }),
    ).toThrow(new GraphError('LayerNormalization is differentiable in its first output only'));
  });

  test('a cast through whole numbers', () => {
    expect(taken((b, x) => ({ loss: b.reduceSum(b.cast(b.cast(x, 'i32'), 'f32')) }))).toThrow(
      new GraphError('Cast is differentiable between floats only'),
    );
  });
});

describe('blocks, end to end', () => {
  test('a two-layer perceptron with its loss', () =>
    checkGradients(
      gradientCase(
        'ReduceMean',
        'mean squared error of gelu MLP',
        {
          x: frozen([3, 4]),
          target: frozen([3, 2]),
          w1: wanted([5, 4]),
          b1: wanted([5]),
          w2: wanted([2, 5]),
          b2: wanted([2]),
        },
        (b, { x, target, w1, b1, w2, b2 }) =>
          b.reduceMean(b.square(b.sub(b.linear(b.gelu(b.linear(x, w1, b1)), w2, b2), target))),
      ),
    ));

  test('an attention block with adapters at every projection', () =>
    checkGradients(
      gradientCase(
        'LoraUp',
        'self attention',
        {
          x: wanted([2, 3, 4]),
          scale: frozen([4], 0.5, 1.5),
          bias: frozen([4]),
          mask: frozen([2, 1, 3]),
          down: frozen([3, 4]),
          wq: frozen([4, 4]),
          wk: frozen([4, 4]),
          wv: frozen([4, 4]),
          wo: frozen([4, 4]),
          upQ: wanted([4, 3]),
          upK: wanted([4, 3]),
          upV: wanted([4, 3]),
          upO: wanted([4, 3]),
        },
        (b, { x, scale, bias, mask, down, wq, wk, wv, wo, upQ, upK, upV, upO }) => {
          const project = (h: Value, weight: Value, up: Value): Value =>
            b.add(b.linear(h, weight), b.loraUp(b.linear(h, down), mask, up));
          const heads = (h: Value): Value => b.transpose(b.reshape(h, [2, 3, 2, 2]), [0, 2, 1, 3]);
          const h = b.layerNorm(x, scale, bias, 1e-5);
          const [q, k, v] = [project(h, wq, upQ), project(h, wk, upK), project(h, wv, upV)].map(heads);
          const scores = b.mul(b.matmul(q!, b.transpose(k!, [0, 1, 3, 2])), Math.SQRT1_2);
          const joined = b.reshape(b.transpose(b.matmul(b.softmax(scores), v!), [0, 2, 1, 3]), [2, 3, 4]);
          return b.add(x, project(joined, wo, upO));
        },
      ),
    ));

  test('a residual block with down- and upsampling', () =>
    checkGradients(
      gradientCase(
        'Conv',
        'a small UNet',
        {
          x: wanted([1, 2, 5, 4]),
          scale: wanted([2], 0.5, 1.5),
          bias: wanted([2]),
          w1: wanted([4, 2, 3, 3]),
          w2: wanted([2, 4, 3, 3]),
          time: wanted([1, 4]),
        },
        (b, { x, scale, bias, w1, w2, time }) => {
          const normalized = b.silu(b.groupNorm(x, 1, scale, bias, 1e-5));
          const small = b.conv(normalized, w1, undefined, { strides: [2, 2], pads: [1, 1, 1, 1] });
          const large = b.resizeNearest(b.add(small, b.reshape(time, [1, 4, 1, 1])), [5, 4]);
          return b.concat([x, b.conv(large, w2, undefined, { pads: [1, 1, 1, 1] })], 1);
        },
      ),
    ));
});

test('differentiating twice over one graph leaves the first gradients alone', () => {
  const b = new GraphBuilder();
  const [x, y] = [b.input('x', []), b.input('y', [])];
  const loss = b.mul(b.mul(x, x), y);
  const [dx] = gradients(b, loss, [x]);
  const [dxy] = gradients(b, dx!, [y]);
  b.output('dx', dx!);
  b.output('dxy', dxy!);
  const graph = b.finish();
  expect(prune(graph).nodes).toEqual(graph.nodes);
  expect(interpret(graph, { x: [3], y: [5] })).toMatchObject({
    dx: { data: Float64Array.of(30) },
    dxy: { data: Float64Array.of(6) },
  });
});
