/**
 * Guidance as a weighted sum: every guide evaluates the UNet on some rows (a prompt and adapter multipliers each) and
 * combines the outputs linearly. Raw outputs may be combined for epsilon and v prediction alike, since at a fixed
 * sample the one is an affine function of the other with the same weights.
 */
import { InputError } from '../errors';

/** One evaluation of the UNet. */
export interface GuidanceRow {
  /** null: no prompt at all. */
  readonly prompt: string | null;
  /** Multiplier of each stacked adapter. */
  readonly multipliers: readonly number[];
  /** Weight of this row's output in the sum. */
  readonly weight: number;
}

/** A style as guidance sees it. */
export interface GuidingStyle {
  /** c_s: the base prompt with the style named, or whichever prompt the style was learned for. */
  readonly prompt: string;
  /** What the user sets: 0 the original, 1 as learned. */
  readonly strength: number;
  /** lambda_k at strength 1; 1 when left out. */
  readonly scale?: number;
}

/**
 * Style guidance (Pair Customization, arXiv 2405.01536, section 3.3) on classifier-free guidance (arXiv 2207.12598):
 *   eps(0) + cfg (eps(c) - eps(0)) + sum over k of lambda_k (eps_{s_k}(c_{s_k}) - eps(c))
 *
 * @param guidanceScale cfg; 1 leaves the unconditional row out.
 * @param active whether lambda_k is in force at this timestep.
 */
export function styleGuidance(
  prompt: string,
  styles: readonly GuidingStyle[],
  guidanceScale: number,
  active = true,
): GuidanceRow[] {
  const none = styles.map(() => 0);
  const guiding = active ? styles : [];
  const lambdas = guiding.map(lambdaOf);
  return [
    ...(guidanceScale === 1 ? [] : [{ prompt: null, multipliers: none, weight: 1 - guidanceScale }]),
    { prompt, multipliers: none, weight: guidanceScale - lambdas.reduce((sum, lambda) => sum + lambda, 0) },
    ...guiding.map((style, k) => ({
      prompt: style.prompt,
      multipliers: styles.map((_, i) => (i === k ? 1 : 0)),
      weight: lambdas[k]!,
    })),
  ];
}

function lambdaOf({ strength, scale = 1 }: GuidingStyle): number {
  return strength * scale;
}

/**
 * The usual way of applying LoRAs, as a baseline: one evaluation with every adapter scaled by its lambda.
 *
 * @param prompt the style prompt.
 */
export function scaleGuidance(prompt: string, styles: readonly GuidingStyle[]): GuidanceRow[] {
  return [{ prompt, multipliers: styles.map(lambdaOf), weight: 1 }];
}

/** The base model alone. */
export function baseGuidance(prompt: string, styles: number): GuidanceRow[] {
  return [{ prompt, multipliers: new Array<number>(styles).fill(0), weight: 1 }];
}

/** Throws an InputError unless the strength is a number the method is meant for. */
export function requireStrength(strength: number): void {
  if (!(strength >= -4 && strength <= 4))
    throw new InputError(`strength is ${strength}; use a number from -4 to 4 (0: the original, 1: as learned)`);
}
