/** AdamW against a plain loop in double precision, over several steps, on ONNX Runtime and by the interpreter. */
import { ADAMW_DEFAULTS, adamW, adamWSchedule, type AdamWSettings } from '../../engine/autodiff/adamw';
import { GraphBuilder } from '../../engine/graph/builder';
import type { Graph } from '../../engine/graph/graph';
import { Random } from '../../engine/tensor/random';
import { f32 } from '../../engine/tensor/tensor';
import { interpret } from '../support/interpret';
import { runFinished } from '../support/run-graph';
import { expectClose, mapValues } from './check-gradients';

const SHAPE = [2, 3];
const STEPS = 5;
const RATE = 0.02;

function graphOf(settings: AdamWSettings): Graph {
  const b = new GraphBuilder();
  const state = { parameter: b.input('p', SHAPE), firstMoment: b.input('m', SHAPE), secondMoment: b.input('v', SHAPE) };
  const scalars = {
    stepSize: b.input('size', []),
    secondMomentScale: b.input('scale', []),
    decay: b.input('decay', []),
  };
  const next = adamW(b, state, b.input('g', SHAPE), scalars, settings);
  b.output('p', next.parameter);
  b.output('m', next.firstMoment);
  b.output('v', next.secondMoment);
  return b.finish();
}

/** torch.optim.AdamW's update, written as its documentation writes it. */
function reference(p: number, gradients: number[], settings: AdamWSettings): number {
  let [m, v] = [0, 0];
  gradients.forEach((g, i) => {
    p -= RATE * settings.weightDecay * p;
    m = settings.beta1 * m + (1 - settings.beta1) * g;
    v = settings.beta2 * v + (1 - settings.beta2) * g * g;
    const corrected = [m / (1 - settings.beta1 ** (i + 1)), v / (1 - settings.beta2 ** (i + 1))] as const;
    p -= (RATE * corrected[0]) / (Math.sqrt(corrected[1]) + settings.epsilon);
  });
  return p;
}

test.each([
  ['the defaults', ADAMW_DEFAULTS],
  ['weight decay, other betas, a large epsilon', { beta1: 0.8, beta2: 0.95, epsilon: 0.1, weightDecay: 0.3 }],
])('%s', async (_, settings) => {
  const random = new Random(3);
  const start = random.normals(6);
  // Gradients over many magnitudes, and one that is always 0.
  const gradients = Array.from({ length: STEPS }, () =>
    random.normals(6).map((g, i) => (i === 5 ? 0 : g * 10 ** (i - 3))),
  );
  const expected = Array.from(start, (p, i) =>
    reference(
      p,
      gradients.map((g) => g[i]!),
      settings,
    ),
  );

  const graph = graphOf(settings);
  const zero = new Float32Array(6);
  let exact: Record<string, ArrayLike<number>> = { p: start, m: zero, v: zero };
  let state = mapValues({ p: start, m: zero, v: zero }, (data) => f32(data, SHAPE));
  for (const [i, g] of gradients.entries()) {
    const [size, scale, decay] = adamWSchedule(i + 1, RATE, settings);
    exact = mapValues(
      interpret(graph, { ...exact, g, size: [size], scale: [scale], decay: [decay] }),
      ({ data }) => data,
    );
    const scalars = mapValues({ size, scale, decay }, (x) => f32([x], []));
    const outputs = await runFinished(graph, { ...state, ...scalars, g: f32(g, SHAPE) });
    state = mapValues(outputs, ({ data }) => f32(data as Float32Array, SHAPE));
  }
  expectClose(exact['p']!, expected, 1e-6, 'the parameter');
  expectClose(state['p']!.data, expected, 1e-5, 'the parameter by ONNX Runtime');
});
