/**
 * The before-to-after interpolant of the style loss (docs/method.md; not in the paper): the sample of a row is noised from a
 * picture on the way from one image to the other, and its target leads to the other. As
 *   a z_mix + s eps = a z_to + s noise',  noise' = eps + (a / s) (1 - share) (z_from - z_to),
 * with a = sqrt(abar), s = sqrt(1 - abar) and z_mix = z_to + (1 - share) (z_from - z_to), the row's noise is all that
 * changes.
 */
import { noisedLatents, type Schedule } from '../diffusion/schedule';
import { f32, type HostTensor } from '../tensor/tensor';

/** The two ends of the way, scaled latents [1, C, h, w]. */
export interface Way {
  readonly from: HostTensor<'f32'>;
  readonly to: HostTensor<'f32'>;
}

/**
 * The noise with which `to` makes the same sample that `noise` makes of the picture on the way.
 *
 * @param noise [1, C, h, w]
 * @param share of the way, in [0, 1]; at 1 the noise comes back as it is.
 */
export function interpolantNoise(
  schedule: Schedule,
  timestep: number,
  noise: HostTensor<'f32'>,
  { from, to }: Way,
  share: number,
): HostTensor<'f32'> {
  // Trained timesteps all have some noise: s is above 0.
  const { latents: a, noise: s } = noisedLatents(schedule, timestep);
  const factor = (a / s) * (1 - share);
  return f32(
    noise.data.map((value, i) => value + factor * (from.data[i]! - to.data[i]!)),
    noise.shape,
  );
}

/**
 * Weight of such a row's loss, in (0, 1]: min(1, 2 s²). Told as noise or v, the distance between the images grows as
 * a / s where there is little noise; there the error counts as an error of the picture. A net that predicts the picture
 * itself needs no weight.
 */
export function interpolantWeight(schedule: Schedule, timestep: number): number {
  if (schedule.predictionType === 'sample') return 1;
  return Math.min(1, 2 * noisedLatents(schedule, timestep).noise ** 2);
}
