/** A line chart as inline SVG: loss over steps, its noise faint and its running mean bold. */
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';

export interface Series {
  readonly name: string;
  /** A CSS colour. */
  readonly colour: string;
  /** In ascending order of x. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface ChartLabels {
  readonly title: string;
  readonly x: string;
  readonly y: string;
}

const WIDTH = 720;
const HEIGHT = 320;
/** The legend lies above the plot, where no curve goes. */
const MARGIN = { left: 64, right: 16, top: 48, bottom: 48 };
const LEGEND_WIDTH = 172;
/** About as many ticks, at round numbers. */
const X_TICKS = 6;
const Y_TICKS = 5;

/** The chart, sized to its container. Text takes the page's colours through currentColor. */
export function lineChart(series: readonly Series[], labels: ChartLabels): string {
  const points = series.flatMap((one) => one.points);
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;
  // Rare values that stick out are cut off.
  const highest =
    quantile(
      points.map((point) => point.y),
      0.98,
    ) || 1;
  const x = scaleLinear([0, Math.max(1, ...points.map((point) => point.x))], [MARGIN.left, right]).nice(X_TICKS);
  const y = scaleLinear([0, highest], [bottom, MARGIN.top]).nice(Y_TICKS).clamp(true);
  const path = line<Series['points'][number]>(
    (point) => x(point.x),
    (point) => y(point.y),
  ).digits(1);
  const [xText, yText] = [x.tickFormat(X_TICKS), y.tickFormat(Y_TICKS)];

  const grid = [
    ...y
      .ticks(Y_TICKS)
      .map(
        (tick) =>
          `<path d="M${MARGIN.left} ${y(tick)}H${right}" class="grid"/>` +
          `<text x="${MARGIN.left - 8}" y="${y(tick) + 4}" text-anchor="end">${yText(tick)}</text>`,
      ),
    ...x
      .ticks(X_TICKS)
      .map((tick) => `<text x="${x(tick)}" y="${bottom + 18}" text-anchor="middle">${xText(tick)}</text>`),
    `<path d="M${MARGIN.left} ${bottom}H${right}" class="axis"/>`,
    `<text x="${(MARGIN.left + right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escapeHtml(labels.x)}</text>`,
    `<text transform="translate(16 ${(MARGIN.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(labels.y)}</text>`,
  ];
  const curves = series.map(
    ({ colour, points: raw }) =>
      `<path d="${path(raw)}" stroke="${colour}" class="noise"/><path d="${path(runningMean(raw))}" stroke="${colour}" class="mean"/>`,
  );
  const legend = series.map(({ name, colour }, i) => {
    const left = MARGIN.left + i * LEGEND_WIDTH;
    return `<path d="M${left} 16h24" stroke="${colour}" class="mean"/><text x="${left + 32}" y="20">${escapeHtml(name)}</text>`;
  });
  return (
    `<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(labels.title)}">` +
    `${grid.join('')}${curves.join('')}${legend.join('')}</svg>`
  );
}

/** The value below which a share of the values lies; 0 for none. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

/** The mean over the points within a twentieth of the line on both sides. */
export function runningMean(points: Series['points']): { x: number; y: number }[] {
  const reach = Math.max(1, Math.round(points.length / 20));
  return points.map(({ x }, i) => {
    const near = points.slice(Math.max(0, i - reach), i + reach + 1);
    return { x, y: near.reduce((sum, point) => sum + point.y, 0) / near.length };
  });
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
