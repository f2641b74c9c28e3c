/** The method on models whose largest weights are held in 8 bits: what that costs in accuracy, and every job on them. */
import { BLUE, PALE, RED, drawing, TINY_MODEL } from '../support/tiny-engine';
import { join } from 'node:path';
import { ADAMW_DEFAULTS } from '../../engine/autodiff/adamw';
import { conditioningFeeds, conditioningInputs, pooledWidth } from '../../engine/diffusion/conditioning';
import { unetOutput, unetTargets } from '../../engine/diffusion/denoiser';
import { describeInEightBit, openInEightBit } from '../../engine/diffusion/eight-bit';
import { openModel, type DiffusionModel } from '../../engine/diffusion/model';
import { Engine } from '../../engine/engine';
import { GraphBuilder } from '../../engine/graph/builder';
import { buildTrainingStep } from '../../engine/learn/training-step';
import { downShape, packedSize, upShape } from '../../engine/lora/packing';
import { attentionTargets } from '../../engine/lora/target-modules';
import { multiplierTensor } from '../../engine/lora/stack';
import { memoryNeeded } from '../../engine/preflight';
import { readStyle } from '../../engine/restyle/style-file';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { Random } from '../../engine/tensor/random';
import { sizeOf, type Shape } from '../../engine/tensor/shape';
import { f32, type HostTensor } from '../../engine/tensor/tensor';
import { memoryStore } from '../support/memory-store';
import { nodeFolder } from '../../engine/weights/node-folder';
import { bytesSource } from '../../engine/weights/source';
import { runFinished } from '../support/run-graph';

const MODELS = [
  ['Stable Diffusion', TINY_MODEL],
  ['SDXL', join(__dirname, '../goldens/cases/pipeline/sdxl')],
] as const;

const RANK = 2;
const TOKENS = 6;

/** Measured: outputs about 0.003, losses 0.0002 and 0.0003, gradients 0.014 to 0.047. These nets are random and tiny. */
const MOST_ERROR = { output: 0.011, losses: 0.002, 'content.gradient': 0.08, 'style.gradient': 0.085 };

/** The UNet's output without adapters, and a joint training step: its losses and the gradients of both adapters. */
async function jointStep(model: DiffusionModel): Promise<Record<string, Float32Array>> {
  const targets = attentionTargets(unetTargets(model));
  const { config } = model.unet;
  const latents: Shape = [1, config.inChannels, 8, 8];
  const adapters = ['content', 'style'].map((name) => ({ name, rank: RANK }));
  const b = new GraphBuilder();
  const shape = { rows: 2, adapters, latents, tokens: TOKENS, target: 'noise', optimizer: ADAMW_DEFAULTS } as const;
  buildTrainingStep(b, model, targets, { ...shape, gradients: 'besides' });
  const graph = b.finish();
  let seed = 1;
  const normal = (as: Shape, scale = 1): HostTensor<'f32'> =>
    f32(
      new Random(seed++).normals(sizeOf(as)).map((x) => scale * x),
      as,
    );
  const pooled = pooledWidth(config);
  const conditioning = {
    context: normal([2, TOKENS, config.crossAttentionDim]),
    pooled: pooled > 0 ? normal([2, pooled]) : null,
  };
  const up = packedSize(targets, upShape(RANK));
  const feeds: Record<string, HostTensor> = {
    ...conditioningFeeds(config, conditioning, latents, 8),
    latents: normal([2, ...latents.slice(1)]),
    noise: normal([2, ...latents.slice(1)]),
    timestep: f32([400], [1]),
    noising: f32([0.6, 0.8], [2]),
    objective: f32([0, 1], [2]),
    lossWeights: f32([1, 1], [2]),
    multiplier: multiplierTensor(
      [RANK, RANK],
      [
        [1, 0],
        [1, 1],
      ],
    ),
    gradientMask: multiplierTensor(
      [RANK, RANK],
      [
        [1, 0],
        [0, 1],
      ],
    ),
    down: normal([packedSize(targets, downShape(2 * RANK))], 0.3),
  };
  for (const { name } of adapters) {
    feeds[`${name}.up`] = normal([up], 0.1);
    feeds[`${name}.first`] = f32(new Float32Array(up), [up]);
    feeds[`${name}.second`] = f32(new Float32Array(up), [up]);
    feeds[`${name}.schedule`] = f32([0, 1, 1], [3]);
  }
  const plain = new GraphBuilder();
  const sample = plain.input('latents', [2, ...latents.slice(1)]);
  const timestep = plain.expand(plain.input('timestep', [1]), [2]);
  const conditions = conditioningInputs(plain, config, { rows: 2, tokens: TOKENS });
  plain.output('output', unetOutput(plain, model, { sample, timestep, ...conditions }));
  const evaluation = plain.finish();
  const taken = Object.fromEntries([...evaluation.inputs.keys()].map((name) => [name, feeds[name]!]));
  const results = {
    ...(await runFinished(graph, feeds, model.files)),
    ...(await runFinished(evaluation, taken, model.files)),
  };
  return Object.fromEntries(Object.keys(MOST_ERROR).map((name) => [name, results[name]!.data as Float32Array]));
}

