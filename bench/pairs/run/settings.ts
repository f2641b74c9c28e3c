/** The settings of the method that a run fixes and a sweep varies. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { LEARN_DEFAULTS, RESTYLE_DEFAULTS } from '../../../engine/defaults';
import type { LearnRequest, RestyleRequest } from '../../../engine/requests';
import { MODES } from '../../../engine/modes';

/**
 * Counts up when a mode comes to learn or apply its styles in another way at the same settings, so that results of
 * before are not taken for results of now. 2: the interpolant; ADDifT is applied with the base prompt. 3:
 * augmentations of the pair, no style words, cleaned differences. 4: the background is held as far as the pair holds it; a
 * style whose colours depend on brightness ignores hues. 5: the strength is calibrated on the pair. 6: a per-pixel filter
 * acts first where the style's change is of that kind. 7: strokes too. 8: strokes apart from colours, and less of the
 * rest. 9: shadows.
 */
const METHOD_VERSION = 9;

export interface Settings {
  readonly learn: Required<Pick<LearnRequest, 'steps' | 'contentSteps' | 'rank' | 'learningRate' | 'seed'>>;
  /** Without a start, each style's own. */
  readonly restyle: Required<Pick<RestyleRequest, 'steps' | 'seed'>> & Pick<RestyleRequest, 'start'>;
}

/** The program's defaults with some changed. */
export function settingsWith(learn: Partial<Settings['learn']>, restyle: Partial<Settings['restyle']>): Settings {
  const { steps, contentSteps, rank, learningRate, seed } = { ...LEARN_DEFAULTS, ...learn };
  const back = { steps: RESTYLE_DEFAULTS.steps, seed: RESTYLE_DEFAULTS.seed, ...restyle };
  return {
    learn: { steps, contentSteps, rank, learningRate, seed },
    restyle: back,
  };
}

/**
 * The folder of a run under that of all runs: one level for the model, one for how styles are learned, one for how they
 * are applied, so that runs which learn alike share their styles.
 */
export function runFolder(out: string, fingerprint: string, { learn, restyle }: Settings): string {
  // A learned style holds its scale.
  const scales = Object.entries(MODES).map(([mode, { scale }]) => [mode, scale]);
  const method = JSON.stringify([METHOD_VERSION, scales]);
  const parts = [[fingerprint], [JSON.stringify(learn), method], [JSON.stringify(restyle)]];
  return join(out, ...parts.map(digestOfWords));
}

function digestOfWords(words: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(words)).digest('hex').slice(0, 12);
}

/** "rank 16, learning rate 0.002, ..." */
export function describeSettings({ learn, restyle }: Settings): string {
  return [
    `rank ${learn.rank}`,
    `learning rate ${learn.learningRate}`,
    `${learn.contentSteps} + ${learn.steps} learning steps`,
    `start ${restyle.start ?? `${RESTYLE_DEFAULTS.start} or ${RESTYLE_DEFAULTS.backgroundStart}, by the style`}`,
    `${restyle.steps} steps each way`,
    `seeds ${learn.seed} and ${restyle.seed}`,
  ].join(', ');
}
