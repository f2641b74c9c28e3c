/** Small drawings for buttons and layers, 16 px, in the colour of the text. */
import type { ComponentChildren } from 'preact';
import type { Kind } from '../figma/node-data';

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

const PATHS = {
  frame: 'M5 2v12M11 2v12M2 5h12M2 11h12',
  group: 'M3 3h2M7 3h2M11 3h2M3 13h2M7 13h2M11 13h2M3 3v2M3 7v2M3 11v2M13 3v2M13 7v2M13 11v2',
  rectangle: 'M3 3h10v10H3z',
  ellipse: 'M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3z',
  vector: 'M3 13C4 6 8 3 13 3M3 13h.01M13 3h.01',
  text: 'M4 4h8M8 4v9',
  picture: 'M3 3h10v10H3zM3 11l3-3 3 3 2-2 2 2M10.5 6h.01',
  component: 'M8 2.5 10.5 5 8 7.5 5.5 5zM8 8.5l2.5 2.5L8 13.5 5.5 11zM3 7.5 5 8 3 8.5M13 7.5 11 8l2 .5',
  instance: 'M8 2.5 13.5 8 8 13.5 2.5 8z',
  boolean: 'M3 3h7v7H3zM6 6h7v7H6z',
  mask: 'M3 3h10v10H3zM8 3v10',
  eye: 'M1.5 8S4 3.5 8 3.5 14.5 8 14.5 8 12 12.5 8 12.5 1.5 8 1.5 8zM8 6.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z',
  hidden: 'M2 6.5c1.5 2 3.5 3 6 3s4.5-1 6-3M4 8.7 3 10.5M8 9.5v2M12 8.7l1 1.8',
  lock: 'M4.5 7h7v6h-7zM6 7V5a2 2 0 0 1 4 0v2',
  unlocked: 'M4.5 7h7v6h-7zM6 7V5a2 2 0 0 1 3.8-.8',
  undo: 'M6 3 3 6l3 3M3 6h6a4 4 0 0 1 0 8H7',
  redo: 'M10 3l3 3-3 3M13 6H7a4 4 0 0 0 0 8h2',
  sun: 'M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5zM8 1.5v1.5M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1',
  moon: 'M13 9.5A5.5 5.5 0 1 1 6.5 3 4.5 4.5 0 0 0 13 9.5z',
  close: 'M4 4l8 8M12 4l-8 8',
  search: 'M7 3a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM10 10l3.5 3.5',
  image: 'M3 3h10v10H3zM3 11l3-3 3 3 2-2 2 2M10.5 6h.01',
  fold: 'M6 6.5 8 9l2-2.5',
  unfold: 'M6.5 6 9 8l-2.5 2',
  download: 'M8 2.5v7M5 7l3 3 3-3M3 13h10',
  copy: 'M5.5 5.5h7v7h-7zM3.5 10.5v-7h7',
  bin: 'M3 4.5h10M6.5 4.5v-1.5h3v1.5M4.5 4.5l.5 8.5h6l.5-8.5',
} as const;

export type IconName = keyof typeof PATHS;

export function Symbol16({ name }: { name: IconName }) {
  return (
    <Icon>
      <path d={PATHS[name]} />
    </Icon>
  );
}

const OF_KIND: Readonly<Record<Kind, IconName>> = {
  DOCUMENT: 'frame',
  PAGE: 'frame',
  FRAME: 'frame',
  SECTION: 'frame',
  GROUP: 'group',
  COMPONENT: 'component',
  COMPONENT_SET: 'component',
  INSTANCE: 'instance',
  BOOLEAN_OPERATION: 'boolean',
  RECTANGLE: 'rectangle',
  ELLIPSE: 'ellipse',
  VECTOR: 'vector',
  TEXT: 'text',
};

export const iconOf = (kind: Kind, isPicture: boolean, isMask: boolean): IconName =>
  isMask ? 'mask' : isPicture ? 'picture' : OF_KIND[kind];