/** ||got - expected|| / ||expected|| */
function relativeError(got: Float32Array, expected: Float32Array): number {
  const norm = (x: Float32Array): number => Math.sqrt(x.reduce((sum, v) => sum + v * v, 0));
  return norm(got.map((x, i) => x - expected[i]!)) / norm(expected);
}

describe.each(MODELS)('%s', (_, path) => {
  let stored: DiffusionModel;
  let eightBit: DiffusionModel;
  beforeAll(async () => {
    stored = await openModel(await nodeFolder(path));
    eightBit = await openInEightBit(stored, memoryStore);
  });

  test('every matrix of the transformers and convolution of the blocks is in 8 bits, and nothing else', () => {
    const inEightBits = eightBit.unet.weights
      .names()
      .filter((name) => eightBit.unet.weights.get(name)!.entry.dtype === 'I8');
    const matrices = unetTargets(stored).map(({ name }) => `${name}.weight`);
    const convolutions = stored.unet.weights
      .names()
      .filter((name) => /resnets\.\d\.conv(1|2|_shortcut)\.weight$|samplers\.0\.conv\.weight$/.test(name));
    expect(convolutions.length).toBeGreaterThan(10);
    expect([...inEightBits].sort()).toEqual([...matrices, ...convolutions].sort());
    expect(eightBit.fingerprint).toBe(stored.fingerprint);
  });

  test("the UNet's output, losses and gradients differ a little from those of the weights as stored", async () => {
    const [got, expected] = [await jointStep(eightBit), await jointStep(stored)];
    for (const [name, most] of Object.entries(MOST_ERROR)) {
      const error = relativeError(got[name]!, expected[name]!);
      expect([name, error > 1e-6, error < most, error]).toEqual([name, true, true, error]);
    }
  });

  test('less memory by the account, the same for weights that are described only', () => {
    const job = { kind: 'learn', size: 64, rank: RANK } as const;
    expect(memoryNeeded(eightBit, job)).toBeLessThan(memoryNeeded(stored, job));
    for (const weights of ['mapped', 'copied'] as const) {
      expect(memoryNeeded(describeInEightBit(stored), job, weights)).toBe(memoryNeeded(eightBit, job, weights));
    }
  });

  test('learns and restyles; strength 0 gives the picture back', async () => {
    const engine = await Engine.open(await nodeFolder(path), nodeBackend, { threads: 1, eightBit: memoryStore });
    try {
      const { style } = await engine.learn({
        before: drawing(32, 32, RED, PALE),
        after: drawing(32, 32, BLUE, PALE),
        prompt: 'a disc',
        style: 'blue',
        ...{ size: 32, rank: RANK, contentSteps: 1, steps: 2, learningRate: 0.05 },
      });
      expect((await readStyle(bytesSource('style', style))).info).toMatchObject({
        eightBit: true,
        modelFingerprint: stored.fingerprint,
      });
      const picture = drawing(48, 32, RED, PALE);
      const at = async (strength: number): Promise<Uint8ClampedArray> =>
        (await engine.restyle({ image: picture, styles: [{ file: style, strength }], steps: 2, size: 32 })).data;
      expect(await at(0)).toEqual(picture.data);
      expect(await at(1)).not.toEqual(picture.data);
    } finally {
      await engine.dispose();
    }
  });
});

test('a model that reads pairs has no such weights', async () => {
  const folder = await nodeFolder(join(__dirname, '../../models/diptych-pair-v5'));
  await expect(Engine.open(folder, nodeBackend, { eightBit: memoryStore })).rejects.toThrow(
    /is small and has no 8-bit weights; leave --weights out$/,
  );
});
