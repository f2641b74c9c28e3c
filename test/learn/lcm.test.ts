/** A latent consistency model in miniature: four steps, the guidance scale as a condition, noise in place of inversion. */
import { join } from 'node:path';
import { consistencyPath } from '../../engine/diffusion/inversion-plan';
import { lcmTimesteps } from '../../engine/diffusion/samplers/lcm';
import { readSchedule } from '../../engine/diffusion/schedule';
import { Engine } from '../../engine/engine';
import { moveDown } from '../../engine/restyle/way-back';
import { nodeBackend } from '../../engine/runtime/backend-node';
import { nodeFolder } from '../../engine/weights/node-folder';
import { BLUE, PALE, RED, drawing } from '../support/tiny-engine';

const MODEL = join(__dirname, '../goldens/cases/pipeline/sd1-lcm');
const schedule = readSchedule({ _class_name: 'LCMScheduler', beta_schedule: 'scaled_linear' }, 's');

test('its timesteps are those it was distilled at', () => {
  expect(lcmTimesteps(schedule, 4)).toEqual([999, 759, 499, 259]);
  expect(consistencyPath(schedule, 4, 0.6).levels.map(({ timestep }) => timestep)).toEqual([0, 159, 299, 459, 599]);
  expect(() => lcmTimesteps(schedule, 51)).toThrow('steps is 51; this model was distilled from 50');
});

test('on the way back only the difference of the clean estimates is left', () => {
  const path = consistencyPath(schedule, 4, 0.6);
  // (z + d, styled output) and (z, base output) as clean estimates, then both at the next level under the same noise.
  const [z, d, styled, base] = [0.3, 0.2, -0.7, 0.4];
  const { abar } = path.levels[3]!;
  const clean = (sample: number, output: number): number => (sample - Math.sqrt(1 - abar) * output) / Math.sqrt(abar);
  const wanted = Math.sqrt(path.levels[2]!.abar) * (clean(z + d, styled) - clean(z, base));
  const move = moveDown(path, 3);
  expect(move.sample * d + move.output * (styled - base)).toBeCloseTo(wanted, 12);
});

test('learns, restyles in four steps, and gives the picture back at strength 0', async () => {
  const engine = await Engine.open(await nodeFolder(MODEL), nodeBackend, { threads: 1 });
  try {
    const { style } = await engine.learn({
      ...{ before: drawing(32, 32, RED, PALE), after: drawing(32, 32, BLUE, PALE), prompt: 'a disc', style: 'blue' },
      ...{ mode: 'paper', rank: 2, contentSteps: 1, steps: 2, learningRate: 0.05 },
    });
    const picture = drawing(48, 32, RED, PALE);
    const phases: string[] = [];
    const at = (strength: number) =>
      engine.restyle(
        { image: picture, styles: [{ file: style, strength }] },
        { onProgress: ({ phase, step, steps }) => void phases.push(`${phase} ${step}/${steps}`) },
      );
    expect((await at(0)).data).toEqual(picture.data);
    expect((await at(1)).data).not.toEqual(picture.data);
    expect(phases).toContain('restyle 4/4');
    const told = (guidanceScale: number) => engine.imagine({ prompt: 'a disc', styles: [], guidanceScale });
    expect((await told(8.5)).data).not.toEqual((await told(2)).data);
  } finally {
    await engine.dispose();
  }
});
