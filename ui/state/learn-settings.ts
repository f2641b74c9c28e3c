/** Ranges of the settings of learning, and what is said of a number outside its range. */
import type { LearnSettings } from './pair';

export interface SettingRule {
  readonly key: keyof LearnSettings;
  readonly label: string;
  readonly hint: string;
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}

/** In the order they are shown. */
export const LEARN_RULES: readonly SettingRule[] = [
  { key: 'steps', label: 'Steps', hint: 'More steps follow the pair more closely.', min: 1, max: 20_000, whole: true },
  {
    key: 'contentSteps',
    label: 'Content steps',
    hint: 'Steps spent on the before layer first, so that the style leaves its content out.',
    min: 0,
    max: 20_000,
    whole: true,
  },
  { key: 'rank', label: 'Rank', hint: 'Capacity of the style. Larger files.', min: 1, max: 128, whole: true },
  {
    key: 'learningRate',
    label: 'Learning rate',
    hint: 'Too high loses details.',
    min: 0.000001,
    max: 1,
    whole: false,
  },
  { key: 'seed', label: 'Seed', hint: 'The same seed learns the same style.', min: 0, max: 2 ** 32 - 1, whole: true },
  {
    key: 'sampleEvery',
    label: 'Sample every',
    hint: 'Steps between two live samples of a third layer.',
    min: 1,
    max: 20_000,
    whole: true,
  },
];

/** Why a number does not serve as a seed; null when it does. */
export function complaintAboutSeed(value: number): string | null {
  return complaintAbout(
    LEARN_RULES.find(({ key }) => key === 'seed')!,
    value,
  );
}

/** Why a number does not serve as a setting; null when it does. */
export function complaintAbout(rule: SettingRule, value: number): string | null {
  if (!Number.isFinite(value) || value < rule.min || value > rule.max) {
    return `Use a number from ${rule.min} to ${rule.max}`;
  }
  return rule.whole && !Number.isInteger(value) ? 'Use a whole number' : null;
}
