/** A task on disk, built here or by anyone else to the same layout. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadImage } from '../../../cli/inputs/images';
import { InputError } from '../../../engine/errors';
import type { Image } from '../../../engine/image/image';
import { messageOf } from '../../../engine/weights/source';
import { shuffled } from './plan';

/** What task.json may say; every entry may be left out. */
export interface TaskFile {
  /** Tasks of a kind are averaged together; 'other' when left out. */
  readonly kind: string;
  /** 'tune' or 'report', the default. */
  readonly split: string;
  readonly style: string;
  /** What the pair shows. */
  readonly prompt: string;
  /** Name of the picture the pair was made of. */
  readonly pair: string;
  readonly seed: number;
  readonly about: object;
  /** Digest of what the builder drew. */
  readonly recipe: string;
}

export interface Task {
  readonly name: string;
  readonly kind: string;
  readonly split: 'tune' | 'report';
  readonly style: string;
  readonly prompt: string;
  readonly before: Image;
  readonly after: Image;
  /** Of the pair and its words: what decides what is learned. */
  readonly digest: string;
  /** Names of its test pictures, in order. */
  readonly tests: readonly string[];
}

export interface TestPicture {
  readonly input: Image;
  readonly truth: Image;
  /** Of both files. */
  readonly digest: string;
}

/** Names of the tasks under a folder, in order. Throws an InputError when there are none. */
export async function taskNames(suite: string): Promise<string[]> {
  const entries = await readdir(suite, { withFileTypes: true }).catch((error: unknown) => {
    throw new InputError(
      `--suite ${suite}: cannot be read (${messageOf(error)}); make one with: npm run pairbench -- build`,
    );
  });
  const names: string[] = [];
  for (const entry of entries) {
    if (!entry.isDirectory()) continue;
    if (await readFile(join(suite, entry.name, 'task.json')).catch(() => undefined)) names.push(entry.name);
  }
  if (names.length === 0) {
    throw new InputError(
      `--suite ${suite}: no folder in it holds a task.json; make a suite with: npm run pairbench -- build`,
    );
  }
  return names.sort();
}

/** Throws an InputError that names the file when something is missing or is no picture. */
export async function readTask(suite: string, name: string): Promise<Task> {
  const folder = join(suite, name);
  const path = join(folder, 'task.json');
  let file: Partial<TaskFile>;
  try {
    file = JSON.parse(await readFile(path, 'utf8')) as Partial<TaskFile>;
  } catch (error) {
    throw new InputError(`${path}: is not JSON (${messageOf(error)}); correct it or build the suite again`);
  }
  if (typeof file !== 'object' || file === null || Array.isArray(file)) {
    throw new InputError(`${path}: must hold a JSON object; correct it or build the suite again`);
  }
  const { kind = 'other', split = 'report', style = name, prompt = '' } = file;
  for (const [key, value] of Object.entries({ kind, style, prompt })) {
    if (typeof value !== 'string') throw new InputError(`${path}: ${key} must be a string; correct it`);
  }
  if (split !== 'tune' && split !== 'report')
    throw new InputError(`${path}: split is ${JSON.stringify(split)}; use tune or report`);
  const pair = [join(folder, 'before.png'), join(folder, 'after.png')] as const;
  const [before, after] = [await loadImage(pair[0]), await loadImage(pair[1])];
  const pictures = (part: string): Promise<string[]> =>
    readdir(join(folder, part)).then(
      (files) => files.filter((one) => one.endsWith('.png')).sort(),
      () => [],
    );
  const [tests, truths] = [await pictures('test'), new Set(await pictures('truth'))];
  const lost = tests.find((test) => !truths.has(test));
  if (lost) throw new InputError(`${folder}/test/${lost}: has no truth of the same name; add ${folder}/truth/${lost}`);
  if (tests.length === 0) throw new InputError(`${folder}/test: holds no PNG files; add pictures to restyle`);
  return {
    name,
    kind,
    split,
    style,
    prompt,
    before,
    after,
    digest: await digestOf(pair, [style, prompt]),
    tests: tests.map((test) => test.slice(0, -'.png'.length)),
  };
}

export async function readTest(suite: string, task: Task, test: string): Promise<TestPicture> {
  const [input, truth] = ['test', 'truth'].map((part) => join(suite, task.name, part, `${test}.png`)) as [
    string,
    string,
  ];
  return { input: await loadImage(input), truth: await loadImage(truth), digest: await digestOf([input, truth], []) };
}

/** Which pictures a limit leaves, the same in every run: any order but the alphabet's, which sorts by subject. */
export function someTests({ tests }: Task, limit: number): string[] {
  return shuffled(tests, 1).slice(0, limit);
}

async function digestOf(files: readonly string[], words: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(words));
  for (const file of files) hash.update(await readFile(file));
  return hash.digest('hex').slice(0, 12);
}
