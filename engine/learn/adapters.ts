/** The frozen halves of the adapters of a run: their down-projections. */
import { independentRows, orthonormalRows } from '../lora/basis';
import { downShape, packMatrices } from '../lora/packing';
import type { TargetModule } from '../lora/target-modules';
import type { AdapterName } from './phases';
import type { Recipe } from './recipe';

/**
 * The frozen down-projections of both adapters: the first `rank` rows of each width's basis are the content's, the
 * next the style's.
 *
 * @returns for each target module, [rank, in] of the named adapter.
 */
export function downProjections(
  { rank, seed, basis }: Pick<Recipe, 'rank' | 'seed' | 'basis'>,
  targets: readonly TargetModule[],
): (adapter: AdapterName, target: TargetModule) => Float32Array {
  const rows = basis === 'independent' ? independentRows : orthonormalRows;
  const bases = new Map<number, Float32Array>();
  for (const { inFeatures } of targets) {
    if (!bases.has(inFeatures)) bases.set(inFeatures, rows(2 * rank, inFeatures, seed));
  }
  return (adapter, target) => {
    const size = rank * target.inFeatures;
    const start = adapter === 'content' ? 0 : size;
    return bases.get(target.inFeatures)!.subarray(start, start + size);
  };
}

/** The stacked down-projections of some adapters, packed for all target modules. */
export function packedDown(
  recipe: Recipe,
  targets: readonly TargetModule[],
  adapters: readonly AdapterName[],
): Float32Array {
  const down = downProjections(recipe, targets);
  return packMatrices(targets, downShape(adapters.length * recipe.rank), (target) => {
    const stacked = new Float32Array(adapters.length * recipe.rank * target.inFeatures);
    adapters.forEach((adapter, k) => stacked.set(down(adapter, target), k * recipe.rank * target.inFeatures));
    return stacked;
  });
}
