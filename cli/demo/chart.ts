/** A line chart as inline SVG: loss over steps, its noise faint and its running mean bold. */

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

/** The chart, sized to its container. Text takes the page's colours through currentColor. */
export function lineChart(series: readonly Series[], labels: ChartLabels): string {
  const points = series.flatMap((one) => one.points);
  const xTicks = ticks(0, Math.max(1, ...points.map(({ x }) => x)), 6);
  const yTicks = ticks(
    0,
    quantile(
      points.map(({ y }) => y),
      0.98,
    ) || 1,
    5,
  );
  const [xEnd, yEnd] = [xTicks.at(-1)!, yTicks.at(-1)!];
  const x = (value: number): number => MARGIN.left + (value / xEnd) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value: number): number =>
    HEIGHT - MARGIN.bottom - (Math.min(value, yEnd) / yEnd) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const path = (line: Series['points']): string =>
    line.map((point, i) => `${i === 0 ? 'M' : 'L'}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`).join('');
  const right = WIDTH - MARGIN.right;
  const bottom = HEIGHT - MARGIN.bottom;

  const grid = [
    ...yTicks.map(
      (tick) =>
        `<path d="M${MARGIN.left} ${y(tick)}H${right}" class="grid"/>` +
        `<text x="${MARGIN.left - 8}" y="${y(tick) + 4}" text-anchor="end">${format(tick)}</text>`,
    ),
    ...xTicks.map((tick) => `<text x="${x(tick)}" y="${bottom + 18}" text-anchor="middle">${format(tick)}</text>`),
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

/** About `count` round numbers from `low` to at least `high`. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / (count - 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999)!;
  const steps = Math.ceil((high - low) / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, i) => low + i * step);
}

function format(value: number): string {
  return String(Number(value.toPrecision(4)));
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
