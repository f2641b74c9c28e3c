/** Stages of a graph with a way there and a way back: 0, 1, ... n, then back from n to 0, then what follows. */

/** More stages than any net has. */
const MOST = 2 ** 20;

/** The stage of everything after the gradients. */
export const AFTER = 2 * MOST;

/** The stage in which a stage of the way there is differentiated. */
export function backwardStage(stage: number): number {
  return isForward(stage) ? AFTER - 1 - stage : stage;
}

/** The stage of the way there that a stage of the way back differentiates. */
export function forwardStage(backward: number): number {
  return AFTER - 1 - backward;
}

export function isForward(stage: number): boolean {
  return stage < MOST;
}
