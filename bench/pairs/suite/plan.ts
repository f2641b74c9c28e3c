/** What a suite is made of, before anything is drawn. */
import type { Image } from '../../../engine/image/image';
import { Random, streamSeed } from '../../../engine/tensor/random';
import { imageOf, over, rasterOf } from '../pixels/raster';

/** Side, px, of every picture of a suite. */
export const SUITE_SIDE = 256;

export type TaskKind = 'designers' | 'families' | 'filters' | 'photographs' | 'robust' | 'broken';
/** Settings are found on `tune` tasks and judged on `report` tasks. */
export type Split = 'tune' | 'report';

/** A picture and what the style truly makes of it. */
export interface Drawn {
  readonly input: Image;
  readonly truth: Image;
}

/** Both pictures on opaque white: frames as they are exported with their fill, so that a style may paint beside the shape. */
export function onPaper({ input, truth }: Drawn): Drawn {
  const white = (picture: Image): Image => imageOf(over(rasterOf(picture), [1, 1, 1]));
  return { input: white(input), truth: white(truth) };
}

export interface TaskPlan {
  /** Its folder. */
  readonly name: string;
  readonly kind: TaskKind;
  readonly split: Split;
  /** The style's name, as a user would give it. */
  readonly style: string;
  /** Names that may serve for the pair; the first that suits and that the pair check finds nothing wrong with does. */
  readonly pairs: readonly string[];
  readonly suits: (name: string) => Promise<boolean>;
  readonly tests: readonly string[];
  readonly drawPair: (name: string) => Promise<Drawn>;
  /** What is done to the chosen pair's after image to break the pair. */
  readonly spoil?: (after: Image) => Promise<Image>;
  readonly drawTest: (name: string) => Promise<Drawn>;
  /** For task.json: sources and parameters. */
  readonly about: object;
}

/** The same order for the same seed and names. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = new Random(seed);
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [out[i], out[j]] = [out[j]!, out[i]!];
  }
  return out;
}

/** A seed of its own for each named thing. */
export function seedFor(seed: number, name: string): number {
  return [...name].reduce((mixed, letter) => streamSeed(mixed, letter.codePointAt(0)!), seed);
}

/** "teddy-bear" as "teddy bear". */
export function wordsOf(name: string): string {
  return name.replaceAll('-', ' ');
}
