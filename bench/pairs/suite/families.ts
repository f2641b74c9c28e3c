/** Icon families: one drawing in several weights or fills, by its own designers. */
import type { Sources } from './sources';
import { onPaper, shuffled, seedFor, type Drawn, type TaskPlan } from './plan';

/** A weight of a family: how its icons are named in which set. */
interface Weight {
  readonly set: string;
  readonly suffix: string;
}

interface Direction {
  readonly name: string;
  readonly style: string;
  readonly from: Weight;
  readonly to: Weight;
  /** What an icon's drawing must hold for the style to show in it at all. */
  readonly mark?: string;
}

const iconPark = (kind: string): Weight => ({ set: kind ? `icon-park-${kind}` : 'icon-park', suffix: '' });
const ph = (weight: string): Weight => ({ set: 'ph', suffix: weight && `-${weight}` });
const solar = (weight: string): Weight => ({ set: 'solar', suffix: `-${weight}` });

const DIRECTIONS: readonly Direction[] = [
  { name: 'icon-park-outline-solid', style: 'solid', from: iconPark('outline'), to: iconPark('solid') },
  { name: 'icon-park-outline-twotone', style: 'two tone', from: iconPark('outline'), to: iconPark('twotone') },
  {
    name: 'icon-park-outline-colour',
    style: 'blue filled line',
    from: iconPark('outline'),
    to: iconPark(''),
    mark: '#2F88FF',
  },
  { name: 'icon-park-solid-outline', style: 'outline', from: iconPark('solid'), to: iconPark('outline') },
  { name: 'ph-regular-bold', style: 'bold', from: ph(''), to: ph('bold') },
  { name: 'ph-regular-fill', style: 'filled', from: ph(''), to: ph('fill') },
  { name: 'ph-regular-duotone', style: 'duotone', from: ph(''), to: ph('duotone') },
  { name: 'ph-fill-regular', style: 'line', from: ph('fill'), to: ph('') },
  { name: 'solar-linear-bold-duotone', style: 'solid duotone', from: solar('linear'), to: solar('bold-duotone') },
];

/** Paint of sets that are drawn in one colour, the same before and after; icon-park's own black where it comes in. */
const INKS = ['#1f3fae', '#b3271e'] as const;
const ICON_PARK_BLACK = '#000000';
/** Held-out names of a family kept for its two pairs; few exist, and the rest are test pictures. */
const PAIR_NAMES = 6;
const MOST_PAIR_SHARE = 0.4;

export function familyTasks(sources: Sources, seed: number): TaskPlan[] {
  return DIRECTIONS.flatMap(({ name, style, from, to, mark = '' }) => {
    const common = sources.heldOut.filter(
      (icon) =>
        sources.has(from.set, icon + from.suffix) &&
        sources.has(to.set, icon + to.suffix) &&
        sources.body(to.set, icon + to.suffix).includes(mark),
    );
    const names = shuffled(common, seedFor(seed, name));
    const kept = Math.min(PAIR_NAMES, Math.floor(MOST_PAIR_SHARE * names.length));
    const [pairs, tests] = [names.slice(0, kept), names.slice(kept)];
    return INKS.map((paint, n): TaskPlan => {
      const ink = from.set === 'icon-park' || to.set === 'icon-park' ? ICON_PARK_BLACK : paint;
      const draw = async (icon: string): Promise<Drawn> =>
        onPaper({
          input: await sources.draw(from.set, icon + from.suffix, ink),
          truth: await sources.draw(to.set, icon + to.suffix, ink),
        });
      return {
        name: `family-${name}-${n + 1}`,
        kind: 'families',
        split: n === 0 ? 'tune' : 'report',
        style,
        pairs: pairs.filter((_, i) => i % INKS.length === n),
        suits: async () => true,
        tests: tests.filter((_, i) => i % INKS.length === n),
        drawPair: draw,
        drawTest: draw,
        about: {
          from: `${sources.version(from.set)}${from.suffix}`,
          to: `${sources.version(to.set)}${to.suffix}`,
          ink,
        },
      };
    });
  });
}
