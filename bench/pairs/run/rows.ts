/** The rows of the benchmark: Diptych at several strengths, the paper's ablations, and what else one could do. */
import { InputError } from '../../../engine/errors';
import type { GuideMode, LearnMode } from '../../../engine/requests';

/** How a family makes a result: by a learned style, by the pair alone, by what a learned style does before the net, by colours alone, or not at all. */
type Way =
  | { readonly by: 'style'; readonly mode: LearnMode; readonly guide: GuideMode; readonly strengths: readonly number[] }
  | { readonly by: 'pairs'; readonly strengths: readonly number[] }
  | { readonly by: 'colours'; readonly transfer: 'reinhard' | 'colour-map' }
  | { readonly by: 'filter' }
  | { readonly by: 'nothing' };

interface Family {
  /** For tables, and for the heads of narrow columns. */
  readonly title: string;
  readonly short: string;
  readonly way: Way;
}

const style = (mode: LearnMode, guide: GuideMode, strengths: readonly number[]): Way => ({
  by: 'style',
  mode,
  guide,
  strengths,
});

export const FAMILIES = {
  nothing: { title: 'nothing: the input', short: 'nothing', way: { by: 'nothing' } },
  diptych: { title: 'Diptych', short: 'Diptych', way: style('pair', 'style', [0.25, 0.5, 0.75, 1, 1.25, 1.5]) },
  pairs: {
    title: 'the pair alone, nothing learned',
    short: 'pair alone',
    way: { by: 'pairs', strengths: [0.5, 1, 1.5] },
  },
  paper: { title: "the paper's style loss", short: 'paper loss', way: style('paper', 'style', [0.5, 1, 1.5]) },
  'no-content': { title: 'no content LoRA', short: 'no content', way: style('no-content', 'style', [0.5, 1, 1.5]) },
  'no-ortho': { title: 'no orthogonality', short: 'no ortho.', way: style('no-ortho', 'style', [0.5, 1, 1.5]) },
  scale: { title: 'LoRA scaling', short: 'LoRA scaling', way: style('pair', 'scale', [0.5, 1, 1.5, 2]) },
  sdedit: { title: 'SDEdit', short: 'SDEdit', way: style('pair', 'sdedit', [0.25, 0.5, 0.75]) },
  addift: { title: 'ADDifT', short: 'ADDifT', way: style('addift', 'style', [0.5, 1, 1.5]) },
  filter: { title: 'per-pixel filter without the net', short: 'filter', way: { by: 'filter' } },
  reinhard: { title: 'colour transfer (Reinhard)', short: 'Reinhard', way: { by: 'colours', transfer: 'reinhard' } },
  'colour-map': { title: 'affine colour map', short: 'colour map', way: { by: 'colours', transfer: 'colour-map' } },
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof FAMILIES;

export function isFamily(name: string): name is FamilyName {
  return Object.hasOwn(FAMILIES, name);
}

export interface Row {
  /** "scale@1.5", or the family's name where there is no strength. */
  readonly name: string;
  readonly family: FamilyName;
  readonly strength: number | null;
  readonly way: Way;
}

export function rowName(family: FamilyName, strength: number | null): string {
  return strength === null ? family : `${family}@${strength}`;
}

function rowsOf(family: FamilyName, strengths?: readonly number[]): Row[] {
  const { way } = FAMILIES[family];
  if (!('strengths' in way)) return [{ name: family, family, strength: null, way }];
  return (strengths ?? way.strengths).map((strength) => ({ name: rowName(family, strength), family, strength, way }));
}

function possible(readsPairs: boolean): string[] {
  const other: Way['by'][] = readsPairs ? ['style', 'filter'] : ['pairs'];
  return Object.entries(FAMILIES).flatMap(([name, { way }]) => (other.includes(way.by) ? [] : [name]));
}

/**
 * "diptych,scale@1.5" as rows: a family with all its strengths, or one strength of it. `nothing` is always among them,
 * for everything is compared with it.
 *
 * @param text undefined for all rows that the model can make.
 * @param readsPairs whether the model reads pairs and learns nothing.
 */
export function parseRows(text: string | undefined, readsPairs = false): Row[] {
  const names = text === undefined ? possible(readsPairs) : ['nothing', ...text.split(',').map((name) => name.trim())];
  const rows = names.flatMap((name) => {
    const [family, strength] = name.split('@') as [string, string | undefined];
    if (!isFamily(family)) {
      throw new InputError(`--rows ${name}: there is no row ${family}; use ${Object.keys(FAMILIES).join(', ')}`);
    }
    if (strength === undefined) return rowsOf(family as FamilyName);
    const value = Number(strength);
    if (strength === '' || !(value > 0 && value <= 4) || !('strengths' in FAMILIES[family as FamilyName].way)) {
      throw new InputError(`--rows ${name}: write ROW@STRENGTH for rows that have strengths, above 0 and at most 4`);
    }
    return rowsOf(family as FamilyName, [value]);
  });
  return [...new Map(rows.map((row) => [row.name, row])).values()];
}
