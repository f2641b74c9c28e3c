/** How layers are to be restyled: the styles with their strengths, and the settings. */
import type { AppliedStyle, GuideMode } from '../../engine/requests';
import type { ChosenStyle, ResultParameters } from '../../common/messages';
import type { RestyleJob } from '../ports';
import type { ModelIdentity } from './base-model';
import type { Library } from './library';

/** Strength 1 is the style as learned. */
export const MAX_STRENGTH = 2;
/** As many as a result remembers (common/messages.ts). */
export const MAX_STYLES = 16;

export interface RestyleSettings {
  readonly styles: readonly ChosenStyle[];
  readonly prompt: string;
  readonly guide: GuideMode;
  readonly steps: number;
  readonly seed: number;
}

/** True when nothing is to change: the result is the original's very bytes, without the engine. */
export function changesNothing({ styles }: Pick<RestyleSettings, 'styles'>): boolean {
  return styles.every(({ strength }) => strength === 0);
}

/** The styles of the settings with their files. Rejects when one is kept nowhere. */
export function loadStyles(library: Library, { styles }: Pick<RestyleSettings, 'styles'>): Promise<AppliedStyle[]> {
  return Promise.all(styles.map(async ({ id, strength }) => ({ file: await library.file(id), strength })));
}

/** What the engine is asked, for a picture. */
export function restyleJob(
  picture: Uint8Array,
  styles: readonly AppliedStyle[],
  settings: RestyleSettings,
): RestyleJob {
  const { prompt, guide, steps, seed } = settings;
  return { picture, styles, prompt, guide, steps, seed };
}

/** What is written on the result. */
export function parametersOf(
  kind: ResultParameters['kind'],
  settings: RestyleSettings,
  sourceId: string | null,
  model: ModelIdentity,
): ResultParameters {
  const { styles, prompt, guide, steps, seed } = settings;
  return {
    version: 1,
    kind,
    styles: styles.map(({ id, name, strength }) => ({ id, name, strength })),
    ...{ prompt, guide, steps, seed, sourceId },
    model: { ...model },
  };
}
