/** The phases of a run: which rows its batches have, which adapters act on each row, and which they train. */
import type { Mode } from '../modes';

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

const ALL_TIMESTEPS = [0, 1] as const;

/** The phases of a mode that have steps. */
export function phasesOf(mode: Mode, steps: number, contentSteps: number): LearnPhase[] {
  const phases =
    mode.objective === 'difference'
      ? [differencePhase(steps)]
      : mode.contentAdapter
        ? [contentPhase(contentSteps), jointPhase(steps, mode)]
        : [stylePhase(steps, mode)];
  return phases.filter((phase) => phase.steps > 0);
}

const BEFORE = { image: 'before', prompt: 'base', loss: 'content' } as const;

/** The style's row: the after image, or with the interpolant a picture on the way to it. */
function after({ interpolant }: Mode): Pick<BatchRow, 'image' | 'from' | 'prompt' | 'loss'> {
  return { image: 'after', ...(interpolant && { from: 'before' }), prompt: 'style', loss: 'style' };
}

/** The paper's first phase: the content adapter learns the before image alone. */
function contentPhase(steps: number): LearnPhase {
  return {
    steps,
    adapters: ['content'],
    target: 'noise',
    rows: () => [{ ...BEFORE, multipliers: [1], trains: [true] }],
    timesteps: ALL_TIMESTEPS,
  };
}

/** The paper's second phase: both learn together. */
function jointPhase(steps: number, mode: Mode): LearnPhase {
  return {
    steps,
    adapters: ['content', 'style'],
    target: 'noise',
    rows: () => [
      { ...BEFORE, multipliers: [1, 0], trains: [true, false] },
      // Stop-gradient on the content parameters: they act here and are not trained.
      { ...after(mode), multipliers: [1, 1], trains: [false, true] },
    ],
    timesteps: ALL_TIMESTEPS,
  };
}

/** A style LoRA alone, as DreamBooth-LoRA would have it. */
function stylePhase(steps: number, mode: Mode): LearnPhase {
  return {
    steps,
    adapters: ['style'],
    target: 'noise',
    rows: () => [{ ...after(mode), multipliers: [1], trains: [true] }],
    timesteps: ALL_TIMESTEPS,
  };
}

/** ADDifT, at the timesteps of its published preset for styles. */
function differencePhase(steps: number): LearnPhase {
  return {
    steps,
    adapters: ['style'],
    target: 'teacher',
    rows: (n) => {
      const forward = n % 2 === 0;
      const [seen, wanted] = forward ? (['before', 'after'] as const) : (['after', 'before'] as const);
      return [
        { image: seen, prompt: 'base', multipliers: [forward ? 1 : -1], trains: [true], loss: 'style' },
        { image: wanted, prompt: 'base', multipliers: [0], trains: [false], loss: null },
      ];
    },
    timesteps: [0.2, 0.4],
  };
}
