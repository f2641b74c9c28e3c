/** Results as numbers: a mean with its interval for each kind of task, row and metric. */
import type { MetricName } from '../metrics/metrics';
import { FAMILIES, rowName, type FamilyName } from './rows';
import { bootstrap, meanOf, type Estimate } from './statistics';
import type { Result } from './store';

/** A result with what the suite says of its task. */
export interface Placed extends Result {
  readonly kind: string;
  readonly split: 'tune' | 'report';
}

export const METRIC_NAMES = [
  'perceptual',
  'structure',
  'ownStructure',
  'colour',
  'pixels',
  'flat',
] as const satisfies readonly MetricName[];

export interface RowSummary {
  readonly kind: string;
  readonly split: 'tune' | 'report';
  readonly row: string;
  readonly family: FamilyName;
  readonly strength: number | null;
  readonly tasks: number;
  readonly images: number;
  /** Over tasks; null where no picture has the metric. */
  readonly metrics: Readonly<Record<MetricName, Estimate | null>>;
  /** Share of pictures perceptually closer to the truth than the input is. */
  readonly closer: number;
  /** This row's perceptual distance less that of Diptych at strength 1, task by task: above 0 where Diptych is ahead. */
  readonly behind: Estimate | null;
}

/** One summary for each kind, split and row that has results. */
export function summarise(results: readonly Placed[]): RowSummary[] {
  const groups = groupBy(results, ({ kind, split, row }) => JSON.stringify([kind, split, row]));
  const find = (task: string, row: string, image: string) => byPicture.get(JSON.stringify([task, row, image]));
  const byPicture = new Map(results.map((one) => [JSON.stringify([one.task, one.row, one.image]), one]));
  return [...groups.values()].map((group) => {
    const { kind, split, row } = group[0]!;
    const [family, strength] = row.split('@') as [FamilyName, string | undefined];
    const tasks = [...groupBy(group, ({ task }) => task).values()];
    const overTasks = (valueOf: (result: Placed) => number | null | undefined): Estimate | null => {
      const means = tasks.flatMap((members) => {
        const values = members.map(valueOf).filter((value) => typeof value === 'number');
        return values.length === 0 ? [] : [meanOf(values)];
      });
      return means.length === 0 ? null : bootstrap(means);
    };
    const rival = rowName('diptych', 1);
    return {
      kind,
      split,
      row,
      family,
      strength: strength === undefined ? null : Number(strength),
      tasks: tasks.length,
      images: group.length,
      metrics: Object.fromEntries(
        METRIC_NAMES.map((metric) => [metric, overTasks(({ metrics }) => metrics[metric])]),
      ) as RowSummary['metrics'],
      closer: meanOf(
        group.map(({ task, image, metrics }) => {
          const nothing = find(task, 'nothing', image);
          return nothing && metrics.perceptual < nothing.metrics.perceptual ? 1 : 0;
        }),
      ),
      behind: overTasks(({ task, image, metrics }) => {
        const other = find(task, rival, image);
        return other && row !== rival ? metrics.perceptual - other.metrics.perceptual : null;
      }),
    };
  });
}

/**
 * The strength of each family with the least mean perceptual distance on `tune` tasks of some kinds; families without
 * tune results are left out, families without strengths stand for themselves.
 */
export function bestRows(results: readonly Placed[], kinds: readonly string[]): ReadonlyMap<FamilyName, string> {
  const tuning = results.filter(({ split, kind }) => split === 'tune' && kinds.includes(kind));
  const best = new Map<FamilyName, { readonly row: string; readonly distance: number }>();
  for (const [row, members] of groupBy(tuning, (one) => one.row)) {
    const family = row.split('@')[0] as FamilyName;
    const tasks = [...groupBy(members, ({ task }) => task).values()];
    const distance = meanOf(tasks.map((task) => meanOf(task.map(({ metrics }) => metrics.perceptual))));
    const known = best.get(family);
    if (!known || distance < known.distance) best.set(family, { row, distance });
  }
  const families = Object.keys(FAMILIES) as FamilyName[];
  return new Map(families.flatMap((family) => (best.has(family) ? [[family, best.get(family)!.row] as const] : [])));
}

/**
 * Results that may be compared: rows that at least half of the pictures have, on the pictures that have all of those.
 * A run under way, or one of other rows, leaves some pictures with more rows than others.
 */
export function comparable(results: readonly Placed[]): Placed[] {
  const pictures = groupBy(results, ({ task, image }) => JSON.stringify([task, image]));
  const rows = [...groupBy(results, ({ row }) => row)].filter(([, members]) => 2 * members.length >= pictures.size);
  const kept = new Set(rows.map(([row]) => row));
  return [...pictures.values()]
    .map((members) => members.filter(({ row }) => kept.has(row)))
    .filter((members) => members.length === kept.size)
    .flat();
}

export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
