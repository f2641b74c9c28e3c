/** What one learning run does, from the request and the defaults: phases, batch rows, masks. Every mode is data here. */
import { InputError } from '../errors';
import type { Site } from '../lora/sites';
import { independentRows, orthonormalRows } from '../lora/basis';
import { downShape, packMatrices } from '../lora/packing';
import { namedPrompt } from '../restyle/styles';
import { LEARN_DEFAULTS, PAPER_DEFAULTS } from '../defaults';
import type { LearnMode, LearnRequest } from '../requests';

export type AdapterName = 'content' | 'style';

/** One sample of a training batch. */
export interface BatchRow {
  readonly image: 'before' | 'after';
  /** The sample is noised from a picture on the way from this image to `image`, and leads to `image`. */
  readonly from?: 'before';
  readonly prompt: 'base' | 'style';
  /** Multiplier of each adapter of the phase. */
  readonly multipliers: readonly number[];
  /** For each adapter of the phase, whether this row's loss trains it. */
  readonly trains: readonly boolean[];
  /** Which loss curve this row draws; null for the teacher of ADDifT. */
  readonly loss: AdapterName | null;
}

export interface LearnPhase {
  readonly steps: number;
  readonly adapters: readonly AdapterName[];
  readonly target: 'noise' | 'teacher';
  /** The batch of the phase's n-th step; its length does not depend on n. */
  readonly rows: (n: number) => readonly BatchRow[];
  /** Share of the trained timesteps that are drawn, uniformly. */
  readonly timesteps: readonly [number, number];
}

export interface Recipe {
  readonly mode: LearnMode;
  readonly rank: number;
  readonly learningRate: number;
  /** The learning rate does not fall towards the end. */
  readonly constantRate: boolean;
  readonly seed: number;
  readonly prompt: string;
  /** The prompt the style is applied with. */
  readonly stylePrompt: string;
  /** lambda at strength 1, before the fit. */
  readonly scale: number;
  /** Whether lambda is fitted to the pair once the style is learned (calibration.ts). */
  readonly fits: boolean;
  /** Whether pixels are repainted first, where the style's change is of that kind (filter/filter.ts). */
  readonly repaints: boolean;
  /** The pair and its copies that are learned from. */
  readonly copies: number;
  readonly phases: readonly LearnPhase[];
  /** Steps of all phases. */
  readonly steps: number;
}

/**
 * Learning rate of a step: constant for the first half of the run, then falling linearly towards 0. With one image and
 * one noise a step the gradient never settles; the decline averages it out (measured in docs/method.md).
 *
 * @param step from 0, over all phases.
 */
export function learningRateAt(recipe: Recipe, step: number): number {
  return recipe.constantRate ? recipe.learningRate : recipe.learningRate * Math.min(1, 2 * (1 - step / recipe.steps));
}

/** What a base model means for a recipe. */
export interface RecipeFor {
  /** What the request leaves out is the paper's own recipe (PAPER_DEFAULTS). */
  readonly paper?: boolean;
  /** Encoding a picture takes long, so that fewer augmentations are made. */
  readonly large?: boolean;
}

/** Augmentations of the pair for a large model, the pair itself among them. */
const FEW_COPIES = 3;

/** Throws an InputError for settings outside their ranges. */
export function makeRecipe(request: LearnRequest, { paper = false, large = false }: RecipeFor = {}): Recipe {
  const defaults = paper ? PAPER_DEFAULTS : LEARN_DEFAULTS;
  const { mode, contentSteps, steps, rank, learningRate, seed } = { ...defaults, ...defined(request) };
  const published = paper && mode === 'paper';
  requireWhole('steps', steps, 1, 100_000);
  requireWhole('content steps', contentSteps, 0, 100_000);
  requireWhole('rank', rank, 1, 1024);
  requireWhole('seed', seed, 0, 2 ** 32 - 1);
  if (!(learningRate > 0 && learningRate <= 1))
    throw new InputError(`learning rate is ${learningRate}; use a number above 0, at most 1`);
  const { scale, fits, repaints, copies, prompt: under, phasesOf } = MODES[mode];
  const prompt = request.prompt.trim();
  const phases = phasesOf(steps, contentSteps).filter((phase) => phase.steps > 0);
  return {
    mode,
    rank,
    learningRate,
    constantRate: published,
    seed,
    prompt,
    stylePrompt: under === 'base' ? prompt : namedPrompt(prompt, request.style.trim()),
    scale: published ? PAPER_DEFAULTS.scale : scale,
    fits,
    repaints,
    copies: large ? Math.min(copies, FEW_COPIES) : copies,
    phases,
    steps: phases.reduce((n, phase) => n + phase.steps, 0),
  };
}

const ALL_TIMESTEPS = [0, 1] as const;

/** What sets a mode apart. */
interface Mode {
  /**
   * lambda at strength 1, "as learned" to the user's eye: a style that was never shown the before image brings about
   * half of the change at lambda 1 (docs/method.md).
   */
  readonly scale: number;
  /** Whether that is fitted to the pair at the end: ours, and not of what is published otherwise. */
  readonly fits: boolean;
  /** Whether pixels are repainted first: ours too. */
  readonly repaints: boolean;
  /**
   * Which prompt the style is learned and applied with. The base prompt where the pair alone shall say what the style
   * is: a base model has a notion of its own of words like "gradient", and acts on it (docs/method.md).
   */
  readonly prompt: 'base' | 'style';
  /** How many copies of the pair it learns from (augmentation.ts), the pair itself among them. */
  readonly copies: number;
  readonly phasesOf: (steps: number, contentSteps: number) => LearnPhase[];
}

