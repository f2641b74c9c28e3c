/**
 * Enlarging a small difference to a picture's own resolution with the picture as guide, so that a change that follows
 * an edge of the picture follows it at full sharpness.
 *
 * The guided filter (He, Sun and Tang, ECCV 2010) in its fast form (He and Sun, arXiv 1505.00996): around each small
 * pixel the difference is fitted as an affine function of the picture's colour; the coefficients are enlarged and
 * applied to the full-size picture. What the fit leaves over (a new highlight on a flat area, say) is enlarged as it
 * is and added, so nothing the net drew is lost. bench/pair-images.ts compares it with plain bicubic and with joint
 * bilateral upsampling (Kopf et al., 2007).
 */
import { blendRows, boxMean, kernelFor, makeTaps, planes, resizeWidth, type Planes, type Taps } from './resample';

export interface GuideOptions {
  /** Window radius of the fit, in small pixels. */
  readonly radius: number;
  /** Regulariser of the fit: variances of colour in [0, 1] far below it count as flat. */
  readonly epsilon: number;
}

/** Measured in bench/pair-images.ts. */
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
 * @param guide the picture at that same size, three planes in [0, 1], as blurred as the difference is.
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

/**
 * The smoothed coefficients of difference_c = a_c · colour + b_c: twelve planes, a_c (three) then b_c for each of the
 * three channels c. Equations 19 to 21 of the paper, solved with Cramer's rule.
 */
function fitAffine(difference: Planes, guide: Planes, { radius, epsilon }: GuideOptions): Planes {
  const { width, height } = guide;
  const size = width * height;
  const mean = (plane: (i: number) => number): Float32Array =>
    boxMean(
      planes(
        1,
        width,
        height,
        Float32Array.from({ length: size }, (_, i) => plane(i)),
      ),
      radius,
    ).data;
  const channel = (source: Planes, c: number): Float32Array => source.data.subarray(c * size, (c + 1) * size);
  const colour = [0, 1, 2].map((c) => channel(guide, c));
  const colourMean = colour.map((plane) => mean((i) => plane[i]!));
  const covariance = (p: Float32Array, pMean: Float32Array, q: Float32Array, qMean: Float32Array): Float32Array => {
    const product = mean((i) => p[i]! * q[i]!);
    return product.map((value, i) => value - pMean[i]! * qMean[i]!);
  };
  const colourCovariance = (j: number, k: number) => covariance(colour[j]!, colourMean[j]!, colour[k]!, colourMean[k]!);
  const [rr, rg, rb] = [colourCovariance(0, 0), colourCovariance(0, 1), colourCovariance(0, 2)];
  const [gg, gb, bb] = [colourCovariance(1, 1), colourCovariance(1, 2), colourCovariance(2, 2)];
  const out = planes(12, width, height);
  for (let c = 0; c < 3; c++) {
    const target = channel(difference, c);
    const targetMean = mean((i) => target[i]!);
    const [vr, vg, vb] = colour.map((plane, k) => covariance(plane, colourMean[k]!, target, targetMean));
    for (let i = 0; i < size; i++) {
      const a = solveSymmetric(
        [rr[i]! + epsilon, rg[i]!, rb[i]!, gg[i]! + epsilon, gb[i]!, bb[i]! + epsilon],
        [vr![i]!, vg![i]!, vb![i]!],
      );
      let b = targetMean[i]!;
      for (let k = 0; k < 3; k++) {
        out.data[(4 * c + k) * size + i] = a[k]!;
        b -= a[k]! * colourMean[k]![i]!;
      }
      out.data[(4 * c + 3) * size + i] = b;
    }
  }
  return boxMean(out, radius);
}

type Triple = readonly [number, number, number];

/** x of M x = v with M = [[a, b, c], [b, d, e], [c, e, f]] positive definite. */
function solveSymmetric(
  [a, b, c, d, e, f]: readonly [number, number, number, number, number, number],
  [u, v, w]: Triple,
): Triple {
  const aa = d * f - e * e;
  const ab = c * e - b * f;
  const ac = b * e - c * d;
  const determinant = a * aa + b * ab + c * ac;
  const bb = a * f - c * c;
  const bc = b * c - a * e;
  const cc = a * d - b * b;
  return [
    (aa * u + ab * v + ac * w) / determinant,
    (ab * u + bb * v + bc * w) / determinant,
    (ac * u + bc * v + cc * w) / determinant,
  ];
}

/** What the fit does not explain at the small size. */
function leftOver(difference: Planes, guide: Planes, fit: Planes): Planes {
  const size = guide.width * guide.height;
  const rest = planes(3, guide.width, guide.height);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < size; i++) {
      let value = difference.data[c * size + i]! - fit.data[(4 * c + 3) * size + i]!;
      for (let k = 0; k < 3; k++) value -= fit.data[(4 * c + k) * size + i]! * guide.data[k * size + i]!;
      rest.data[c * size + i] = value;
    }
  }
  return rest;
}
