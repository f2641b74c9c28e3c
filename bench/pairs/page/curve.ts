/** Structure against style as inline SVG: a point for each strength, a line for each family. */
import { scaleLinear } from 'd3-scale';
import { line } from 'd3-shape';

export interface CurvePoint {
  /** SSIM of edges with the input's own. */
  readonly structure: number;
  /** Perceptual distance to the truth. */
  readonly distance: number;
  readonly label: string;
}

export interface Curve {
  readonly title: string;
  /** By rising strength. */
  readonly points: readonly CurvePoint[];
}

const WIDTH = 760;
const HEIGHT = 440;
const MARGIN = { left: 64, right: 210, top: 24, bottom: 52 };
/** Told apart also by those who do not see all colours (Okabe and Ito). */
const COLOURS = [
  '#0072b2',
  '#d55e00',
  '#009e73',
  '#cc79a7',
  '#e69f00',
  '#56b4e9',
  '#000000',
  '#999999',
  '#7f3c8d',
  '#8c6d1f',
];

/** An SVG file on white; what changes more lies further left, what is closer to the truth lower. */
export function drawCurves(curves: readonly Curve[]): string {
  const points = curves.flatMap((curve) => curve.points);
  const x = axis(
    points.map(({ structure }) => structure),
    MARGIN.left,
    WIDTH - MARGIN.right,
  );
  const y = axis(
    points.map(({ distance }) => distance),
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  );
  const [right, bottom] = [WIDTH - MARGIN.right, HEIGHT - MARGIN.bottom];
  const grid = [
    ...x.ticks.map(
      (tick) =>
        `<path d="M${x.at(tick)} ${MARGIN.top}V${bottom}" stroke="#e5e5e5"/>` +
        `<text x="${x.at(tick)}" y="${bottom + 18}" text-anchor="middle">${x.text(tick)}</text>`,
    ),
    ...y.ticks.map(
      (tick) =>
        `<path d="M${MARGIN.left} ${y.at(tick)}H${right}" stroke="#e5e5e5"/>` +
        `<text x="${MARGIN.left - 8}" y="${y.at(tick) + 4}" text-anchor="end">${y.text(tick)}</text>`,
    ),
    `<text x="${(MARGIN.left + right) / 2}" y="${HEIGHT - 10}" text-anchor="middle">edges kept: SSIM with the input's own</text>`,
    `<text transform="translate(16 ${(MARGIN.top + bottom) / 2}) rotate(-90)" text-anchor="middle">perceptual distance to the truth</text>`,
  ];
  const path = line<CurvePoint>(
    (p) => x.at(p.structure),
    (p) => y.at(p.distance),
  );
  const lines = curves.map(({ title, points: marks }, i) => {
    const colour = COLOURS[i % COLOURS.length]!;
    const dots = marks.map(
      (p) =>
        `<circle cx="${x.at(p.structure)}" cy="${y.at(p.distance)}" r="4" fill="${colour}"/>` +
        `<text x="${x.at(p.structure) + 6}" y="${y.at(p.distance) - 6}" font-size="10">${p.label}</text>`,
    );
    const key = MARGIN.top + 10 + 22 * i;
    return (
      `<path d="${path(marks)}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}` +
      `<circle cx="${right + 20}" cy="${key}" r="4" fill="${colour}"/><text x="${right + 32}" y="${key + 4}">${title}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">` +
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>${grid.join('')}${lines.join('')}</svg>\n`
  );
}

/** About as many ticks on an axis, at round numbers. */
const TICKS = 8;

/** From a round number below the values to one above them. */
function axis(values: readonly number[], from: number, to: number) {
  const scale = scaleLinear([Math.min(...values), Math.max(...values)], [from, to]).nice(TICKS);
  return {
    at: (value: number): number => Number(scale(value).toFixed(1)),
    ticks: scale.ticks(TICKS),
    text: scale.tickFormat(TICKS),
  };
}
