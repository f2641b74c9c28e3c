/** What one learning run does, from the request, the defaults and the mode. */
import { LEARN_DEFAULTS, PAPER_DEFAULTS } from '../defaults';
import { InputError } from '../errors';
import { modeOf, type LearnMode, type Mode } from '../modes';
import type { LearnRequest } from '../requests';
import { namedPrompt } from '../restyle/styles';
import { phasesOf, type LearnPhase } from './phases';

/** A mode's settings, those of the request, and what follows from them. */
export interface Recipe extends Omit<Mode, 'summary' | 'prompt'> {
  readonly mode: LearnMode;
  readonly rank: number;
  readonly learningRate: number;
  /** The learning rate does not fall towards the end. */
  readonly constantRate: boolean;
  readonly seed: number;
  /** The base prompt. */
  readonly prompt: string;
  /** The prompt the style is applied with. */
  readonly stylePrompt: string;
  readonly phases: readonly LearnPhase[];
  /** Steps of all phases. */
  readonly steps: number;
}

/** What a base model means for a recipe. */
export interface RecipeFor {
  /** What the request leaves out is the paper's own recipe (PAPER_DEFAULTS). */
  readonly paper?: boolean;
  /** Encoding a picture takes long, so that fewer augmentations are made. */
  readonly large?: boolean;
}

/** Augmentations of the pair for a large model, the pair itself among them. */
const FEW_AUGMENTATIONS = 3;

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
  const { summary: _, prompt: wording, ...settings } = modeOf(mode);
  const prompt = request.prompt.trim();
  const phases = phasesOf(modeOf(mode), steps, contentSteps);
  return {
    ...settings,
    scale: published ? PAPER_DEFAULTS.scale : settings.scale,
    augmentations: large ? Math.min(settings.augmentations, FEW_AUGMENTATIONS) : settings.augmentations,
    mode,
    rank,
    learningRate,
    constantRate: published,
    seed,
    prompt,
    stylePrompt: wording === 'base' ? prompt : namedPrompt(prompt, request.style.trim()),
    phases,
    steps: phases.reduce((n, phase) => n + phase.steps, 0),
  };
}

/**
 * Learning rate of a step: constant for the first half of the run, then falling linearly towards 0. With one image and
 * one noise a step the gradient never settles; the decline averages it out (docs/experiments.md).
 *
 * @param step from 0, over all phases.
 */
export function learningRateAt(recipe: Recipe, step: number): number {
  return recipe.constantRate ? recipe.learningRate : recipe.learningRate * Math.min(1, 2 * (1 - step / recipe.steps));
}

function requireWhole(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max)
    throw new InputError(`${name} is ${value}; use a whole number from ${min} to ${max}`);
}

/** The request without its undefined entries, so that defaults show through. */
function defined<T extends object>(request: T): Partial<T> {
  return Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined)) as Partial<T>;
}
