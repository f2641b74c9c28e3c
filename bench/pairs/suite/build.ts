/** Draws a suite: DIR/<task>/{before.png,after.png,task.json} and DIR/<task>/{test,truth}/<name>.png. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from '../../../cli/outputs/output';
import { savePng } from '../../../cli/inputs/images';
import { checkPair } from '../../../engine/learn/pair-check';
import type { Image } from '../../../engine/image/image';
import { brokenTasks } from './broken';
import { designerTasks } from './designers';
import { filterTasks, photographTasks, robustTasks } from './exact';
import { familyTasks } from './families';
import { wordsOf, type TaskPlan } from './plan';
import { Sources } from './sources';
import type { TaskFile } from './task-file';

/** Raise when the same plan draws other pictures than before. */
const BUILDER_VERSION = 3;
/** Test pictures of a task unless told; families have fewer. */
export const DEFAULT_TESTS = 50;

export interface BuildOptions {
  /** Diptych's folder. */
  readonly root: string;
  readonly output: string;
  readonly seed: number;
  /** Most test pictures of a task. */
  readonly limit: number;
  /** Only tasks whose names begin with one of these. */
  readonly tasks?: readonly string[];
  readonly report: (line: string) => void;
}

/** Every task of a seed. */
export function planSuite(sources: Sources, seed: number): TaskPlan[] {
  return [designerTasks, familyTasks, filterTasks, photographTasks, robustTasks, brokenTasks].flatMap((plan) =>
    plan(sources, seed),
  );
}

/** Draws what is not there yet. Throws an InputError when the icon sets are not installed. */
export async function buildSuite({ root, output, seed, limit, tasks, report }: BuildOptions): Promise<void> {
  const sources = new Sources(root);
  const wanted = planSuite(sources, seed).filter(
    ({ name }) => !tasks || tasks.some((prefix) => name.startsWith(prefix)),
  );
  for (const [i, plan] of wanted.entries()) {
    const drawn = await buildTask(plan, join(output, plan.name), seed, limit);
    report(`${i + 1}/${wanted.length} ${plan.name}: ${drawn}\n`);
  }
}

async function buildTask(plan: TaskPlan, folder: string, seed: number, limit: number): Promise<string> {
  const tests = plan.tests.slice(0, limit);
  const { name, kind, split, style, about } = plan;
  const recipe = createHash('sha256')
    .update(JSON.stringify([BUILDER_VERSION, seed, name, kind, split, style, about, plan.pairs, tests]))
    .digest('hex');
  const taskFile = join(folder, 'task.json');
  const known = await readFile(taskFile, 'utf8').catch(() => '{}');
  if ((JSON.parse(known) as Partial<TaskFile>).recipe === recipe) return 'there already';

  await rm(folder, { recursive: true, force: true });
  for (const part of ['test', 'truth']) await mkdir(join(folder, part), { recursive: true });
  const pair = await choosePair(plan);
  await savePng(join(folder, 'before.png'), pair.before, { overwrite: true });
  await savePng(join(folder, 'after.png'), pair.after, { overwrite: true });
  for (const test of tests) {
    const { input, truth } = await plan.drawTest(test);
    await savePng(join(folder, 'test', `${test}.png`), input, { overwrite: true });
    await savePng(join(folder, 'truth', `${test}.png`), truth, { overwrite: true });
  }
  // Written last: a folder that holds it is whole.
  const file: TaskFile = { kind, split, style, prompt: wordsOf(pair.name), pair: pair.name, seed, about, recipe };
  await writeWhole(taskFile, Buffer.from(`${JSON.stringify(file, null, 2)}\n`), { overwrite: true });
  return `${tests.length} pictures, pair ${pair.name}`;
}

/** The first pair that suits and that the check finds nothing wrong with: whoever makes a pair is told to make a sound one. */
async function choosePair(plan: TaskPlan): Promise<{ name: string; before: Image; after: Image }> {
  for (const name of plan.pairs) {
    if (!(await plan.suits(name))) continue;
    const { input, truth } = await plan.drawPair(name);
    const { usable, problems } = checkPair(input, truth);
    if (usable && problems.length === 0) {
      return { name, before: input, after: plan.spoil ? await plan.spoil(truth) : truth };
    }
  }
  throw new Error(`${plan.name}: none of ${plan.pairs.length} pairs suits and passes the pair check`);
}
