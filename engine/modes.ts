/** The modes of learning as data: our method, the method as published, and each other mode as its difference from one. */

/** What sets a mode apart. */
export interface Mode {
  /** In a few words, for people. */
  readonly summary: string;
  /**
   * What the style adapter learns from. 'images': it denoises the after image (arXiv 2405.01536, equations 4 to 6).
   * 'difference': alternating direct difference training (ADDifT), as its author's article describes it: with the adapter
   * on, the net sees one image and must predict what the base makes of the other, both ways in turn.
   */
  readonly objective: 'images' | 'difference';
  /** Whether a content adapter is learned with the style adapter, so that the style need not hold the content. */
  readonly contentAdapter: boolean;
  /** The rows of the down-projections of both adapters: of one orthonormal basis, or drawn independently. */
  readonly basis: 'orthonormal' | 'independent';
  /**
   * Which prompt the style is learned and applied with. The base prompt where the pair alone shall say what the style is:
   * a base model has a notion of its own of words like "gradient", and acts on it (docs/experiments.md).
   */
  readonly prompt: 'base' | 'style';
  /**
   * lambda at strength 1, "as learned" to the user's eye: a style that was never shown the before image brings about half
   * of the change at lambda 1 (docs/experiments.md).
   */
  readonly scale: number;

  // Additions of ours: each can be left out.
  /** Whether the style adapter is shown the way from before to after (learn/interpolant.ts). */
  readonly interpolant: boolean;
  /** How many versions of the pair it learns from, the pair itself among them (learn/augmentation.ts). */
  readonly augmentations: number;
  /** Whether a per-pixel filter is fitted first, where the style's change is of that kind (filter/). */
  readonly filter: boolean;
  /** Whether lambda is calibrated on the pair at the end (learn/calibration.ts). */
  readonly calibrated: boolean;
}

const OURS: Mode = {
  summary: 'our method',
  objective: 'images',
  contentAdapter: true,
  basis: 'orthonormal',
  prompt: 'base',
  scale: 1,
  interpolant: true,
  augmentations: 8,
  filter: true,
  calibrated: true,
};

const PUBLISHED: Mode = {
  ...OURS,
  summary: "the paper's losses as published",
  prompt: 'style',
  scale: 2,
  interpolant: false,
  augmentations: 1,
  filter: false,
  calibrated: false,
};

export const MODES = {
  pair: OURS,
  paper: PUBLISHED,
  'no-content': { ...OURS, summary: 'a style LoRA alone, as in DreamBooth-LoRA', contentAdapter: false },
  'no-ortho': { ...OURS, summary: 'adapters on independent bases', basis: 'independent' },
  addift: {
    ...PUBLISHED,
    summary: 'ADDifT, a difference between the two images',
    objective: 'difference',
    contentAdapter: false,
    prompt: 'base',
    scale: 1,
  },
} as const satisfies Readonly<Record<string, Mode>>;

export type LearnMode = keyof typeof MODES;

/** In the order of MODES. */
export const LEARN_MODES = Object.keys(MODES) as LearnMode[];

export const modeOf = (name: LearnMode): Mode => MODES[name];

/**
 * The ways to apply a style. `style`: the method's guidance. `scale`: LoRA scaling, which at strength 1 of a style learned
 * with the base prompt is the same as guidance; for the command line and the benchmark. `sdedit`: noise, then denoise.
 */
export const GUIDE_MODES = ['style', 'scale', 'sdedit'] as const;

export type GuideMode = (typeof GUIDE_MODES)[number];
