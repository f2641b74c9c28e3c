/** A summary as text: for the terminal, and as Markdown tables for the page. */
import type { MetricName } from '../metrics/metrics';
import { groupBy, type RowSummary } from './summary';
import type { Estimate } from './statistics';
import type { Refusal } from './store';

interface Column {
  readonly title: string;
  readonly digits: number;
}

/** Arrows say which way is better. */
export const METRIC_COLUMNS: Readonly<Record<MetricName, Column>> = {
  perceptual: { title: 'perceptual ↓', digits: 3 },
  structure: { title: "structure: truth's ↑", digits: 3 },
  ownStructure: { title: "structure: input's ↑", digits: 3 },
  colour: { title: 'colour ↓', digits: 2 },
  pixels: { title: 'pixels ↓', digits: 1 },
  flat: { title: 'flat ↓', digits: 2 },
};

export const METRICS = Object.keys(METRIC_COLUMNS) as MetricName[];

/** Lines of a Markdown table: means over tasks, and the intervals of the perceptual distance. */
export function markdownTable(summaries: readonly RowSummary[], titleOf: (row: RowSummary) => string): string[] {
  const cells = summaries.map((row) => [
    titleOf(row),
    ...METRICS.map((metric) => {
      const estimate = row.metrics[metric];
      if (!estimate) return '';
      return metric === 'perceptual' ? withInterval(estimate, row.tasks) : shortMean(metric, estimate);
    }),
    row.row === 'nothing' ? '' : `${Math.round(100 * row.closer)}%`,
    row.behind ? withInterval(row.behind, row.tasks) : '',
  ]);
  const titles = METRICS.map((metric) => METRIC_COLUMNS[metric].title);
  const head = ['row', ...titles, 'closer than the input', 'perceptual, less Diptych at 1'];
  const align = head.map((_, i) => (i === 0 ? '---' : '---:'));
  return [head, align, ...cells].map((line) => `| ${line.join(' | ')} |`);
}

function shortMean(metric: MetricName, { mean }: Estimate): string {
  return mean.toFixed(METRIC_COLUMNS[metric].digits);
}

/** Resampling fewer than three tasks says nothing of their spread. */
function withInterval({ mean, low, high }: Estimate, tasks: number): string {
  const [value, ...ends] = [mean, low, high].map((number) => number.toFixed(3));
  return tasks < 3 ? value! : `${value} (${ends.join(' to ')})`;
}

/** What `npm run pairbench` prints. */
export function summaryTable(summaries: readonly RowSummary[], refused: readonly Refusal[]): string {
  const parts = [...groupBy(summaries, ({ kind, split }) => `${kind}, ${split}`)].map(([title, rows]) => {
    const { tasks, images } = rows[0]!;
    return [`${title}: ${tasks} tasks, ${images} pictures`, ...markdownTable(rows, ({ row }) => row), ''].join('\n');
  });
  return [
    ...parts,
    ...refused.map(({ task, row, refused: why }) => `${task}${row ? `, ${row}` : ''}: refused. ${why}\n`),
  ].join('\n');
}
