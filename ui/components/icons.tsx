/** Icons on a grid of 16 px, drawn in the colour of the text around them. */
import type { ComponentChildren } from 'preact';

const SHAPES = {
  swap: <path d="M3 5.5h9.5M10 3l2.5 2.5L10 8M13 10.5H3.5M6 8l-2.5 2.5L6 13" />,
  more: (
    <>
      <circle cx="3.5" cy="8" r=".6" fill="currentColor" />
      <circle cx="8" cy="8" r=".6" fill="currentColor" />
      <circle cx="12.5" cy="8" r=".6" fill="currentColor" />
    </>
  ),
  close: <path d="M4.5 4.5l7 7M11.5 4.5l-7 7" />,
  check: <path d="M3.5 8.5l3 3 6-7" />,
  warning: <path d="M8 2.8l5.8 10.2H2.2zM8 6.8v3M8 11.4v.1" />,
  info: (
    <>
      <circle cx="8" cy="8" r="5.5" />
      <path d="M8 7.5v3.2M8 5.3v.1" />
    </>
  ),
  chevron: <path d="M6.5 5L9.5 8l-3 3" />,
  dice: (
    <>
      <rect x="3" y="3" width="10" height="10" rx="2" />
      <circle cx="6" cy="6" r=".6" fill="currentColor" />
      <circle cx="10" cy="10" r=".6" fill="currentColor" />
      <circle cx="8" cy="8" r=".6" fill="currentColor" />
    </>
  ),
  again: <path d="M12.7 6A5 5 0 1 0 13 8.5M13 3v3h-3" />,
  waiting: <circle cx="8" cy="8" r="4.5" stroke-dasharray="2 2.2" />,
  pause: <path d="M6 4v8M10 4v8" />,
  pair: (
    <>
      <rect x="1.5" y="4.5" width="5" height="7" rx="1" />
      <rect x="9.5" y="4.5" width="5" height="7" rx="1" fill="currentColor" fill-opacity=".25" />
    </>
  ),
  styles: (
    <>
      <rect x="2.5" y="5.5" width="8" height="8" rx="1.5" />
      <path d="M5.5 3h6a2 2 0 0 1 2 2v6" />
    </>
  ),
  sparkle: <path d="M8 2.5c.5 3.3 2 5 5.5 5.5C10 8.5 8.5 10 8 13.5 7.5 10 6 8.5 2.5 8 6 7.5 7.5 5.8 8 2.5z" />,
} as const satisfies Record<string, ComponentChildren>;

export type IconName = keyof typeof SHAPES;

export function Icon({ name, class: kind = '' }: { name: IconName; class?: string }) {
  return (
    <svg class={`icon ${kind}`} viewBox="0 0 16 16" aria-hidden="true">
      {SHAPES[name]}
    </svg>
  );
}
