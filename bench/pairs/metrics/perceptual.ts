/**
 * Perceptual distance in the manner of LPIPS (Zhang et al., arXiv 1801.03924): features of a pretrained net at four
 * scales, made unit length at every position, squared distance, mean over positions, mean over scales. The weights of
 * LPIPS, fitted to human judgements, cannot be had here: all channels count alike.
 */
import * as ort from 'onnxruntime-node';
import { SIDE } from './sample';

/** One scale: [channels, positions]. */
export interface FeatureMap {
  readonly channels: number;
  readonly data: Float32Array;
}

export type Features = readonly FeatureMap[];

export class PerceptualNet {
  readonly #session: ort.InferenceSession;

  private constructor(session: ort.InferenceSession) {
    this.#session = session;
  }

  /** @param path bench/pairs/perceptual/efficientnet-lite0.onnx */
  static async open(path: string): Promise<PerceptualNet> {
    const options = { intraOpNumThreads: 1, graphOptimizationLevel: 'all' } as const;
    return new PerceptualNet(await ort.InferenceSession.create(path, options));
  }

  /** Features of three planes of SIDE * SIDE numbers in [0, 1]. */
  async features(rgb: Float32Array): Promise<Features> {
    const outputs = await this.#session.run({ image: new ort.Tensor('float32', rgb, [1, 3, SIDE, SIDE]) });
    return this.#session.outputNames.map((name) => {
      const { data, dims } = outputs[name]!;
      return { channels: dims[1]!, data: data as Float32Array };
    });
  }

  async dispose(): Promise<void> {
    await this.#session.release();
  }
}

/** 0 for the same picture, at most 4. */
export function perceptualDistance(a: Features, b: Features): number {
  return a.reduce((sum, map, i) => sum + scaleDistance(map, b[i]!), 0) / a.length;
}

/** Mean over positions of the squared distance of two unit vectors: 2 - 2 cos of the angle between them. */
function scaleDistance(a: FeatureMap, b: FeatureMap): number {
  const positions = a.data.length / a.channels;
  let total = 0;
  for (let p = 0; p < positions; p++) {
    let [product, squareA, squareB] = [0, 0, 0];
    for (let i = p; i < a.data.length; i += positions) {
      product += a.data[i]! * b.data[i]!;
      squareA += a.data[i]! ** 2;
      squareB += b.data[i]! ** 2;
    }
    total += 2 - (2 * product) / Math.sqrt(Math.max(1e-20, squareA * squareB));
  }
  return total / positions;
}
