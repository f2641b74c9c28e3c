/** The guides that the panel offers, in words for the user. */
import type { GuideMode } from '../../../engine/requests';

export const GUIDES: readonly { readonly value: GuideMode; readonly label: string }[] = [
  { value: 'style', label: 'Keep the layout' },
  { value: 'scale', label: 'Follow the style closer' },
  { value: 'sdedit', label: 'Redraw freely' },
];
