/** Both losses over the steps: each point faint, and a running mean that the eye can follow. */
import type { LossPoint } from '../../engine/requests';

const WIDTH = 328;
const HEIGHT = 96;
/** Weight of the newest point in the running mean. */
const FRESH = 0.08;

interface Props {
  readonly losses: readonly LossPoint[];
  readonly steps: number;
}

export function LossChart({ losses, steps }: Props) {
  const content = curve(losses, 'content');
  const style = curve(losses, 'style');
  const means = { content: smooth(content), style: smooth(style) };
  // The means fill the height; single steps that stick out are cut off.
  const top = 1.4 * Math.max(...[...means.content, ...means.style].map(([, value]) => value)) || 1;
  const path = (points: readonly Point[]): string =>
    points
      .map(([step, value], i) => {
        const x = (step / Math.max(1, steps)) * WIDTH;
        const y = HEIGHT - 1 - Math.min(1, value / top) * (HEIGHT - 4);
        return `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
      })
      .join('');
  const last = (points: readonly Point[]): string => points.at(-1)?.[1].toFixed(3) ?? 'not yet';
  return (
    <figure style={{ margin: 0 }}>
      <svg
        class="chart"
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Losses: content ${last(means.content)}, style ${last(means.style)}`}
      >
        {[0.25, 0.5, 0.75].map((at) => (
          <line key={at} class="grid" x1={0} x2={WIDTH} y1={at * HEIGHT} y2={at * HEIGHT} stroke-dasharray="2 3" />
        ))}
        <line class="grid" x1={0} x2={WIDTH} y1={HEIGHT - 0.5} y2={HEIGHT - 0.5} />
        <path class="content faint" d={path(content)} />
        <path class="style faint" d={path(style)} />
        <path class="content" d={path(means.content)} />
        <path class="style" d={path(means.style)} />
      </svg>
      <figcaption class="row numbers">
        <span class="key content">
          <span>Content loss {last(means.content)}</span>
        </span>
        <span class="key style">
          <span>Style loss {last(means.style)}</span>
        </span>
      </figcaption>
    </figure>
  );
}

type Point = readonly [step: number, value: number];

function curve(losses: readonly LossPoint[], which: 'content' | 'style'): Point[] {
  return losses.flatMap((point): Point[] => (point[which] === null ? [] : [[point.step, point[which]]]));
}

function smooth(points: readonly Point[]): Point[] {
  let mean = points[0]?.[1] ?? 0;
  return points.map(([step, value], i) => {
    // A plain mean at first, so that the first point does not weigh for long.
    mean += Math.max(FRESH, 1 / (i + 1)) * (value - mean);
    return [step, mean];
  });
}
