/** The exact styles: what each makes of a picture, and the parameters of its tasks, one set a task. */
import { hex, over, type Colour, type Raster } from '../pixels/raster';
import { blueprint } from './blueprint';
import { cel } from './cel';
import { duotone } from './duotone';
import { grade } from './grade';
import { halftone } from './halftone';
import { longShadow } from './long-shadow';
import { mosaic } from './mosaic';
import { neon } from './neon';
import { pencil } from './pencil';
import { watercolour } from './watercolour';

/** A filter with its parameters fixed. */
export interface ExactStyle {
  readonly name: string;
  /** For task.json: what the truth was made with. */
  readonly parameters: object;
  /** Opaque background under the inputs, for styles that change what lies around the shape; null: inputs stay transparent. */
  readonly background: Colour | null;
  readonly apply: (picture: Raster) => Raster;
}

/** Both sets of parameters of one filter. */
function twice<P extends object>(
  name: string,
  filter: (picture: Raster, parameters: P) => Raster,
  background: ((parameters: P) => Colour) | null,
  parameters: readonly [P, P],
): ExactStyle[] {
  return parameters.map((p) => ({
    name,
    parameters: p,
    background: background && background(p),
    apply: (picture) => filter(picture, p),
  }));
}

const WHITE: Colour = [1, 1, 1];
const onWhite = (): Colour => WHITE;

/** In pairs: the first of a filter is for tuning, the second for reporting. */
export const EXACT_STYLES: readonly ExactStyle[] = [
  ...twice('pencil', pencil, null, [
    { paper: hex('#f7f3ea'), graphite: hex('#2b2b30'), sigma: 4, spacing: 5, angle: 0.8 },
    { paper: hex('#ffffff'), graphite: hex('#3a3020'), sigma: 6, spacing: 7, angle: 2.2 },
  ]),
  ...twice('halftone', halftone, null, [
    { paper: hex('#fff6e0'), ink: hex('#c81d4e'), cell: 10, angle: 0.26 },
    { paper: hex('#f0fbff'), ink: hex('#12356b'), cell: 8, angle: 0.79 },
  ]),
  ...twice('duotone', duotone, null, [
    { dark: hex('#3b0a57'), light: hex('#ffd23f') },
    { dark: hex('#06364d'), light: hex('#ff9fb2') },
  ]),
  ...twice('neon', neon, onWhite, [
    { background: hex('#0c0a1d'), tube: hex('#ff2fd6'), own: 0.2, glow: 6 },
    { background: hex('#03120f'), tube: hex('#39ffb0'), own: 0.5, glow: 9 },
  ]),
  ...twice('mosaic', mosaic, (p) => p.background, [
    { background: hex('#ffffff'), tile: 12, grout: 1, groutColour: hex('#8a8378') },
    { background: hex('#f3ead8'), tile: 16, grout: 2, groutColour: hex('#ffffff') },
  ]),
  ...twice('watercolour', watercolour, (p) => p.paper, [
    { paper: hex('#fdfaf3'), bleed: 2, rim: 0.35, grain: 0.25, seed: 11 },
    { paper: hex('#f4f7fb'), bleed: 3, rim: 0.45, grain: 0.18, seed: 12 },
  ]),
  ...twice('long-shadow', longShadow, (p) => p.background, [
    { background: hex('#7fc8f8'), shadow: hex('#4a90c2'), length: 90 },
    { background: hex('#ffe08a'), shadow: hex('#d9a441'), length: 140 },
  ]),
  ...twice('blueprint', blueprint, onWhite, [
    { paper: hex('#1d4f91'), line: hex('#eaf2ff'), grid: 16, gridInk: 0.18 },
    { paper: hex('#0f3d5c'), line: hex('#fff7dc'), grid: 24, gridInk: 0.12 },
  ]),
  ...twice('cel', cel, null, [
    { contour: hex('#1a1423'), sigma: 1.2, tones: 3 },
    { contour: hex('#5a1f0a'), sigma: 2, tones: 4 },
  ]),
];

const NONE: Colour = [0, 0, 0];
const FULL: Colour = [1, 1, 1];

/** The same of photographs, opaque as they are. */
export const PHOTOGRAPH_STYLES: readonly ExactStyle[] = [
  ...twice('colour-grade', grade, null, [
    { gamma: 1, contrast: 1.1, gain: FULL, shadows: [0.05, -0.02, 0.05], lights: [0.02, 0.04, -0.05] },
    { gamma: 1, contrast: 1.15, gain: FULL, shadows: [-0.05, 0.02, 0.06], lights: [0.07, 0.02, -0.06] },
  ]),
  ...twice('faded-film', grade, null, [
    { gamma: 1, contrast: 0.7, gain: FULL, shadows: [0.02, 0.05, 0.06], lights: [0.02, 0.05, 0.06] },
    { gamma: 1, contrast: 0.6, gain: FULL, shadows: [0.08, 0.05, 0.02], lights: [0.08, 0.05, 0.02] },
  ]),
  ...twice('night', grade, null, [
    { gamma: 1.6, contrast: 1, gain: [0.4, 0.45, 0.6], shadows: NONE, lights: NONE },
    { gamma: 1.4, contrast: 1, gain: [0.3, 0.4, 0.65], shadows: NONE, lights: NONE },
  ]),
  ...twice('cel', cel, null, [
    { contour: hex('#10202a'), sigma: 1.2, tones: 4 },
    { contour: hex('#1a1423'), sigma: 1.2, tones: 5 },
  ]),
  ...twice('pencil', pencil, null, [
    { paper: hex('#ffffff'), graphite: hex('#30302b'), sigma: 5, spacing: 6, angle: 0.8 },
    { paper: hex('#f7f3ea'), graphite: hex('#2b2b30'), sigma: 4, spacing: 5, angle: 2.2 },
  ]),
];

/** What the program is shown: the picture on the style's background, if it has one. */
export function onBackground(style: ExactStyle, picture: Raster): Raster {
  return style.background ? over(picture, style.background) : picture;
}
