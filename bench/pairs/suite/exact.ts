/** Tasks whose truth is computed: exact filters on emoji, and some of them on pictures by many hands. */
import { EXACT_STYLES, onBackground, PHOTOGRAPH_STYLES, type ExactStyle } from '../filters/filters';
import { imageOf, rasterOf } from '../pixels/raster';
import { fillsFrame, shareNames } from './designers';
import { shuffled, seedFor, type Drawn, type Split, type TaskPlan } from './plan';
import type { Sources } from './sources';

const CONTENT = 'fluent-emoji-flat';

/** Sets by other hands; openmoji and emojione-v1 are in no base model's training data. */
const HANDS = ['noto', 'twemoji', 'openmoji', 'emojione-v1', 'fluent-emoji'] as const;
/** No photograph is in both halves; those that may be a pair come first. */
const PHOTOGRAPHS: Readonly<Record<Split, { readonly pairs: readonly string[]; readonly others: readonly string[] }>> =
  {
    tune: { pairs: ['tissue', 'retina'], others: ['galaxies'] },
    report: { pairs: ['coffee', 'astronaut', 'cat'], others: ['rocket'] },
  };
const ROBUST_STYLES = ['pencil', 'duotone', 'neon', 'cel'];

async function styled(sources: Sources, style: ExactStyle, set: string, icon: string): Promise<Drawn> {
  const input = onBackground(style, rasterOf(await sources.draw(set, icon)));
  // The filter sees the bare icon: some styles tell the shape from its background.
  const truth = style.apply(rasterOf(await sources.draw(set, icon)));
  return { input: imageOf(input), truth: imageOf(truth) };
}

export function filterTasks(sources: Sources, seed: number): TaskPlan[] {
  const { pairs, tests } = shareNames(sources, seed);
  return EXACT_STYLES.map((style, n): TaskPlan => {
    const split = n % 2 === 0 ? 'tune' : 'report';
    const name = `filter-${style.name}-${(n % 2) + 1}`;
    return {
      name,
      kind: 'filters',
      split,
      style: style.name.replace('-', ' '),
      // Every task tries another name first.
      pairs: [...pairs.slice(n % pairs.length), ...pairs.slice(0, n % pairs.length)],
      suits: (icon) => fillsFrame(sources, icon),
      tests: tests[split],
      drawPair: (icon) => styled(sources, style, CONTENT, icon),
      drawTest: (icon) => styled(sources, style, CONTENT, icon),
      about: { content: sources.version(CONTENT), filter: style.name, ...style.parameters },
    };
  });
}

/** Photographs; a style is learned from one and applied to the others. */
export function photographTasks(sources: Sources): TaskPlan[] {
  return PHOTOGRAPH_STYLES.map((style, n): TaskPlan => {
    const split = n % 2 === 0 ? 'tune' : 'report';
    const { pairs, others } = PHOTOGRAPHS[split];
    const pair = pairs[(n >> 1) % pairs.length]!;
    const draw = async (name: string): Promise<Drawn> => {
      const input = await sources.photograph(name);
      return { input, truth: imageOf(style.apply(rasterOf(input))) };
    };
    return {
      name: `photograph-${style.name}-${(n % 2) + 1}`,
      kind: 'photographs',
      split,
      style: style.name.replace('-', ' '),
      pairs: [pair],
      suits: () => Promise.resolve(true),
      tests: [...pairs, ...others].filter((name) => name !== pair),
      drawPair: draw,
      drawTest: draw,
      about: { filter: style.name, ...style.parameters },
    };
  });
}

/** One style learned from one emoji, applied to pictures by many hands. Test names are `set.icon`. */
export function robustTasks(sources: Sources, seed: number): TaskPlan[] {
  const { pairs, tests } = shareNames(sources, seed);
  return ROBUST_STYLES.map((filter, n): TaskPlan => {
    const split = n % 2 === 0 ? 'tune' : 'report';
    const style = EXACT_STYLES.filter((one) => one.name === filter)[n % 2]!;
    const name = `robust-${filter}`;
    const byMany = tests[split].flatMap((icon, i) => {
      const hand = HANDS[i % HANDS.length]!;
      return sources.has(hand, icon) ? [`${hand}.${icon}`] : [];
    });
    return {
      name,
      kind: 'robust',
      split,
      style: filter,
      pairs: shuffled(pairs, seedFor(seed, name)),
      suits: (icon) => fillsFrame(sources, icon),
      tests: byMany,
      drawPair: (icon) => styled(sources, style, CONTENT, icon),
      drawTest: (test) => {
        const [set, icon] = test.split('.') as [string, string];
        return styled(sources, style, set, icon);
      },
      about: { contents: HANDS.map((set) => sources.version(set)), filter, ...style.parameters },
    };
  });
}
