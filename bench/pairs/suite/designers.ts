/** Designers' truth: emoji that the same designers drew flat, with gradients, and in one colour, on the same outlines. */
import { rasterOf } from '../pixels/raster';
import { onPaper, shuffled, seedFor, type Drawn, type Split, type TaskPlan } from './plan';
import type { Sources } from './sources';

const FLAT = 'fluent-emoji-flat';
/** The contours of high contrast lie outside the flat shape, where a style can paint only on an opaque background. */
const TARGETS = [
  { set: 'fluent-emoji', style: 'gradient', background: false },
  { set: 'fluent-emoji-high-contrast', style: 'high contrast', background: true },
] as const;
/** Held-out names from which pairs are chosen; the others are test pictures, half of them for tuning. */
const PAIR_NAMES = 40;
const PAIRS_PER_STYLE = 4;
/** What a picture must have to stand for a style: colours, and a share of its frame. Nobody would choose a plain square or a stick. */
const PAIR_PAINTS = 3;
const PAIR_COVER = 0.3;

/** How the held-out names are shared out, the same for every kind of task. */
export interface Shares {
  readonly pairs: readonly string[];
  readonly tests: Readonly<Record<Split, readonly string[]>>;
}

export function shareNames(sources: Sources, seed: number): Shares {
  const names = shuffled(sources.heldOut, seedFor(seed, 'names'));
  const tests = names.slice(PAIR_NAMES);
  const half = Math.ceil(tests.length / 2);
  return {
    pairs: names.slice(0, PAIR_NAMES).filter((name) => paintsIn(sources.body(FLAT, name)) >= PAIR_PAINTS),
    tests: { tune: tests.slice(0, half), report: tests.slice(half) },
  };
}

/** Several pairs for each style, so that a lucky pair shows as such. */
export function designerTasks(sources: Sources, seed: number): TaskPlan[] {
  const { pairs, tests } = shareNames(sources, seed);
  return TARGETS.flatMap(({ set, style, background }) =>
    Array.from({ length: PAIRS_PER_STYLE }, (_, n): TaskPlan => {
      const split = n % 2 === 0 ? 'tune' : 'report';
      const draw = async (name: string): Promise<Drawn> => {
        const drawn = { input: await sources.draw(FLAT, name), truth: await sources.draw(set, name) };
        return background ? onPaper(drawn) : drawn;
      };
      return {
        name: `designers-${style.replace(' ', '-')}-${n + 1}`,
        kind: 'designers',
        split,
        style,
        // Every task tries its own names first.
        pairs: pairs.filter((_, i) => i % PAIRS_PER_STYLE === n),
        suits: (name) => fillsFrame(sources, name),
        tests: tests[split],
        drawPair: draw,
        drawTest: draw,
        about: { from: sources.version(FLAT), to: sources.version(set), background },
      };
    }),
  );
}

/** Whether an emoji covers enough of its frame to learn from. */
export async function fillsFrame(sources: Sources, name: string): Promise<boolean> {
  const { alpha } = rasterOf(await sources.draw(FLAT, name));
  return alpha.reduce((sum, value) => sum + value, 0) >= PAIR_COVER * alpha.length;
}

function paintsIn(svg: string): number {
  return new Set(svg.match(/#[0-9a-f]{3,6}/gi)).size;
}
