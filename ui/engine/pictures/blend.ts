/** What a picture would look like at another strength, guessed from the change that was made at one. */
import { image, type Image } from '../../../engine/image/image';

/**
 * How much of the change made at strengths `made` stands for strengths `asked`: 1 at those very strengths, 0 where all
 * are 0. Of several styles, the change cannot be told apart; what counts is how far `asked` goes in its direction.
 */
export function shareOfChange(made: readonly number[], asked: readonly number[]): number {
  const along = (other: readonly number[]): number => made.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0);
  const whole = along(made);
  return whole === 0 ? 0 : along(asked) / whole;
}

/** original + share * (styled - original), each channel clipped to a byte; both pictures have one size. */
export function blend(original: Image, styled: Image, share: number): Image {
  // Uint8ClampedArray rounds to nearest and clips.
  const data = new Uint8ClampedArray(original.data.length);
  for (let i = 0; i < data.length; i++) {
    data[i] = original.data[i]! + share * (styled.data[i]! - original.data[i]!);
  }
  return image(original.width, original.height, data);
}
