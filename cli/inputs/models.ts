/** Which model a command works with, and opening it. */
import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { InputError } from '../../engine/errors';
import { openPairModel } from '../../engine/pair/model';
import type { ModelFolder } from '../../engine/weights/folder';
import { hubFolder, isHubName, type HubOptions } from '../../engine/weights/hub';
import { nodeFolder } from '../../engine/weights/node-folder';
import type { CommandEngine, Io } from '../io';
import { diskStore } from './eight-bit-cache';
import { fetchModel } from './model-cache';

export interface EngineOptions {
  readonly model?: string;
  readonly device?: 'auto' | 'cpu' | 'webgpu';
  readonly threads?: number;
  /** How the largest weights of a model are held; as in its files when left out. */
  readonly weights?: WeightFormat;
}

/** '8-bit': the UNet's transformers and convolutions take about half the memory they take in f16. */
export const WEIGHT_FORMATS = ['stored', '8-bit'] as const;
export type WeightFormat = (typeof WEIGHT_FORMATS)[number];

/** 'diffusion' learns styles, 'pair' reads them from their pairs. */
export type ModelKind = 'diffusion' | 'pair';

/** In place of a folder: the model that comes with Diptych and reads pairs. */
export const PAIR_MODEL = 'pair';

/** A folder on disk or `hub:ORG/NAME`, which is only looked into; without either the model that comes with Diptych. */
export async function openFolder(
  model: string | undefined,
  root: string,
  kind: ModelKind = 'diffusion',
): Promise<ModelFolder> {
  if (model === PAIR_MODEL) return openFolder(undefined, root, 'pair');
  if (model !== undefined) return isHubName(model) ? hubFolder(model, hubOptions()) : nodeFolder(model);
  const path = await bundledModel(root, kind);
  return nodeFolder(path, relative(root, path));
}

/** HF_ENDPOINT names a mirror of the hub, as it does for Hugging Face's own tools. */
function hubOptions(): HubOptions {
  const endpoint = process.env['HF_ENDPOINT']?.replace(/\/+$/, '');
  return endpoint ? { endpoint } : {};
}

/** The one folder under models/ that is a model of that kind. */
async function bundledModel(root: string, kind: ModelKind): Promise<string> {
  const found = await bundledModels(root, kind);
  // Of those that read pairs older ones stay, for styles that name them; the last is the newest.
  if (found.length === 1 || (kind === 'pair' && found.length > 0)) return found.at(-1)!;
  const names = found.map((path) => basename(path)).join(', ');
  const what = kind === 'pair' ? 'model that reads pairs' : 'model';
  const which = found.length === 0 ? `there is no ${what}` : `there are ${found.length} models (${names})`;
  throw new InputError(`${which} in ${join(root, 'models')}; name one with --model DIR`);
}

/** The folder of the bundled model that reads pairs and has these weights; undefined when there is none. */
export async function pairModelOf(root: string, fingerprint: string): Promise<string | undefined> {
  for (const path of await bundledModels(root, 'pair')) {
    const model = await openPairModel(await nodeFolder(path));
    if (model.fingerprint === fingerprint) return path;
  }
  return undefined;
}

async function bundledModels(root: string, kind: ModelKind): Promise<string[]> {
  const models = join(root, 'models');
  const names = (await readdir(models).catch(() => [])).sort();
  const found: string[] = [];
  for (const name of names) {
    const there = async (file: string): Promise<boolean> =>
      (await stat(join(models, name, file)).catch(() => undefined))?.isFile() ?? false;
    if (await there('model_index.json')) {
      if (kind === 'diffusion') found.push(join(models, name));
    } else if (kind === 'pair' && (await there('config.json'))) found.push(join(models, name));
  }
  return found;
}

/**
 * The same on this machine's disk: a model of the hub is fetched first, once for all processes. `path` is what other
 * processes open; undefined for the model that comes with Diptych.
 */
export async function localFolder(
  io: Io,
  model: string | undefined,
  kind: ModelKind = 'diffusion',
): Promise<{ readonly folder: ModelFolder; readonly path: string | undefined }> {
  if (model === undefined || !isHubName(model)) {
    return { folder: await openFolder(model, io.root, kind), path: model };
  }
  const path = await fetchModel(io, model, hubOptions());
  return { folder: await nodeFolder(path, model), path };
}

/** Opens the engine for a command and gives it back whatever happens. */
export async function withEngine<T>(
  io: Io,
  options: EngineOptions,
  work: (engine: CommandEngine) => Promise<T>,
  kind: ModelKind = 'diffusion',
): Promise<T> {
  const inEightBit = options.weights === '8-bit';
  if (inEightBit && (options.model === undefined || options.model === PAIR_MODEL)) {
    throw new InputError(
      '--weights 8-bit: the bundled models are small and gain nothing by it; name a large one with --model, or leave it out',
    );
  }
  const { folder } = await localFolder(io, options.model, kind);
  const device = {
    ...(options.device && { device: options.device }),
    ...(options.threads !== undefined && { threads: options.threads }),
    ...(inEightBit && { eightBit: diskStore(io) }),
  };
  const engine = await io.openEngine(folder, device, io.signal);
  try {
    return await work(engine);
  } finally {
    await engine.dispose();
  }
}
