/** The before-to-after term in the trainer: what of a step it changes, and what not. */
import { TINY_MODEL } from '../support/tiny-engine';
import { noisedLatents, type Schedule } from '../../engine/diffusion/schedule';
import { openModel } from '../../engine/diffusion/model';
import { attentionTargets } from '../../engine/lora/target-modules';
import { makeRecipe } from '../../engine/learn/recipe';
import type { LearnMode } from '../../engine/requests';
import { loadStyles, readStyles } from '../../engine/restyle/styles';
import { Trainer, type StepDraw, type TrainerState, type TrainingData } from '../../engine/learn/trainer';
import { interpolantNoise, interpolantWeight } from '../../engine/learn/interpolant';
import { openPipeline, type Pipeline } from '../../engine/pipeline';
import { writeStyle, type StyleInfo } from '../../engine/restyle/style-file';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { openRuntime } from '../../engine/runtime/runtime';
import { Random } from '../../engine/tensor/random';
import { sizeOf, type Shape } from '../../engine/tensor/shape';
import { f32, type HostTensor } from '../../engine/tensor/tensor';
import { nodeFolder } from '../../engine/weights/node-folder';

type Floats = HostTensor<'f32'>;

let pipeline: Pipeline;
let data: TrainingData;
let noise: Floats;
beforeAll(async () => {
  const model = await openModel(await nodeFolder(TINY_MODEL));
  pipeline = openPipeline(model, await openRuntime(nodeBackend, { threads: 1 }));
  const random = new Random(5);
  const normals = (shape: Shape): Floats => f32(random.normals(sizeOf(shape)), shape);
  const { inChannels, sampleSize } = model.unet.config;
  const latents: Shape = [1, inChannels, sampleSize, sampleSize];
  const contexts = { base: await pipeline.text.embed(['a disc']), style: await pipeline.text.embed(['a blue disc']) };
  data = { pairs: [{ before: normals(latents), after: normals(latents) }], contexts };
  noise = normals(latents);
});
afterAll(async () => {
  pipeline.programs.dispose();
  await pipeline.runtime.dispose();
});

const NONE = { width: 0, height: 0, data: new Uint8ClampedArray(0) };

function recipeOf(mode: LearnMode) {
  return makeRecipe({ before: NONE, after: NONE, prompt: 'a disc', style: 'blue', mode, rank: 4, contentSteps: 0 });
}

/** The first step of a mode, with nothing left to chance. */
async function firstStep(mode: LearnMode, draw: StepDraw): Promise<{ losses: number[]; state: TrainerState }> {
  const { model, runtime, programs, denoiser } = pipeline;
  const recipe = recipeOf(mode);
  const trainer = new Trainer(model, runtime, programs, attentionTargets(denoiser.targets), recipe, data);
  try {
    const { losses } = await trainer.step(recipe.phases[0]!, 0, draw);
    return { losses: [...losses], state: await trainer.read() };
  } finally {
    trainer.dispose();
  }
}

/** First moments of an adapter after its first step: a tenth of the gradient. */
const gradient = ({ state }: { state: TrainerState }, adapter: 'content' | 'style') => state[adapter]!.tensors[1].data;

/** A timestep with much noise, where the loss weighs 1, and one with little. */
const [MUCH, LITTLE] = [700, 100];

test("at share 1 a step is the paper's to the last bit", async () => {
  const draw = { timestep: MUCH, noise, share: 1, pair: 0 };
  expect(interpolantWeight(pipeline.model.schedule, MUCH)).toBe(1);
  expect(await firstStep('pair', draw)).toEqual(await firstStep('paper', draw));
});

test('where there is little noise only the gradient of the style weighs less', async () => {
  const weight = interpolantWeight(pipeline.model.schedule, LITTLE);
  expect(weight).toBeGreaterThan(0);
  expect(weight).toBeLessThan(0.5);
  const draw = { timestep: LITTLE, noise, share: 1, pair: 0 };
  const [ours, paper] = [await firstStep('pair', draw), await firstStep('paper', draw)];
  expect(ours.losses).toEqual(paper.losses);
  expect(gradient(ours, 'content')).toEqual(gradient(paper, 'content'));
  const [weighed, whole] = [gradient(ours, 'style'), gradient(paper, 'style')];
  const largest = Math.max(...whole.map(Math.abs));
  expect(largest).toBeGreaterThan(0);
  whole.forEach((value, i) => expect(Math.abs(weighed[i]! - weight * value)).toBeLessThan(1e-5 * largest));
});

