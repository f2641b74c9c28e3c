/** A ruler for the metrics: what known harm to a truth measures, so that the numbers of a table can be read. */
import { chooseMatte } from '../../../engine/image/canvas';
import type { Image } from '../../../engine/image/image';
import { Random } from '../../../engine/tensor/random';
import { Judge, type Metrics } from '../metrics/metrics';
import type { PerceptualNet } from '../metrics/perceptual';
import { gaussianBlur } from '../pixels/blur';
import { imageOf, rasterOf, type Raster } from '../pixels/raster';
import { readTask, readTest, someTests } from '../suite/task-file';
import { meanOf } from './statistics';
import { METRIC_COLUMNS, METRICS } from './table';

type Harm = (truth: Image, other: Image) => Image;

const onRaster =
  (harm: (picture: Raster) => Raster): Harm =>
  (truth) =>
    imageOf(harm(rasterOf(truth)));

const noise = (levels: number): Harm => {
  return onRaster((picture) => {
    const random = new Random(1);
    return { ...picture, rgb: picture.rgb.map((value) => value + (levels / 255) * random.normal()) };
  });
};

/** Blurs colours and alpha. */
const blur = (sigma: number): Harm =>
  onRaster(({ width, height, rgb, alpha }) => {
    const size = width * height;
    const soft = new Float32Array(3 * size);
    const cover = gaussianBlur(alpha, width, height, sigma);
    for (let c = 0; c < 3; c++) {
      const premultiplied = rgb.subarray(c * size, (c + 1) * size).map((value, i) => value * alpha[i]!);
      const plane = gaussianBlur(premultiplied, width, height, sigma);
      soft.set(
        plane.map((value, i) => value / Math.max(1e-6, cover[i]!)),
        c * size,
      );
    }
    return { width, height, rgb: soft, alpha: cover };
  });

/** Moves the picture right; what comes in from the left is its border. */
const shift = (by: number): Harm =>
  onRaster((picture) => {
    const { width } = picture;
    const move = (plane: Float32Array): Float32Array => plane.map((_, i) => plane[i - Math.min(by, i % width)]!);
    return { ...picture, rgb: move(picture.rgb), alpha: move(picture.alpha) };
  });

const HARMS: Readonly<Record<string, Harm>> = {
  'moved by 1 px': shift(1),
  'moved by 4 px': shift(4),
  'blurred, sigma 1 px': blur(1),
  'blurred, sigma 3 px': blur(3),
  'noise of 5 grey levels': noise(5),
  'noise of 15 grey levels': noise(15),
  "another picture's truth": (_, other) => other,
};

/**
 * Lines of a Markdown table: the mean metrics of each harm done to the truths of some tasks, and of doing nothing to
 * their inputs.
 *
 * @param limit most pictures of a task.
 */
export async function ruler(
  suite: string,
  tasks: readonly string[],
  limit: number,
  net: PerceptualNet,
): Promise<string[]> {
  const measured = new Map<string, Metrics[]>();
  for (const name of tasks) {
    const task = await readTask(suite, name);
    const background = chooseMatte([task.before, task.after]);
    const tests = someTests(task, limit);
    for (const [i, test] of tests.entries()) {
      const { input, truth } = await readTest(suite, task, test);
      const other = (await readTest(suite, task, tests[(i + 1) % tests.length]!)).truth;
      const judge = await Judge.for(net, background, input, truth);
      const note = async (title: string, picture: Image): Promise<void> => {
        measured.set(title, [...(measured.get(title) ?? []), await judge.judge(picture)]);
      };
      for (const [title, harm] of Object.entries(HARMS)) await note(title, harm(truth, other));
      await note('the input, not restyled', input);
    }
  }
  const head = ['the truth ...', ...METRICS.map((metric) => METRIC_COLUMNS[metric].title)];
  const align = head.map((_, i) => (i === 0 ? '---' : '---:'));
  const rows = [...measured].map(([title, all]) => [
    title,
    ...METRICS.map((metric) => {
      const values = all.map((one) => one[metric]).filter((value) => value !== null);
      return values.length === 0 ? '' : meanOf(values).toFixed(METRIC_COLUMNS[metric].digits);
    }),
  ]);
  return [head, align, ...rows].map((line) => `| ${line.join(' | ')} |`);
}
