/** The loss that the pair-conditioned net is trained with. */
import type { GraphBuilder } from '../../graph/builder';
import type { Value } from '../../graph/graph';

/** Weights of the squared error, the absolute one, and that of the differences between neighbours. */
const SQUARED = 0.3;
const ABSOLUTE = 2;
const EDGES = 1.5;
/** Added to a style's change, so that a style that changes nothing has a finite loss. */
const LEAST_CHANGE = 0.004;

/**
 * Squared error as a share of the style's change, so that a slight style counts as much as a strong one, plus the
 * absolute error and the absolute error of vertical and horizontal differences, both over the change's root.
 *
 * @param answer,target premultiplied RGBA, [N, 4, H, W].
 * @param change mean squared change of each picture's style, [N].
 * @returns a scalar, the mean over pictures.
 */
export function pairLoss(b: GraphBuilder, answer: Value, target: Value, change: Value): Value {
  const error = b.sub(answer, target);
  const along = (axis: 2 | 3): Value => {
    const extent = error.shape[axis]!;
    return meanAbsolute(b, b.sub(b.slice(error, axis, 1, extent), b.slice(error, axis, 0, extent - 1)));
  };
  const scale = b.add(change, LEAST_CHANGE);
  const edges = b.mul(b.add(along(2), along(3)), EDGES);
  const absolute = b.div(b.add(b.mul(meanAbsolute(b, error), ABSOLUTE), edges), b.sqrt(scale));
  const squared = b.div(b.mul(b.reduceMean(b.square(error), [1, 2, 3]), SQUARED), scale);
  return b.reduceMean(b.add(squared, absolute));
}

/** Of each picture, [N]. */
function meanAbsolute(b: GraphBuilder, x: Value): Value {
  return b.reduceMean(b.where(b.greater(x, 0), x, b.neg(x)), [1, 2, 3]);
}
