/** The guides that the panel offers, in words for the user. */
import type { GuideMode } from '../../../engine/modes';

interface GuideOption {
  readonly value: GuideMode;
  readonly label: string;
}

/** LoRA scaling is not among them: at strength 1 it equals the first. */
export const GUIDES: readonly GuideOption[] = [
  { value: 'style', label: 'Keep the layout' },
  { value: 'sdedit', label: 'Redraw freely' },
];

/** Those, and the one a result was made with, if it was made elsewhere. */
export function guidesFor(current: GuideMode): readonly GuideOption[] {
  return GUIDES.some(({ value }) => value === current)
    ? GUIDES
    : [...GUIDES, { value: current, label: 'LoRA scaling' }];
}
