/** Adapters read from files, stacked and packed for a UNet's sites. */
import { InputError } from '../errors';
import type { AdapterFile, AdapterSite } from './adapter-file';
import { downShape, packMatrices, upShape } from './packing';
import type { Site } from './sites';

export interface StackedAdapterData {
  /** The sites at least one adapter touches. */
  readonly sites: readonly Site[];
  /** Rank of each adapter, in stacking order; the most it has at any site. */
  readonly ranks: readonly number[];
  /** Packed [R, in] and [out, R] of all sites, with alpha / rank inside. R is the sum of the ranks. */
  readonly down: Float32Array;
  readonly up: Float32Array;
}

/**
 * Stacks adapters over the sites of a net; where one does not touch a site that another does, it gets zeros.
 *
 * @throws InputError when an adapter touches none of the sites, or one with other widths: it belongs to another net.
 */
export function stackFiles(
  all: readonly Site[],
  files: readonly { readonly name: string; readonly file: Pick<AdapterFile, 'sites'> }[],
): StackedAdapterData {
  for (const { name, file } of files) requireFit(all, name, file);
  const sites = all.filter((site) => files.some(({ file }) => file.sites.has(site.name)));
  const ranks = files.map(({ file }) => [...file.sites.values()].reduce((most, { rank }) => Math.max(most, rank), 0));
  const total = ranks.reduce((n, rank) => n + rank, 0);
  const starts = ranks.map((_, k) => ranks.slice(0, k).reduce((n, rank) => n + rank, 0));

  const down = packMatrices(sites, downShape(total), (site) => {
    const matrix = new Float32Array(total * site.inFeatures);
    files.forEach(({ file }, k) => {
      const found = file.sites.get(site.name);
      if (found) matrix.set(found.a, starts[k]! * site.inFeatures);
    });
    return matrix;
  });
  const up = packMatrices(sites, upShape(total), (site) => {
    const matrix = new Float32Array(site.outFeatures * total);
    files.forEach(({ name, file }, k) => {
      const found = file.sites.get(site.name);
      if (!found) return;
      const scale = found.alpha / found.rank;
      requireSize(name, site, found);
      for (let o = 0; o < site.outFeatures; o++) {
        for (let i = 0; i < found.rank; i++) matrix[o * total + starts[k]! + i] = scale * found.b[o * found.rank + i]!;
      }
    });
    return matrix;
  });
  return { sites, ranks, down, up };
}

/**
 * The layers of diffusion models have weights of norm (Frobenius) up to some hundreds, and what trained adapters add is
 * smaller. Past this an adapter is damaged: what it makes would overflow, or be noise.
 */
const LARGEST_NORM = 1e6;

/** Throws an InputError when alpha / rank * B A may be larger than any layer. */
function requireSize(name: string, site: Site, { alpha, rank, a, b }: AdapterSite): void {
  const norm = (Math.abs(alpha) / rank) * norm2(a) * norm2(b);
  if (norm <= LARGEST_NORM) return;
  throw new InputError(
    `${name}: its weights for ${site.name} are far too large (norm ${norm.toExponential(0)}, alpha ${Number(alpha.toPrecision(4))}): the file is damaged, or its alpha is wrong; fetch it again, or choose another`,
  );
}

function norm2(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}

function requireFit(sites: readonly Site[], name: string, file: Pick<AdapterFile, 'sites'>): void {
  const known = new Map(sites.map((site) => [site.name, site]));
  let used = 0;
  for (const [siteName, adapter] of file.sites) {
    const site = known.get(siteName);
    if (!site) continue;
    if (site.inFeatures !== adapter.inFeatures || site.outFeatures !== adapter.outFeatures) {
      throw new InputError(
        `${name} is for another base model: ${siteName} is ${adapter.outFeatures} x ${adapter.inFeatures} in it, ${site.outFeatures} x ${site.inFeatures} here; use it with the model it was learned on`,
      );
    }
    used++;
  }
  if (used === 0)
    throw new InputError(
      `${name} is for another base model: none of its ${file.sites.size} layers is in this one; use it with the model it was learned on`,
    );
}
