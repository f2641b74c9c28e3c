/** Which model a command works with, and opening it. */
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { InputError } from '../engine/errors';
import type { ModelFolder } from '../engine/weights/folder';
import { hubFolder, isHubName, type HubOptions } from '../engine/weights/hub';
import { nodeFolder } from '../engine/weights/node-folder';
import type { CommandEngine, Io } from './io';
import { fetchModel } from './model-cache';

export interface EngineOptions {
  readonly model?: string;
  readonly device?: 'auto' | 'cpu' | 'webgpu';
  readonly threads?: number;
}

/** 'diffusion' learns styles, 'pair' reads them from their pairs. */
export type ModelKind = 'diffusion' | 'pair';

/** A folder on disk or `hub:ORG/NAME`, which is only looked into; without either the model that comes with Diptych. */
export async function openFolder(
  model: string | undefined,
  root: string,
  kind: ModelKind = 'diffusion',
): Promise<ModelFolder> {
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
  const models = join(root, 'models');
  const names = (await readdir(models).catch(() => [])).sort();
  const found: string[] = [];
  for (const name of names) {
    const there = async (file: string): Promise<boolean> =>
      (await stat(join(models, name, file)).catch(() => undefined))?.isFile() ?? false;
    if (await there('model_index.json')) {
      if (kind === 'diffusion') found.push(name);
    } else if (kind === 'pair' && (await there('config.json'))) found.push(name);
  }
  if (found.length === 1) return join(models, found[0]!);
  const what = kind === 'pair' ? 'model that reads pairs' : 'model';
  const which = found.length === 0 ? `there is no ${what}` : `there are ${found.length} models (${found.join(', ')})`;
  throw new InputError(`${which} in ${models}; name one with --model DIR`);
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
  const { folder } = await localFolder(io, options.model, kind);
  const device = {
    ...(options.device && { device: options.device }),
    ...(options.threads !== undefined && { threads: options.threads }),
  };
  const engine = await io.openEngine(folder, device, io.signal);
  try {
    return await work(engine);
  } finally {
    await engine.dispose();
  }
}
