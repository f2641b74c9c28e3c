/** A pair-conditioned model as its folder describes it: configuration read and checked, weights opened, nothing run. */
import { PAIR_NET, readPairNetConfig, type PairNetConfig } from '../nets/pair/config';
import { digest, sampled } from '../weights/fingerprint';
import { openWeights, type ModelFolder, type WeightSet } from '../weights/folder';
import { isObject, ownValue } from '../weights/json';
import type { ByteSource } from '../weights/source';

export interface PairModel {
  /** The folder's name. */
  readonly name: string;
  readonly config: PairNetConfig;
  readonly weights: WeightSet;
  /** Every weight file by the key that graphs refer to it with. */
  readonly files: ReadonlyMap<string, ByteSource>;
  /** Names the exact weights: hex digits of a digest of a sample of their bytes. */
  readonly fingerprint: string;
}

const CONFIG = 'config.json';

/** Whether a folder holds a pair-conditioned model: its config.json says so. */
export async function isPairModel(folder: ModelFolder, signal?: AbortSignal): Promise<boolean> {
  if (!(await folder.has(CONFIG, signal))) return false;
  const config = await folder.json(CONFIG, signal);
  return isObject(config) && ownValue(config, '_class_name') === PAIR_NET;
}

/** Opens a model folder; throws an InputError naming the file and the key for whatever is missing or not supported. */
export async function openPairModel(folder: ModelFolder, signal?: AbortSignal): Promise<PairModel> {
  const config = readPairNetConfig(await folder.json(CONFIG, signal), `${folder.name}/${CONFIG}`);
  const weights = await openWeights(folder, '', signal && { signal });
  const sources = weights.files.map(({ source }) => source);
  return {
    name: folder.name,
    config,
    weights,
    files: new Map(sources.map((source) => [source.name, source])),
    fingerprint: digest(await sampled(sources, signal)),
  };
}
