/**
 * The guided filter (He, Sun and Tang, ECCV 2010) with a colour guide: around each pixel a difference is fitted as an
 * affine function of the picture's colour.
 */
import { boxMean, planes, type Planes } from './resample';

export interface GuideOptions {
  /** Window radius of the fit, px. */
  readonly radius: number;
  /** Regulariser of the fit: variances of colour in [0, 1] far below it count as flat. */
  readonly epsilon: number;
}

/**
 * The smoothed coefficients of difference_c = a_c · colour + b_c: twelve planes, a_c (three) then b_c for each of the
 * three channels c. Equations 19 to 21 of the paper, solved with Cramer's rule.
 */
export function fitAffine(difference: Planes, guide: Planes, { radius, epsilon }: GuideOptions): Planes {
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

/** What a fit does not explain: difference - (a · colour + b). */
export function leftOver(difference: Planes, guide: Planes, fit: Planes): Planes {
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
