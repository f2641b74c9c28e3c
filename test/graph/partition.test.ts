/** Parts of a training step, run one after another, against the whole. */
import { join } from 'node:path';
import { ADAMW_DEFAULTS } from '../../engine/autodiff/adamw';
import { unetTargets } from '../../engine/diffusion/denoiser';
import { openModel } from '../../engine/diffusion/model';
import { GraphBuilder } from '../../engine/graph/builder';
import { partition } from '../../engine/graph/partition';
import { buildTrainingStep } from '../../engine/learn/training-step';
import { attentionTargets } from '../../engine/lora/target-modules';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { compileParts } from '../../engine/runtime/parts-program';
import { openRuntime } from '../../engine/runtime/runtime';
import { Random } from '../../engine/tensor/random';
import { sizeOf, type Shape } from '../../engine/tensor/shape';
import { f32, type HostTensor } from '../../engine/tensor/tensor';
import { nodeFolder } from '../../engine/weights/node-folder';

const TINY = join(__dirname, '../fixtures/tiny-model');

async function trainingStep() {
  const model = await openModel(await nodeFolder(TINY));
  const b = new GraphBuilder();
  buildTrainingStep(b, model, attentionTargets(unetTargets(model)), {
    rows: 2,
    adapters: [
      { name: 'content', rank: 2 },
      { name: 'style', rank: 3 },
    ],
    latents: [1, 4, 8, 8],
    tokens: 5,
    target: 'noise',
    optimizer: ADAMW_DEFAULTS,
    gradients: 'besides',
  });
  return { graph: b.finish(), files: model.files };
}

/** Inputs of the size they have in training, so that rounding is not amplified. */
function feed(name: string, shape: Shape): HostTensor {
  const fill = (x: number): HostTensor => f32(new Float32Array(sizeOf(shape)).fill(x), shape);
  if (name === 'timestep') return fill(500);
  if (/multiplier|gradientMask|lossWeights|second/.test(name)) return fill(1);
  const scale = /up|down/.test(name) ? 0.2 : 1;
  return f32(
    new Random(name.length).normals(sizeOf(shape)).map((x) => scale * x),
    shape,
  );
}

test.each(['products', 'nothing'] as const)('keeping %s gives the numbers of one piece', async (keep) => {
  const { graph, files } = await trainingStep();
  const feeds = Object.fromEntries([...graph.inputs].map(([name, { shape }]) => [name, feed(name, shape)]));
  const runtime = await openRuntime(nodeBackend, { threads: 1 });
  try {
    const whole = await (await runtime.compile(graph, files)).run(feeds);
    const before = runtime.memory().tensors;
    const parts = await compileParts(runtime, graph, partition(graph, { partBytes: 1, keep }), files, {});
    const cut = await parts.run(feeds);
    expect(Object.keys(cut).sort()).toEqual(Object.keys(whole).sort());
    // Nothing but the results is held on to.
    expect(runtime.memory().tensors).toBe(2 * before);
    for (const [name, tensor] of Object.entries(whole)) {
      const [wanted, got] = [
        (await tensor.read()).data as Float32Array,
        (await cut[name]!.read()).data as Float32Array,
      ];
      const scale = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const off = wanted.reduce((most, x, i) => Math.max(most, Math.abs(x - got[i]!)), 0);
      expect([name, off / scale < 1e-5]).toEqual([name, true]);
    }
  } finally {
    await runtime.dispose();
  }
});

test('the way back has a part for every part of the way there, and keeping nothing passes less', async () => {
  const { graph } = await trainingStep();
  const passing = (keep: 'products' | 'nothing'): number =>
    partition(graph, { partBytes: 1, keep }).reduce((sum, { done }) => sum + done.length, 0);
  const count = (partBytes: number): number => partition(graph, { partBytes, keep: 'products' }).length;
  // The input's convolution is before the first adapter, so it has no way back, and neither has the block it leads to.
  expect(count(1)).toBe(17);
  expect(count(Infinity)).toBe(3);
  expect(passing('nothing')).toBeLessThan(passing('products') / 2);
});
