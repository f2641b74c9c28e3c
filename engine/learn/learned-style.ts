/** What a run has learned, as a style: the style adapter's target modules, and what the style says of itself. */
import type { AdaptedModule } from '../lora/adapter-file';
import { unpackMatrices, upShape } from '../lora/packing';
import type { TargetModule } from '../lora/target-modules';
import { isXl, type DiffusionModel } from '../diffusion/model';
import { publicName, type StyleInfo } from '../restyle/style-file';
import type { Style } from '../restyle/styles';
import { downProjections } from './adapters';
import type { PreparedPair } from './prepare';
import type { Recipe } from './recipe';
import type { TrainerState } from './trainer';

/** kohya's names of the Stable Diffusion families, by the width of their text embeddings. */
const KOHYA_VERSIONS: ReadonlyMap<number, string> = new Map([
  [768, 'sd_v1'],
  [1024, 'sd_v2'],
]);
/** kohya's name of SDXL and its distilled variants. */
const XL_VERSION = 'sdxl_base_v1-0';
/** Ours for nets of that design with other widths, such as the embedded model. */
const OTHER_VERSION = 'sd_small';

export interface Learned {
  readonly model: DiffusionModel;
  readonly recipe: Recipe;
  /** The style's name. */
  readonly name: string;
  readonly prepared: PreparedPair;
  /** The content adapter in it has done its work and is left out. */
  readonly state: TrainerState;
}

/** @param targets the attention projections that were trained. */
export function learnedStyle(learned: Learned, targets: readonly TargetModule[]): Style & { readonly info: StyleInfo } {
  const { model, recipe, name, prepared, state } = learned;
  const { rank } = recipe;
  const ups = state.style && unpackMatrices(targets, upShape(rank), state.style.tensors[0].data);
  const down = downProjections(recipe, targets);
  const adapter = new Map(
    targets.map((target): [string, AdaptedModule] => {
      const { inFeatures, outFeatures } = target;
      const b = ups?.get(target.name) ?? new Float32Array(outFeatures * rank);
      return [target.name, { rank, alpha: rank, a: down('style', target), b, inFeatures, outFeatures }];
    }),
  );
  const info: StyleInfo = {
    style: name.trim(),
    prompt: recipe.prompt,
    stylePrompt: recipe.stylePrompt,
    mode: recipe.mode,
    scale: recipe.scale,
    filter: prepared.filter,
    backgroundExtent: prepared.backgroundExtent,
    modelFingerprint: model.fingerprint,
    baseModel: publicName(model.name),
    baseModelVersion: isXl(model)
      ? XL_VERSION
      : (KOHYA_VERSIONS.get(model.unet.config.crossAttentionDim) ?? OTHER_VERSION),
    eightBit: model.eightBit,
    seed: recipe.seed,
    steps: recipe.steps,
    learningRate: recipe.learningRate,
  };
  return { targets: adapter, info };
}