test('elsewhere on the way the style row alone has another noise', async () => {
  const [timestep, share] = [MUCH, 0.25];
  const way = { from: data.pairs[0]!.before, to: data.pairs[0]!.after };
  const translated = interpolantNoise(pipeline.model.schedule, timestep, noise, way, share);
  const ours = await firstStep('pair', { timestep, noise, share, pair: 0 });
  const [plain, moved] = [
    await firstStep('paper', { timestep, noise, share, pair: 0 }),
    await firstStep('paper', { timestep, noise: translated, share, pair: 0 }),
  ];
  expect(ours.losses).toEqual([plain.losses[0], moved.losses[1]]);
  expect(ours.losses[1]).not.toBe(plain.losses[1]);
});

test.each([LITTLE, MUCH])('at timestep %d the sample lies on the way, and the noise leads to its end', (timestep) => {
  const { schedule } = pipeline.model;
  const { before: from, after: to } = data.pairs[0]!;
  const { latents: a, noise: s } = noisedLatents(schedule, timestep);
  for (const share of [0, 0.3, 1]) {
    const translated = interpolantNoise(schedule, timestep, noise, { from, to }, share);
    translated.data.forEach((value, i) => {
      const mixed = share * to.data[i]! + (1 - share) * from.data[i]!;
      const sample = a * mixed + s * noise.data[i]!;
      expect((sample - s * value) / a).toBeCloseTo(to.data[i]!, 5);
    });
  }
});

test('only a net that predicts noise or v needs the weight', () => {
  const { schedule } = pipeline.model;
  const weights = (['epsilon', 'v_prediction', 'sample'] as const).map((predictionType) =>
    interpolantWeight({ ...schedule, predictionType } satisfies Schedule, LITTLE),
  );
  expect(weights[0]).toBeCloseTo(2 * (1 - schedule.alphasCumprod[LITTLE]!), 12);
  expect(weights[1]).toBe(weights[0]);
  expect(weights[2]).toBe(1);
});

test("the share is drawn last and from the step's number alone: timesteps and noise stay what they are without it", () => {
  const { model, runtime, programs, denoiser } = pipeline;
  const targets = attentionTargets(denoiser.targets);
  const drawn = (['pair', 'paper', 'pair'] as const).map((mode) => {
    const recipe = recipeOf(mode);
    const trainer = new Trainer(model, runtime, programs, targets, recipe, data);
    // In another order, as a resumed run would.
    const order = mode === 'paper' ? [3, 1] : [1, 3];
    return new Map(order.map((step) => [step, trainer.draw(step, recipe.phases[0]!)]));
  });
  for (const step of [1, 3]) {
    const [one, two, three] = drawn.map((draws) => draws.get(step)!) as [StepDraw, StepDraw, StepDraw];
    expect(two).toEqual(one);
    expect(three).toEqual(one);
    expect(one.share).toBeGreaterThanOrEqual(0);
    expect(one.share).toBeLessThan(1);
  }
  expect(drawn[0]!.get(1)!.share).not.toBe(drawn[0]!.get(3)!.share);
});

test.each([
  ['pair', 'a disc', 'a cup'],
  ['paper', 'a disc in blue style', 'a cup in blue style'],
  // Of before modes left the style out of the prompt.
  ['pair', 'a disc in blue style', 'a cup in blue style'],
  ['addift', 'a disc in blue style', 'a cup'],
  ['a mode of tomorrow', 'a disc in blue style', 'a cup in blue style'],
])(
  'a style of %s, learned for "%s", is applied under "%s", at the scale its file says',
  async (mode, stylePrompt, prompt) => {
    const scale = 0.5;
    const { name, inFeatures, outFeatures } = attentionTargets(pipeline.denoiser.targets)[0]!;
    const matrices = { a: new Float32Array(2 * inFeatures), b: new Float32Array(2 * outFeatures) };
    const info: StyleInfo = {
      style: 'blue',
      prompt: 'a disc',
      stylePrompt,
      mode,
      scale,
      backgroundExtent: null,
      filter: null,
      modelFingerprint: '',
      eightBit: false,
      baseModel: '',
      baseModelVersion: '',
      seed: 0,
      steps: 1,
      learningRate: 1,
    };
    const file = writeStyle(new Map([[name, { rank: 2, alpha: 2, ...matrices, inFeatures, outFeatures }]]), info);
    const { guiding, adapters } = await loadStyles(
      pipeline,
      await readStyles(pipeline, [{ file, strength: 0.75 }]),
      ' a cup ',
    );
    pipeline.denoiser.unload(adapters);
    expect(guiding).toEqual([{ prompt, strength: 0.75, scale }]);
  },
);
