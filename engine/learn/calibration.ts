/**
 * How strong a style is meant to be. A base model follows one style by a third and another by all of it, and in places
 * goes its own ways; what strength 1 does to the pair's own before image shows that against the after image.
 */
import { filterImage } from '../filter/filter';
import { chooseMatte, tensorToImage } from '../image/canvas';
import type { Image } from '../image/image';
import type { PreparedPair } from './prepare';

/**
 * What strength 1 is: `share` of what suits the pair best. A factor beyond `most` says more of the base model than of the
 * style, and what it extrapolates to has not been seen.
 */
interface Rule {
  readonly least: number;
  readonly most: number;
  readonly share: number;
}

/** By whether all of a style is the net's doing, or what a per-pixel filter leaves. */
export const CALIBRATION_RULES = {
  /** By squared error even a good change of tones counts little once it is not quite in place: not less than half. */
  net: { least: 0.5, most: 1.5, share: 1 },
  /**
   * There may be nothing left to add, and what is left belongs more to the one drawing than to the style: less of it is
   * better on other drawings (docs/experiments.md).
   */
  rest: { least: 0.1, most: 1.5, share: 0.4 },
} as const satisfies Record<string, Rule>;

/**
 * By how much a learned style's strength is to be multiplied: calibrationFactor on the pair as it was learned, opaque on
 * its canvas.
 *
 * @param apply applies the style at strength 1.
 */
export async function calibrate(
  { drawn, filter }: Pick<PreparedPair, 'drawn' | 'filter'>,
  apply: (picture: Image) => Promise<Image>,
): Promise<number> {
  const before = tensorToImage(drawn.before);
  const begin = filter ? filterImage(before, [{ filter, weight: 1 }], chooseMatte([before])) : before;
  const rule = filter ? CALIBRATION_RULES.rest : CALIBRATION_RULES.net;
  return calibrationFactor(begin, await apply(before), tensorToImage(drawn.after), rule);
}

/**
 * The factor of strength that brings the restyled before image closest to the after image, in the least-squares sense, if
 * changes grow in proportion to strength: with r and a the changes to `restyled` and `after`, (r . a) / (r . r), held in
 * the rule's bounds; of that the rule's share. A factor of 1 where `restyled` is `before`.
 *
 * @param before,restyled,after opaque and of one size.
 */
export function calibrationFactor(before: Image, restyled: Image, after: Image, { least, most, share }: Rule): number {
  let [along, length] = [0, 0];
  for (let i = 0; i < before.data.length; i++) {
    const change = restyled.data[i]! - before.data[i]!;
    along += change * (after.data[i]! - before.data[i]!);
    length += change * change;
  }
  const factor = length > 0 ? along / length : 1;
  return share * Math.min(most, Math.max(least, factor));
}
