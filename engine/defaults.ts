/** What a request that leaves a setting out gets. Found by measurement on the embedded base model: docs/experiments.md. */

import type { GuideMode, LearnMode } from './modes';

export const LEARN_DEFAULTS = {
  mode: 'pair',
  contentSteps: 60,
  steps: 240,
  rank: 16,
  learningRate: 1e-3,
  seed: 0,
} as const satisfies { readonly mode: LearnMode; readonly [setting: string]: unknown };

/**
 * What SDXL gets: the paper's recipe (Pair Customization, arXiv 2405.01536, section 4), whose base it is. `scale` is its
 * lambda; the learning rate stays as it is.
 */
export const PAPER_DEFAULTS = {
  mode: 'paper',
  contentSteps: 250,
  steps: 500,
  rank: 64,
  learningRate: 1e-5,
  seed: 0,
  size: 512,
  scale: 3,
} as const satisfies { readonly mode: LearnMode; readonly [setting: string]: unknown };

/** `backgroundStart`: the start for a style that changes all of the background, which shows through less noise than that. */
export const RESTYLE_DEFAULTS = {
  steps: 6,
  start: 0.6,
  backgroundStart: 0.8,
  guide: 'style',
  iterations: 2,
  seed: 0,
} as const satisfies { readonly guide: GuideMode; readonly [setting: string]: unknown };

/** Steps of a restyle with a latent consistency model. */
export const LCM_STEPS = 4;

/** Those of the paper for SDXL. */
export const PAPER_IMAGINE_DEFAULTS = { guidanceScale: 5, steps: 50, start: 0.8, seed: 0 } as const;

/** Of latent consistency models, as published (Luo et al., arXiv 2310.04378). */
export const LCM_IMAGINE_DEFAULTS = { guidanceScale: 8.5, steps: 4, start: 0.8, seed: 0 } as const;

export const IMAGINE_DEFAULTS = { guidanceScale: 4, steps: 25, start: 0.8, seed: 0 } as const;
