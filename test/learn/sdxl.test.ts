/** SDXL in miniature through the public API: the paper's recipe by default, any size, names in the file. */
import { BLUE, PALE, RED, drawing } from '../support/tiny-engine';
import { join } from 'node:path';
import { InputError } from '../../engine/errors';
import { Engine } from '../../engine/engine';
import { readStyle } from '../../engine/restyle/style-file';
import { learningRateAt, makeRecipe } from '../../engine/learn/recipe';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { nodeFolder } from '../../engine/weights/node-folder';
import { openSafetensors } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';

const MODEL = join(__dirname, '../goldens/cases/pipeline/sdxl');
const REQUEST = {
  before: drawing(32, 32, RED, PALE),
  after: drawing(32, 32, BLUE, PALE),
  prompt: 'a disc',
  style: 'blue',
};

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.open(await nodeFolder(MODEL), nodeBackend, { threads: 1 });
});
afterAll(() => engine.dispose());

test('learns by the paper, and its style restyles at strength 1 and gives the picture back at 0', async () => {
  const short = { size: 32, rank: 2, contentSteps: 1, steps: 2, learningRate: 0.05 };
  const { style } = await engine.learn({ ...REQUEST, ...short, file: { keys: 'kohya' } });
  const { info, metadata, targets } = await readStyle(bytesSource('style', style));
  expect(info).toMatchObject({ mode: 'paper', stylePrompt: 'a disc in blue style', scale: 3 });
  expect(metadata['ss_base_model_version']).toBe('sdxl_base_v1-0');
  expect([...targets.values()].some(({ b }) => b.some((value) => value !== 0))).toBe(true);
  // The layers of the way down are named as in the original code.
  const names = [...(await openSafetensors(bytesSource('style', style))).tensors.keys()];
  expect(names.some((name) => name.startsWith('lora_unet_input_blocks_4_1_transformer_blocks_0_attn1'))).toBe(true);

  const picture = drawing(48, 32, RED, PALE);
  const at = (strength: number, size: number) =>
    engine.restyle({ image: picture, styles: [{ file: style, strength }], steps: 2, size });
  expect((await at(0, 32)).data).toEqual(picture.data);
  const [small, large] = [await at(1, 32), await at(1, 64)];
  expect([large.width, large.height]).toEqual([48, 32]);
  expect(small.data).not.toEqual(picture.data);
  expect(large.data).not.toEqual(small.data);
});

test('sizes that do not serve are refused before anything runs', async () => {
  for (const size of [33, 16 * 32, 0]) {
    await expect(engine.learn({ ...REQUEST, size })).rejects.toThrow(
      new InputError(`size is ${size}; ${MODEL} works at multiples of 16 px up to 128 (its own size is 32)`),
    );
  }
});

test("the paper's recipe", () => {
  const recipe = makeRecipe(REQUEST, { paper: true });
  expect(recipe).toMatchObject({
    mode: 'paper',
    rank: 64,
    learningRate: 1e-5,
    steps: 750,
    scale: 3,
    calibrated: false,
  });
  expect(recipe.phases.map(({ steps }) => steps)).toEqual([250, 500]);
  expect(learningRateAt(recipe, 749)).toBe(1e-5);
  // Another mode asked for keeps its own ways.
  expect(learningRateAt(makeRecipe({ ...REQUEST, mode: 'pair' }, { paper: true }), 749)).toBeLessThan(1e-6);
});
