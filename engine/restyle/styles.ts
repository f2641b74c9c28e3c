/** Style files as guidance needs them: read, fitted to the net, stacked, on the device. */
import type { LoadedAdapters } from '../diffusion/denoiser';
import type { DiffusionModel } from '../diffusion/model';
import type { GuidingStyle } from '../diffusion/guidance';
import { readAdapter, type AdapterFile } from '../lora/adapter-file';
import { coverageOf, requireHalf } from '../lora/coverage';
import { cutWarning, fitPrompt } from '../diffusion/prompts';
import { styleInfo, type StyleInfo } from '../lora/style-info';
import { stackFiles } from '../lora/applied';
import { bytesSource } from '../weights/source';
import { RESTYLE_DEFAULTS } from '../defaults';
import type { WeightedRepainting } from '../filter/filter';
import type { AppliedStyle, StyleDescription } from '../requests';
import type { Workshop } from '../pipeline';

export interface LoadedStyles {
  /** What errors call them. */
  readonly names: readonly string[];
  /** The base prompt c, cut where it does not fit with the styles' names. */
  readonly prompt: string;
  /** What is not done as asked; undefined when all is. */
  readonly warning: string | undefined;
  readonly guiding: readonly GuidingStyle[];
  /** How far from the drawing its ground may change, as a share of the long side: the styles' largest; null for any distance. */
  readonly groundReach: number | null;
  /** What the styles make of pixels by themselves, as strong as asked for, up to all of it; those that leave that to the net are not among them. */
  readonly repaintings: readonly WeightedRepainting[];
  /** The share of the noise schedule from which these styles show, unless the request says another. */
  readonly start: number;
  /** The caller unloads them. */
  readonly adapters: LoadedAdapters;
}

/** The style prompt c_s: the base prompt c with the style named. */
export function namedPrompt(prompt: string, style: string): string {
  return `${prompt} in ${style} style`.trim();
}

/**
 * Throws an InputError when a file is no adapter, one of another base model, or, unless forced, one that for the most
 * part cannot be applied.
 */
export async function loadStyles(
  { model, denoiser }: Workshop,
  styles: readonly AppliedStyle[],
  prompt: string,
  force = false,
): Promise<LoadedStyles> {
  const { tokenizer } = model.texts[0];
  const asked = prompt.trim();
  const read = await Promise.all(
    styles.map(async ({ file, strength, name: given }, i) => {
      const name = given ?? (styles.length === 1 ? 'the style' : `style ${i + 1}`);
      const adapter = await readStyle(model, name, file, force);
      requireHalf(name, coverageOf(adapter, denoiser.sites), force);
      const info = styleInfo(adapter.metadata);
      // An adapter from elsewhere names no style; its words, if it needs any, belong in the prompt.
      const named = info && wasNamed(info) ? info.style : undefined;
      return {
        name,
        file: adapter,
        named,
        guiding: { strength, scale: info?.scale ?? 1 },
        reach: info?.groundReach ?? null,
        // Colours that are a style's own cannot be more so: past 1 they would turn into their opposites.
        repaintings: info?.repainting
          ? [{ repainting: info.repainting, weight: Math.max(-1, Math.min(1, strength)) }]
          : [],
      };
    }),
  );
  // The base and the style prompts are cut alike, so that they differ by the style's name alone.
  const suffixes = read.map(({ named }) => (named === undefined ? '' : namedPrompt('', named)));
  const longest = suffixes.reduce((a, b) => (tokenizer.count(b) > tokenizer.count(a) ? b : a), '');
  const { prompt: base, cut } = fitPrompt(tokenizer, asked, longest);
  return {
    warning: cut === '' ? undefined : cutWarning(tokenizer, cut),
    names: read.map(({ name }) => name),
    prompt: base,
    guiding: read.map(({ guiding, named }) => ({
      ...guiding,
      prompt: named === undefined ? base : namedPrompt(base, named),
    })),
    groundReach: read.reduce<number | null>(
      (most, { reach }) => (most === null || reach === null ? null : Math.max(most, reach)),
      0,
    ),
    repaintings: read.flatMap(({ repaintings }) => repaintings),
    start: read.some(({ reach }) => reach === 1) ? RESTYLE_DEFAULTS.groundStart : RESTYLE_DEFAULTS.start,
    adapters: await denoiser.load(stackFiles(denoiser.sites, read)),
  };
}

/** Whether the style was named in the prompt it was learned with. Early ADDifT files say so and were not. */
function wasNamed({ prompt, stylePrompt, mode }: StyleInfo): boolean {
  return mode !== 'addift' && stylePrompt !== prompt;
}

/** What a style file is. Throws what loadStyles throws. */
export async function describeStyle(
  { model, denoiser }: Workshop,
  name: string,
  file: Uint8Array,
  force = false,
): Promise<StyleDescription> {
  const adapter = await readStyle(model, name, file, force);
  const { ranks } = stackFiles(denoiser.sites, [{ name, file: adapter }]);
  const coverage = coverageOf(adapter, denoiser.sites);
  requireHalf(name, coverage, force);
  const info = styleInfo(adapter.metadata);
  return {
    name: info?.style ?? '',
    prompt: info?.prompt ?? '',
    model: info ? { name: info.baseModel, fingerprint: info.modelFingerprint } : null,
    rank: ranks[0]!,
    steps: info?.steps ?? 0,
    coverage,
  };
}

function readStyle(model: DiffusionModel, name: string, file: Uint8Array, force: boolean): Promise<AdapterFile> {
  return readAdapter(bytesSource(name, file), { layersPerBlock: model.unet.config.down[0]!.resnets, force });
}