const COPIES = 8;

export const MODES: Readonly<Record<LearnMode, Mode>> = {
  pair: { scale: 1, fits: true, repaints: true, prompt: 'base', copies: COPIES, phasesOf: joint({ from: 'before' }) },
  // The losses as published.
  paper: { scale: 2, fits: false, repaints: false, prompt: 'style', copies: 1, phasesOf: joint({}) },
  // Its bases are independent rows: downProjections.
  'no-ortho': {
    scale: 1,
    fits: true,
    repaints: true,
    prompt: 'base',
    copies: COPIES,
    phasesOf: joint({ from: 'before' }),
  },
  // A style LoRA alone, as DreamBooth-LoRA would have it.
  'no-content': {
    scale: 1,
    fits: true,
    repaints: true,
    prompt: 'base',
    copies: COPIES,
    phasesOf: (steps) => [
      {
        steps,
        adapters: ['style'],
        target: 'noise',
        rows: () => [
          { image: 'after', from: 'before', prompt: 'style', multipliers: [1], trains: [true], loss: 'style' },
        ],
        timesteps: ALL_TIMESTEPS,
      },
    ],
  },
  // Alternating direct difference training, as its author's article describes it: with the adapter on, the net sees
  // one image and must predict what the base makes of the other, both ways in turn, at the timesteps of the published
  // preset for styles.
  addift: {
    scale: 1,
    fits: false,
    repaints: false,
    prompt: 'base',
    copies: 1,
    phasesOf: (steps) => [
      {
        steps,
        adapters: ['style'],
        target: 'teacher',
        rows: (n) => {
          const forward = n % 2 === 0;
          return [
            {
              image: forward ? 'before' : 'after',
              prompt: 'base',
              multipliers: [forward ? 1 : -1],
              trains: [true],
              loss: 'style',
            },
            { image: forward ? 'after' : 'before', prompt: 'base', multipliers: [0], trains: [false], loss: null },
          ];
        },
        timesteps: [0.2, 0.4],
      },
    ],
  },
};

/**
 * The paper's schedule: the content adapter first learns the before image alone, then both learn together.
 *
 * @param way where the samples of the style loss come from, besides the after image.
 */
function joint(way: Pick<BatchRow, 'from'>): Mode['phasesOf'] {
  const before = { image: 'before', prompt: 'base', loss: 'content' } as const;
  const after = { image: 'after', ...way, prompt: 'style', loss: 'style' } as const;
  return (steps, contentSteps) => [
    {
      steps: contentSteps,
      adapters: ['content'],
      target: 'noise',
      rows: () => [{ ...before, multipliers: [1], trains: [true] }],
      timesteps: ALL_TIMESTEPS,
    },
    {
      steps,
      adapters: ['content', 'style'],
      target: 'noise',
      rows: () => [
        { ...before, multipliers: [1, 0], trains: [true, false] },
        // Stop-gradient on the content parameters: they act here and are not trained.
        { ...after, multipliers: [1, 1], trains: [false, true] },
      ],
      timesteps: ALL_TIMESTEPS,
    },
  ];
}

/**
 * The frozen down-projections of both adapters: the first `rank` rows of each width's basis are the content's, the
 * next the style's.
 *
 * @returns for each site, [rank, in] of the named adapter.
 */
export function downProjections(
  recipe: Recipe,
  sites: readonly Site[],
): (adapter: AdapterName, site: Site) => Float32Array {
  const { rank, seed, mode } = recipe;
  const bases = new Map<number, Float32Array>();
  for (const { inFeatures } of sites) {
    if (bases.has(inFeatures)) continue;
    const rows = mode === 'no-ortho' ? independentRows : orthonormalRows;
    bases.set(inFeatures, rows(2 * rank, inFeatures, seed));
  }
  return (adapter, site) => {
    const size = rank * site.inFeatures;
    const start = adapter === 'content' ? 0 : size;
    return bases.get(site.inFeatures)!.subarray(start, start + size);
  };
}

/** The stacked down-projections of some adapters, packed for all sites. */
export function packedDown(recipe: Recipe, sites: readonly Site[], adapters: readonly AdapterName[]): Float32Array {
  const down = downProjections(recipe, sites);
  return packMatrices(sites, downShape(adapters.length * recipe.rank), (site) => {
    const stacked = new Float32Array(adapters.length * recipe.rank * site.inFeatures);
    adapters.forEach((adapter, k) => stacked.set(down(adapter, site), k * recipe.rank * site.inFeatures));
    return stacked;
  });
}

function requireWhole(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new InputError(`${name} is ${value}; use a whole number from ${min} to ${max}`);
}

/** The request without its undefined entries, so that defaults show through. */
function defined<T extends object>(request: T): Partial<T> {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)) as Partial<T>;
}
