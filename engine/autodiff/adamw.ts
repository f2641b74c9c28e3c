/** AdamW (Loshchilov and Hutter, arXiv 1711.05101) as a graph, in the form of torch.optim.AdamW. */
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';

export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** torch's defaults, but for the weight decay, which low-rank adapters do without. */
export const ADAMW_DEFAULTS: AdamWSettings = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

export interface AdamWState {
  readonly parameter: Value;
  readonly firstMoment: Value;
  readonly secondMoment: Value;
}

/** What changes from step to step, computed on the host in double precision by adamWSchedule. */
export interface AdamWStep {
  /** Shape []: lr / (1 - beta1^t). */
  readonly stepSize: Value;
  /** Shape []: 1 / sqrt(1 - beta2^t). */
  readonly secondMomentScale: Value;
  /** Shape []: 1 - lr * weight decay. */
  readonly decay: Value;
}

/**
 * One step for a parameter of any shape:
 *   m' = beta1 m + (1 - beta1) g;  v' = beta2 v + (1 - beta2) g^2;
 *   p' = (1 - lr wd) p - lr / (1 - beta1^t) m' / (sqrt(v') / sqrt(1 - beta2^t) + epsilon)
 */
export function adamW(
  b: GraphBuilder,
  state: AdamWState,
  gradient: Value,
  step: AdamWStep,
  settings: AdamWSettings,
): AdamWState {
  const { beta1, beta2, epsilon } = settings;
  const firstMoment = b.add(b.mul(state.firstMoment, beta1), b.mul(gradient, 1 - beta1));
  const secondMoment = b.add(b.mul(state.secondMoment, beta2), b.mul(b.square(gradient), 1 - beta2));
  const denominator = b.add(b.mul(b.sqrt(secondMoment), step.secondMomentScale), epsilon);
  const update = b.mul(b.div(firstMoment, denominator), step.stepSize);
  return { parameter: b.sub(b.mul(state.parameter, step.decay), update), firstMoment, secondMoment };
}

/** The scalars of step t (from 1) at a learning rate: [stepSize, secondMomentScale, decay]. */
export function adamWSchedule(t: number, learningRate: number, settings: AdamWSettings): [number, number, number] {
  return [
    learningRate / (1 - settings.beta1 ** t),
    1 / Math.sqrt(1 - settings.beta2 ** t),
    1 - learningRate * settings.weightDecay,
  ];
}
