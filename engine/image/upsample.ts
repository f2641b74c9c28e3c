/**
 * Enlarging a small difference to a picture's own resolution with the picture as guide, so that a change that follows
 * an edge of the picture follows it at full sharpness.
 *
 * The guided filter (He, Sun and Tang, ECCV 2010) in its fast form (He and Sun, arXiv 1505.00996): around each small
 * pixel the difference is fitted as an affine function of the picture's colour; the coefficients are enlarged and
 * applied to the full-size picture. What the fit leaves over (a new highlight on a flat area, say) is enlarged as it
 * is and added, so nothing the net drew is lost. bench/pairs/thresholds/pair-images.ts compares it with plain bicubic and with joint
 * bilateral upsampling (Kopf et al., 2007).
 */
import { fitAffine, leftOver, type GuideOptions } from './guided-filter';
import { blendRows, kernelFor, makeTaps, resizeWidth, type Planes, type Taps } from './resample';

/** In small pixels. Measured in bench/pairs/thresholds/pair-images.ts, on differences that were not cleaned (restyle/clean.ts). */
export const GUIDE: GuideOptions = { radius: 1, epsilon: 3e-4 };

/** Gives the enlarged difference row by row, so that a large picture never exists as floats. */
export interface RowUpsampler {
  /**
   * @param y row of the full-size picture.
   * @param guideRow that row of the picture, three lines of `width` numbers in [0, 1].
   * @param out receives the difference, three lines of `width`.
   */
  row(y: number, guideRow: Float32Array, out: Float32Array): void;
}

/**
 * @param difference three planes at the small size.
 * @param guide the picture at that same size, three planes in [0, 1], as sharp or as blurred as the difference is.
 * @param width,height the full size, at least the small one.
 */
export function guidedUpsampler(
  difference: Planes,
  guide: Planes,
  width: number,
  height: number,
  options: GuideOptions = GUIDE,
): RowUpsampler {
  const fit = fitAffine(difference, guide, options);
  const rest = leftOver(difference, guide, fit);
  const fitRows = rowSource(resizeWidth(fit, width, 'triangle'), makeTaps(fit.height, height, 'triangle'));
  const restRows = rowSource(resizeWidth(rest, width, 'catmull-rom'), makeTaps(rest.height, height, 'catmull-rom'));
  const line = new Float32Array(width);
  return {
    row(y, guideRow, out) {
      for (let c = 0; c < 3; c++) {
        const to = out.subarray(c * width, (c + 1) * width);
        restRows(c, y, to);
        fitRows(4 * c + 3, y, line);
        for (let x = 0; x < width; x++) to[x]! += line[x]!;
        for (let k = 0; k < 3; k++) {
          fitRows(4 * c + k, y, line);
          for (let x = 0; x < width; x++) to[x]! += line[x]! * guideRow[k * width + x]!;
        }
      }
    },
  };
}

/** The same without a guide: bicubic (Catmull-Rom) enlargement, antialiased reduction, or a plain copy. */
export function plainUpsampler(difference: Planes, width: number, height: number): RowUpsampler {
  const across = resizeWidth(difference, width, kernelFor(difference.width, width));
  const taps = makeTaps(difference.height, height, kernelFor(difference.height, height));
  const rows = rowSource(across, taps);
  return {
    row(y, _guideRow, out) {
      for (let c = 0; c < 3; c++) rows(c, y, out.subarray(c * width, (c + 1) * width));
    },
  };
}

function rowSource(source: Planes, taps: Taps): (channel: number, y: number, out: Float32Array) => void {
  const plane = source.width * source.height;
  return (channel, y, out) => blendRows(source.data, channel * plane, source.width, taps, y, out);
}
