/**
 * How strong a style is meant to be. A base model follows one style by a third and another by all of it, and in places
 * goes its own ways; what strength 1 does to the pair's own before image shows that against the after image.
 */
import type { Image } from './image';

/** A fit beyond this says more of the base model than of the style, and what it extrapolates to has not been seen. */
const MOST = 1.5;
/**
 * Least fit of a style that is all the net's doing: by squared error even a good change of tones counts little once it
 * is not quite in place. Where pixels were repainted before the net acts (repaint.ts), it may have nothing to add.
 */
export const LEAST_FIT = { net: 0.5, rest: 0.1 } as const;

/**
 * The factor of strength that brings the restyled before image nearest to the after image, in the least-squares sense,
 * if changes grow in proportion to strength: with r and a the changes to `restyled` and `after`, (r . a) / (r . r), held
 * in [least, 1.5]. 1 where `restyled` is `before`.
 *
 * @param before,restyled,after opaque and of one size.
 */
export function fitStrength(before: Image, restyled: Image, after: Image, least: number): number {
  let [along, length] = [0, 0];
  for (let i = 0; i < before.data.length; i++) {
    const change = restyled.data[i]! - before.data[i]!;
    along += change * (after.data[i]! - before.data[i]!);
    length += change * change;
  }
  return length > 0 ? Math.min(MOST, Math.max(least, along / length)) : 1;
}
