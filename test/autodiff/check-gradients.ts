/**
 * The proof of one gradient: central differences of the forward graph, evaluated in double precision by the reference
 * interpreter, against the engine's gradient graph, evaluated by the interpreter and by ONNX Runtime.
 */
import { gradients } from '../../engine/autodiff/gradients';
import { GraphBuilder } from '../../engine/graph/builder';
import type { Graph, Value } from '../../engine/graph/graph';
import type { OpKind } from '../../engine/graph/ops';
import { prune } from '../../engine/graph/prune';
import { Random } from '../../engine/tensor/random';
import { sizeOf, type Shape } from '../../engine/tensor/shape';
import { f32, type HostTensor } from '../../engine/tensor/tensor';
import { interpret } from '../support/interpret';
import { runFinished } from '../support/run-graph';

export interface Input {
  readonly shape: Shape;
  readonly values: Float32Array;
  /** Whether the gradient with respect to it is checked. */
  readonly wanted: boolean;
}

export interface GradientCase {
  /** The operation whose rule it checks. */
  readonly kind: OpKind;
  readonly name: string;
  readonly inputs: Readonly<Record<string, Input>>;
  readonly build: (b: GraphBuilder, values: Readonly<Record<string, Value>>) => Value;
  /** Allowed relative error of ONNX Runtime against the interpreter. */
  readonly tolerance: number;
}

let seed = 1;

/** A differentiated input of random numbers in [low, high). */
export function wanted(shape: Shape, low = -1, high = 1): Input {
  const random = new Random(seed++);
  const values = Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * random.uniform());
  return { shape, values, wanted: true };
}

/** The same, not differentiated. */
export function frozen(shape: Shape, low = -1, high = 1): Input {
  return { ...wanted(shape, low, high), wanted: false };
}

export function gradientCase<K extends string>(
  kind: OpKind,
  name: string,
  inputs: Readonly<Record<K, Input>>,
  build: (b: GraphBuilder, values: Readonly<Record<K, Value>>) => Value,
  tolerance = 1e-4,
): GradientCase {
  return { kind, name: `${kind}: ${name}`, inputs, build: build as GradientCase['build'], tolerance };
}

const STEP = 1e-4;
/** Constants of the graph are float32, so this is as near as formula and difference can come. */
const DIFFERENCE_TOLERANCE = 1e-6;

/** Checks every element of every wanted gradient. The loss is the sum of y times random weights. */
export async function checkGradients(one: GradientCase): Promise<void> {
  const { graph, lossGraph, weights } = differentiate(one, 'f32');
  const { inputs, kind, tolerance } = one;
  expect(lossGraph.nodes.map((node) => node.op.kind)).toContain(kind);

  const given = { ...inputs, weights };
  const feeds = mapValues(given, ({ values }) => values);
  const exact = interpret(graph, feeds);
  for (const [name, { shape }] of Object.entries(inputs).filter(([, input]) => input.wanted)) {
    const gradient = exact[`d ${name}`]!;
    expect(gradient.shape).toEqual(shape);
    expectClose(gradient.data, differences(lossGraph, feeds, name), DIFFERENCE_TOLERANCE, `d ${name}`);
  }
  await compareWithRuntime(
    graph,
    mapValues(given, ({ shape, values }) => f32(values, shape)),
    tolerance,
  );
}

/** Checks that the case differentiates in half precision, to values of its inputs' dtype and the same numbers. */
export function checkHalves(one: GradientCase): void {
  const [single, half] = [differentiate(one, 'f32'), differentiate(one, 'f16')];
  const feeds = mapValues({ ...one.inputs, weights: single.weights }, ({ values }) => values);
  const [expected, got] = [interpret(single.graph, feeds), interpret(half.graph, feeds)];
  for (const name of half.graph.outputs.keys()) {
    // The interpreter rounds constants alone.
    expectClose(got[name]!.data, expected[name]!.data, 2e-3, `${name} in f16`);
    if (name.startsWith('d ')) expect(half.graph.outputs.get(name)!.dtype).toBe('f16');
  }
}

interface Differentiated {
  /** Outputs y, loss and, for each wanted input, `d <name>`. */
  readonly graph: Graph;
  readonly lossGraph: Graph;
  readonly weights: Input;
}

function differentiate({ inputs, build }: GradientCase, dtype: 'f32' | 'f16'): Differentiated {
  const b = new GraphBuilder();
  const values = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape }]) => [name, b.input(name, shape, dtype)]),
  );
  const y = build(b, values);
  const loss = b.reduceSum(b.mul(y, b.input('weights', y.shape, y.dtype)));
  b.output('y', y);
  b.output('loss', loss);
  const forward = [...b.nodes];
  const targets = Object.keys(inputs).filter((name) => inputs[name]!.wanted);
  const taken = gradients(
    b,
    loss,
    targets.map((name) => values[name]!),
  );
  targets.forEach((name, i) => b.output(`d ${name}`, taken[i]!));
  const graph = b.finish();
  const lossGraph = prune({ inputs: graph.inputs, nodes: forward, outputs: new Map([['loss', loss]]) });
  return { graph, lossGraph, weights: weightsOf(y.shape) };
}

/** The same numbers for every call with a shape. */
function weightsOf(shape: Shape): Input {
  const values = new Random(sizeOf(shape)).normals(sizeOf(shape));
  return { shape, values, wanted: false };
}

/** Runs a graph of f32 inputs and outputs both ways and compares every output. */
export async function compareWithRuntime(
  graph: Graph,
  feeds: Readonly<Record<string, HostTensor<'f32'>>>,
  tolerance: number,
): Promise<void> {
  const exact = interpret(
    graph,
    mapValues(feeds, ({ data }) => data),
  );
  const got = await runFinished(graph, feeds);
  for (const [name, { shape, data }] of Object.entries(exact)) {
    expect(got[name]!.shape).toEqual(shape);
    expectClose(got[name]!.data as Float32Array, data, tolerance, `${name} by ONNX Runtime`);
  }
}

/** Central differences of the scalar output `loss` with respect to each element of one feed. */
export function differences(
  graph: Graph,
  feeds: Readonly<Record<string, ArrayLike<number>>>,
  name: string,
): Float64Array {
  const at = Float64Array.from(feeds[name]!);
  const lossWith = (i: number, x: number): number =>
    interpret(graph, { ...feeds, [name]: at.with(i, x) })['loss']!.data[0]!;
  // The second-order formula at two steps, extrapolated, has an error of the fourth order.
  return at.map((x, i) => {
    const slope = (step: number): number => (lossWith(i, x + step) - lossWith(i, x - step)) / (2 * step);
    return (4 * slope(STEP) - slope(2 * STEP)) / 3;
  });
}

/** Relative to the largest expected number, or to 1 when all are small. */
export function expectClose(
  got: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  expect(got.length).toBe(expected.length);
  const scale = Math.max(1, ...Array.from(expected, Math.abs));
  const worst = Math.max(...Array.from(expected, (x, i) => Math.abs(got[i]! - x))) / scale;
  if (!(worst <= tolerance)) {
    throw new Error(
      `${what} is off by ${worst}: ${Array.from(got).slice(0, 8)} for ${Array.from(expected).slice(0, 8)}`,
    );
  }
}

export function mapValues<T, U>(record: Readonly<Record<string, T>>, f: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value)]));
}
