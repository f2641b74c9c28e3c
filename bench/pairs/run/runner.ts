/** Runs rows over the tasks of a suite and measures them. */
import type { CommandEngine } from '../../../cli/io';
import { InputError, throwIfCancelled } from '../../../engine/errors';
import { chooseMatte, compositeAt } from '../../../engine/image/canvas';
import { checkPair } from '../../../engine/learn/pair-check';
import type { Image } from '../../../engine/image/image';
import { filterImage } from '../../../engine/filter/filter';
import type { LearnMode } from '../../../engine/requests';
import { readStyle } from '../../../engine/restyle/style-file';
import { bytesSource } from '../../../engine/weights/source';
import { learnColourMap } from '../baselines/colour-map';
import { learnReinhard } from '../baselines/reinhard';
import { Judge, METRICS_VERSION } from '../metrics/metrics';
import type { PerceptualNet } from '../metrics/perceptual';
import { imageOf, rasterOf, type Raster } from '../pixels/raster';
import { readTask, readTest, someTests, type Task } from '../suite/task-file';
import type { Row } from './rows';
import type { Settings } from './settings';
import type { Refusal, ResultKey, Store } from './store';

export interface Job {
  readonly suite: string;
  readonly tasks: readonly string[];
  readonly rows: readonly Row[];
  readonly settings: Settings;
  /** Most test pictures of a task; the same ones in every run. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly report: (line: string) => void;
}

/** The program would not learn a row's style from this pair; other rows may learn. */
class LearningRefused extends Error {}

/** A row's results for one task; rejects with LearningRefused. */
type Maker = (picture: Image, row: Row) => Promise<Image>;

/**
 * Does what is not in the store yet, task by task.
 *
 * @throws CancelledError when the signal fires; what was measured is in the store.
 */
export async function runJob(job: Job, engine: CommandEngine, net: PerceptualNet, store: Store): Promise<void> {
  const started = performance.now();
  for (const [i, name] of job.tasks.entries()) {
    throwIfCancelled(job.signal);
    const task = await readTask(job.suite, name);
    const done = await runTask(job, task, engine, net, store);
    const minutes = ((performance.now() - started) / 60_000).toFixed(1);
    job.report(`${i + 1}/${job.tasks.length} ${name}: ${done} (${minutes} min)\n`);
  }
}

async function runTask(job: Job, task: Task, engine: CommandEngine, net: PerceptualNet, store: Store): Promise<string> {
  const verdict = checkPair(task.before, task.after);
  if (!verdict.usable) {
    if (!store.refusal(task.name, task.digest)) {
      await store.add({ task: task.name, pair: task.digest, refused: verdict.verdict });
    }
    return `refused: ${verdict.verdict}`;
  }
  const background = chooseMatte([task.before, task.after]);
  const make = makerFor(job, task, engine, store);
  const refusal = (row: Row): Refusal | undefined => store.refusal(task.name, task.digest, row.name);
  let measured = 0;
  for (const image of someTests(task, job.limit)) {
    const picture = await readTest(job.suite, task, image);
    const keyOf = (row: Row): ResultKey => ({
      task: task.name,
      row: row.name,
      image,
      pair: task.digest,
      test: picture.digest,
    });
    const missing = job.rows.filter((row) => !store.has(keyOf(row)) && !refusal(row));
    if (missing.length === 0) continue;
    const judge = await Judge.for(net, background, picture.input, picture.truth);
    for (const row of missing) {
      throwIfCancelled(job.signal);
      const makePicture = (): Promise<Image> => store.picture(keyOf(row), () => make(picture.input, row));
      try {
        // Doing nothing makes no picture worth keeping.
        const result = row.way.by === 'nothing' ? picture.input : await makePicture();
        await store.add({ ...keyOf(row), version: METRICS_VERSION, metrics: await judge.judge(result) });
        measured++;
      } catch (error) {
        if (!(error instanceof LearningRefused)) throw error;
        await store.add({ task: task.name, row: row.name, pair: task.digest, refused: error.message });
      }
    }
  }
  const refused = job.rows.filter(refusal).map(({ name }) => `; ${name} refused`);
  return `${measured === 0 ? 'known already' : `${measured} results`}${refused.join('')}`;
}

function makerFor(job: Job, task: Task, engine: CommandEngine, store: Store): Maker {
  const { signal, settings } = job;
  const learned = new Map<LearnMode, Promise<Uint8Array>>();
  const styleOf = (mode: LearnMode): Promise<Uint8Array> => {
    const learn = async (): Promise<Uint8Array> => {
      const { before, after, prompt, style } = task;
      const request = { before, after, prompt, style, mode, ...settings.learn };
      try {
        return (await engine.learn(request, { signal })).style;
      } catch (error) {
        // A run that diverged, say.
        throw error instanceof InputError ? new LearningRefused(error.message) : error;
      }
    };
    const known = learned.get(mode) ?? store.style(task.name, task.digest, mode, learn);
    learned.set(mode, known);
    return known;
  };
  const transfers = new Map<string, (picture: Raster) => Raster>();
  const transferOf = (name: 'reinhard' | 'colour-map'): ((picture: Raster) => Raster) => {
    const learn = name === 'reinhard' ? learnReinhard : learnColourMap;
    const known = transfers.get(name) ?? learn(rasterOf(task.before), overMatte(task));
    transfers.set(name, known);
    return known;
  };
  return async (picture, { way, strength }) => {
    switch (way.by) {
      case 'style': {
        const styles = [{ file: await styleOf(way.mode), strength: strength! }];
        return engine.restyle({ image: picture, styles, guide: way.guide, ...settings.restyle }, { signal });
      }
      case 'pairs':
        return engine.restyle({ image: picture, styles: [{ pairs: [task], strength: strength! }] }, { signal });
      case 'filter':
        return filterAlone(await styleOf('pair'), picture);
      case 'colours':
        return imageOf(transferOf(way.transfer)(rasterOf(picture)));
      case 'nothing':
        return picture;
    }
  };
}

/** What a style makes of a picture before the net acts; the picture itself where it leaves all to the net. */
async function filterAlone(style: Uint8Array, picture: Image): Promise<Image> {
  const filter = (await readStyle(bytesSource('the style', style))).info?.filter;
  return filter ? filterImage(picture, [{ filter, weight: 1 }], chooseMatte([picture])) : picture;
}

/** The after image as it shows over the pair's matte, at the before image's size. */
function overMatte({ before, after }: Task): Raster {
  const { width, height } = before;
  const rgb = compositeAt(after, chooseMatte([before, after]), width, height).data;
  return { width, height, rgb, alpha: new Float32Array(width * height).fill(1) };
}
