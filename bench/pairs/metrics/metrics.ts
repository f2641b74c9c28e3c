/** All metrics of one result against one truth. */
import type { Rgb } from '../../../engine/image/canvas';
import type { Image } from '../../../engine/image/image';
import type { Lab } from '../pixels/lab';
import { labColours, slicedWasserstein } from './colour-distance';
import { ssim } from './ssim';
import { edgeMap } from '../pixels/edges';
import { flatNoise, localDeviation } from './flatness';
import { perceptualDistance, type Features, type PerceptualNet } from './perceptual';
import { pixelError } from './pixel-error';
import { sampleOf, SIDE, type Sample } from './sample';

/** Raise when a metric changes: what was measured before is then measured again. */
export const METRICS_VERSION = 1;

export interface Metrics {
  /** Perceptual distance to the truth, 0 to 4. */
  readonly perceptual: number;
  /** SSIM of edges with the truth's, at most 1. */
  readonly structure: number;
  /** SSIM of edges with the input's own, at most 1. */
  readonly ownStructure: number;
  /** Sliced Wasserstein distance of colours to the truth's, in CIELAB units. */
  readonly colour: number;
  /** Mean absolute difference from the truth, in grey levels. */
  readonly pixels: number;
  /** Mean local deviation where input and truth are flat, in grey levels; null where they nowhere are. */
  readonly flat: number | null;
}

export type MetricName = keyof Metrics;

/** A picture with everything the metrics derive from it. */
interface Measured {
  readonly sample: Sample;
  readonly features: Features;
  readonly edges: Float32Array;
  readonly colours: readonly Lab[];
  readonly deviation: Float32Array;
}

/** Measures results for one input and its truth; what it derives from those two is derived once. */
export class Judge {
  readonly #net: PerceptualNet;
  readonly #background: Rgb;
  readonly #input: Measured;
  readonly #truth: Measured;

  private constructor(net: PerceptualNet, background: Rgb, input: Measured, truth: Measured) {
    this.#net = net;
    this.#background = background;
    this.#input = input;
    this.#truth = truth;
  }

  /** @param background what all pictures are laid over. */
  static async for(net: PerceptualNet, background: Rgb, input: Image, truth: Image): Promise<Judge> {
    return new Judge(net, background, await measure(net, background, input), await measure(net, background, truth));
  }

  async judge(result: Image): Promise<Metrics> {
    const [input, truth] = [this.#input, this.#truth];
    const measured = await measure(this.#net, this.#background, result);
    return {
      perceptual: perceptualDistance(measured.features, truth.features),
      structure: ssim(measured.edges, truth.edges, SIDE, SIDE),
      ownStructure: ssim(measured.edges, input.edges, SIDE, SIDE),
      colour: slicedWasserstein(measured.colours, truth.colours),
      pixels: pixelError(measured.sample.rgb, truth.sample.rgb),
      flat: flatNoise(measured.deviation, input.deviation, truth.deviation, input.sample.alpha),
    };
  }
}

async function measure(net: PerceptualNet, background: Rgb, picture: Image): Promise<Measured> {
  const sample = sampleOf(picture, background);
  return {
    sample,
    features: await net.features(sample.rgb),
    edges: edgeMap(sample.rgb, SIDE, SIDE),
    colours: labColours(sample.rgb, SIDE, SIDE),
    deviation: localDeviation(sample.rgb, SIDE, SIDE),
  };
}
