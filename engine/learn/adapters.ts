/** The frozen halves of the adapters of a run: their down-projections. */
import { independentRows, orthonormalRows } from '../lora/basis';
import { downShape, packMatrices } from '../lora/packing';
import type { Site } from '../lora/sites';
import type { AdapterName } from './phases';
import type { Recipe } from './recipe';

/**
 * The frozen down-projections of both adapters: the first `rank` rows of each width's basis are the content's, the
 * next the style's.
 *
 * @returns for each site, [rank, in] of the named adapter.
 */
export function downProjections(
  { rank, seed, basis }: Pick<Recipe, 'rank' | 'seed' | 'basis'>,
  sites: readonly Site[],
): (adapter: AdapterName, site: Site) => Float32Array {
  const rows = basis === 'independent' ? independentRows : orthonormalRows;
  const bases = new Map<number, Float32Array>();
  for (const { inFeatures } of sites) {
    if (!bases.has(inFeatures)) bases.set(inFeatures, rows(2 * rank, inFeatures, seed));
  }
  return (adapter, site) => {
    const size = rank * site.inFeatures;
    const start = adapter === 'content' ? 0 : size;
    return bases.get(site.inFeatures)!.subarray(start, start + size);
  };
}

/** The stacked down-projections of some adapters, packed for all sites. */
export function packedDown(recipe: Recipe, sites: readonly Site[], adapters: readonly AdapterName[]): Float32Array {
  const down = downProjections(recipe, sites);
  return packMatrices(sites, downShape(adapters.length * recipe.rank), (site) => {
    const stacked = new Float32Array(adapters.length * recipe.rank * site.inFeatures);
    adapters.forEach((adapter, k) => stacked.set(down(adapter, site), k * recipe.rank * site.inFeatures));
    return stacked;
  });
}
