/** The loss that the pair-conditioned net is trained with. */
import type { GraphBuilder } from '../../graph/builder';
import type { Value } from '../../graph/graph';

/** Weights of the absolute error, and of that of the differences between neighbours. */
const ABSOLUTE = 0.15;
const EDGES = 0.1;

/**
 * Mean squared error, plus shares of the absolute error and of the absolute error of vertical and horizontal differences.
 *
 * @param answer,target premultiplied RGBA, [N, 4, H, W].
 * @returns a scalar, the mean over pictures.
 */
export function pairLoss(b: GraphBuilder, answer: Value, target: Value): Value {
  const error = b.sub(answer, target);
  const along = (axis: 2 | 3): Value => {
    const extent = error.shape[axis]!;
    return meanAbsolute(b, b.sub(b.slice(error, axis, 1, extent), b.slice(error, axis, 0, extent - 1)));
  };
  const edges = b.mul(b.add(along(2), along(3)), EDGES);
  return b.add(b.add(b.reduceMean(b.square(error)), b.mul(meanAbsolute(b, error), ABSOLUTE)), edges);
}

function meanAbsolute(b: GraphBuilder, x: Value): Value {
  return b.reduceMean(b.where(b.greater(x, 0), x, b.neg(x)));
}
