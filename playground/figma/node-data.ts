/** What the document holds of a node: plain immutable data, so that undo is a matter of keeping the old one. */
import type { BlendMode, Paint, Transform, VectorPaths } from '@figma/plugin-typings/plugin-api-standalone';
import { IDENTITY } from './transform';

/** The kinds of nodes the playground has. */
export type Kind =
  | 'DOCUMENT'
  | 'PAGE'
  | 'FRAME'
  | 'GROUP'
  | 'SECTION'
  | 'COMPONENT'
  | 'COMPONENT_SET'
  | 'INSTANCE'
  | 'BOOLEAN_OPERATION'
  | 'RECTANGLE'
  | 'ELLIPSE'
  | 'VECTOR'
  | 'TEXT';

export interface TextData {
  readonly characters: string;
  /** px */
  readonly fontSize: number;
  readonly fontFamily: string;
  readonly fontStyle: string;
  readonly align: 'LEFT' | 'CENTER' | 'RIGHT' | 'JUSTIFIED';
}

export interface AutoLayoutData {
  readonly mode: 'NONE' | 'HORIZONTAL' | 'VERTICAL';
  readonly itemSpacing: number;
  readonly paddingLeft: number;
  readonly paddingRight: number;
  readonly paddingTop: number;
  readonly paddingBottom: number;
  readonly primaryAxisSizing: 'FIXED' | 'AUTO';
  readonly counterAxisSizing: 'FIXED' | 'AUTO';
  readonly counterAxisAlign: 'MIN' | 'CENTER' | 'MAX' | 'BASELINE';
}

export interface NodeData {
  readonly id: string;
  readonly kind: Kind;
  readonly name: string;
  readonly parent: string | null;
  /** Ids from back to front. */
  readonly children: readonly string[];
  readonly visible: boolean;
  readonly locked: boolean;
  /** Relative to the nearest ancestor that is neither a group nor a boolean operation. */
  readonly transform: Transform;
  readonly width: number;
  readonly height: number;
  readonly opacity: number;
  readonly blendMode: BlendMode;
  readonly isMask: boolean;
  /** A page's are its background. */
  readonly fills: readonly Paint[];
  readonly strokes: readonly Paint[];
  readonly strokeWeight: number;
  readonly cornerRadius: number;
  readonly clipsContent: boolean;
  readonly layout: AutoLayoutData;
  readonly layoutPositioning: 'AUTO' | 'ABSOLUTE';
  readonly text: TextData | null;
  /** SVG path data in the node's own coordinates. */
  readonly vectorPaths: VectorPaths;
  readonly booleanOperation: 'UNION' | 'INTERSECT' | 'SUBTRACT' | 'EXCLUDE' | null;
  /** Of an instance. */
  readonly mainComponent: string | null;
  readonly pluginData: Readonly<Record<string, string>>;
  readonly relaunchData: Readonly<Record<string, string>>;
}

export const NO_LAYOUT: AutoLayoutData = {
  mode: 'NONE',
  itemSpacing: 0,
  paddingLeft: 0,
  paddingRight: 0,
  paddingTop: 0,
  paddingBottom: 0,
  primaryAxisSizing: 'AUTO',
  counterAxisSizing: 'AUTO',
  counterAxisAlign: 'MIN',
};

const gray = (value: number): Paint => ({ type: 'SOLID', color: { r: value, g: value, b: value } });

/** What Figma gives a new node of each kind, where it is not what most nodes have. */
const DEFAULTS: Readonly<Record<Kind, Partial<NodeData>>> = {
  DOCUMENT: { name: 'Untitled', width: 0, height: 0 },
  PAGE: { name: 'Page', width: 0, height: 0, fills: [gray(0.96)] },
  FRAME: { name: 'Frame', fills: [gray(1)], clipsContent: true },
  GROUP: { name: 'Group' },
  SECTION: { name: 'Section', fills: [gray(1)] },
  COMPONENT: { name: 'Component', fills: [], clipsContent: false },
  COMPONENT_SET: { name: 'Component set', fills: [], clipsContent: true },
  INSTANCE: { name: 'Instance', fills: [], clipsContent: false },
  BOOLEAN_OPERATION: { name: 'Boolean', fills: [gray(0.85)], booleanOperation: 'UNION' },
  RECTANGLE: { name: 'Rectangle', fills: [gray(0.85)] },
  ELLIPSE: { name: 'Ellipse', fills: [gray(0.85)] },
  VECTOR: { name: 'Vector', fills: [] },
  TEXT: {
    name: 'Text',
    fills: [gray(0)],
    text: { characters: '', fontSize: 12, fontFamily: 'Inter', fontStyle: 'Regular', align: 'LEFT' },
  },
};

/** A new node, 100 x 100 px at the origin, without a parent. */
export function newNode(id: string, kind: Kind): NodeData {
  return {
    id,
    kind,
    name: kind,
    parent: null,
    children: [],
    visible: true,
    locked: false,
    transform: IDENTITY,
    width: 100,
    height: 100,
    opacity: 1,
    blendMode: 'PASS_THROUGH',
    isMask: false,
    fills: [],
    strokes: [],
    strokeWeight: 1,
    cornerRadius: 0,
    clipsContent: false,
    layout: NO_LAYOUT,
    layoutPositioning: 'AUTO',
    text: null,
    vectorPaths: [],
    booleanOperation: null,
    mainComponent: null,
    pluginData: {},
    relaunchData: {},
    ...DEFAULTS[kind],
  };
}

/** Groups and boolean operations take their place and size from what is in them. */
export const fitsItsContent = ({ kind }: NodeData): boolean => kind === 'GROUP' || kind === 'BOOLEAN_OPERATION';
