/** A training pair on the net's canvas, and what its pixels say, found once and handed on. */
import type { HostTensor } from '../tensor/tensor';
import { edgeDistances, type EdgeDistances } from './edges';
import { planes, type Planes } from './resample';

/** Both pictures on the net's canvas, [1, 3, h, w] in [-1, 1]. */
export interface DrawnPair {
  readonly before: HostTensor<'f32'>;
  readonly after: HostTensor<'f32'>;
}

export interface AnalysedPair {
  /** Three planes each, in [0, 1]. */
  readonly before: Planes;
  readonly after: Planes;
  /** Distances to the before image's edges; found at the first call, as not every style needs them. */
  readonly distances: () => EdgeDistances;
}

export function analysePair({ before, after }: DrawnPair): AnalysedPair {
  const picture = planesOf(before);
  let found: EdgeDistances | undefined;
  return { before: picture, after: planesOf(after), distances: () => (found ??= edgeDistances(picture)) };
}

/** A picture [1, 3, h, w] in [-1, 1] as planes in [0, 1]. */
function planesOf({ data, shape }: HostTensor<'f32'>): Planes {
  return planes(
    3,
    shape[3]!,
    shape[2]!,
    data.map((value) => (value + 1) / 2),
  );
}
