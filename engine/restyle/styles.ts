/** Styles as guidance needs them: read, checked against the net, stacked, on the device. */
import type { LoadedAdapters } from '../diffusion/denoiser';
import type { GuidingStyle } from '../diffusion/guidance';
import type { DiffusionModel } from '../diffusion/model';
import { cutWarning, fitPrompt } from '../diffusion/prompts';
import { RESTYLE_DEFAULTS } from '../defaults';
import type { WeightedFilter } from '../filter/filter';
import { stackFiles } from '../lora/applied';
import { coverageOf, requireHalf } from '../lora/coverage';
import type { Pipeline } from '../pipeline';
import type { AppliedStyle, StyleDescription } from '../requests';
import { bytesSource } from '../weights/source';
import { readStyle, type StyleAdapter, type StyleInfo } from './style-file';

/** A style that has been read, or that was just learned. */
export type Style = Pick<StyleAdapter, 'targets' | 'info'>;

/** A style at the strength it is to be applied with. */
export interface StrengthenedStyle {
  /** For messages. */
  readonly name: string;
  readonly style: Style;
  /** 0: the original exactly. 1: as learned. */
  readonly strength: number;
}

export interface LoadedStyles {
  /** What errors call them. */
  readonly names: readonly string[];
  /** The base prompt c, cut where it does not fit with the styles' names. */
  readonly prompt: string;
  /** What is not done as asked; undefined when all is. */
  readonly warning: string | undefined;
  readonly guiding: readonly GuidingStyle[];
  /** How far from the drawing its background may change, as a share of the long side: the styles' largest; null for any distance. */
  readonly backgroundExtent: number | null;
  /** The styles' per-pixel filters, as strong as asked for, up to all of it; styles without one are not among them. */
  readonly filters: readonly WeightedFilter[];
  /** The share of the noise schedule from which these styles show, unless the request says another. */
  readonly start: number;
  /** The caller unloads them. */
  readonly adapters: LoadedAdapters;
}

/** The style prompt c_s: the base prompt c with the style named. */
export function namedPrompt(prompt: string, style: string): string {
  return `${prompt} in ${style} style`.trim();
}

/** Throws an InputError when a file is no adapter, or, unless forced, one that for the most part cannot be applied. */
export function readStyles(
  { model, denoiser }: Pipeline,
  styles: readonly AppliedStyle[],
  force = false,
): Promise<StrengthenedStyle[]> {
  return Promise.all(
    styles.map(async ({ file, strength, name: given }, i) => {
      const name = given ?? (styles.length === 1 ? 'the style' : `style ${i + 1}`);
      const style = await readStyleOf(model, name, file, force);
      requireHalf(name, coverageOf(style, denoiser.targets), force);
      return { name, style, strength };
    }),
  );
}

/** Uploads the styles; throws an InputError when one is of another base model. */
export async function loadStyles(
  { model, denoiser }: Pipeline,
  styles: readonly StrengthenedStyle[],
  prompt: string,
): Promise<LoadedStyles> {
  const { tokenizer } = model.texts[0];
  // An adapter from elsewhere names no style; its words, if it needs any, belong in the prompt.
  const named = styles.map(({ style: { info } }) => (info && wasNamed(info) ? info.style : undefined));
  // The base and the style prompts are cut alike, so that they differ by the style's name alone.
  const suffixes = named.map((name) => (name === undefined ? '' : namedPrompt('', name)));
  const longest = suffixes.reduce((a, b) => (tokenizer.count(b) > tokenizer.count(a) ? b : a), '');
  const { prompt: base, cut } = fitPrompt(tokenizer, prompt.trim(), longest);
  const extents = styles.map(({ style }) => style.info?.backgroundExtent ?? null);
  return {
    names: styles.map(({ name }) => name),
    prompt: base,
    warning: cut === '' ? undefined : cutWarning(tokenizer, cut),
    guiding: styles.map(({ style: { info }, strength }, i) => ({
      prompt: named[i] === undefined ? base : namedPrompt(base, named[i]),
      strength,
      scale: info?.scale ?? 1,
    })),
    backgroundExtent: extents.reduce<number | null>(
      (most, extent) => (most === null || extent === null ? null : Math.max(most, extent)),
      0,
    ),
    // Colours that are a style's own cannot be more so: past 1 they would turn into their opposites.
    filters: styles.flatMap(({ style: { info }, strength }) =>
      info?.filter ? [{ filter: info.filter, weight: Math.max(-1, Math.min(1, strength)) }] : [],
    ),
    start: extents.includes(1) ? RESTYLE_DEFAULTS.backgroundStart : RESTYLE_DEFAULTS.start,
    adapters: await denoiser.load(
      stackFiles(
        denoiser.targets,
        styles.map(({ name, style }) => ({ name, file: style })),
      ),
    ),
  };
}

/** Whether the style was named in the prompt it was learned with. Early ADDifT files say so and were not. */
function wasNamed({ prompt, stylePrompt, mode }: StyleInfo): boolean {
  return mode !== 'addift' && stylePrompt !== prompt;
}

/** What a style file is. Throws what readStyles and loadStyles throw. */
export async function describeStyle(
  { model, denoiser }: Pipeline,
  name: string,
  file: Uint8Array,
  force = false,
): Promise<StyleDescription> {
  const style = await readStyleOf(model, name, file, force);
  const { ranks } = stackFiles(denoiser.targets, [{ name, file: style }]);
  const coverage = coverageOf(style, denoiser.targets);
  requireHalf(name, coverage, force);
  const { info } = style;
  return {
    name: info?.style ?? '',
    prompt: info?.prompt ?? '',
    model: info ? { name: info.baseModel, fingerprint: info.modelFingerprint } : null,
    rank: ranks[0]!,
    steps: info?.steps ?? 0,
    coverage,
  };
}

function readStyleOf(model: DiffusionModel, name: string, file: Uint8Array, force: boolean): Promise<StyleAdapter> {
  return readStyle(bytesSource(name, file), { layersPerBlock: model.unet.config.down[0]!.resnets, force });
}
