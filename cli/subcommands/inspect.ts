/** `diptych inspect`: what a model folder or a safetensors file is, also when it is broken. */
import { stat } from 'node:fs/promises';
import { InputError } from '../../engine/errors';
import { openModel } from '../../engine/diffusion/model';
import { parseSchedule } from '../../engine/diffusion/schedule';
import { netChecks } from '../../engine/diffusion/check-nets';
import { coverageOf, describeCoverage, tooLittle } from '../../engine/lora/coverage';
import { needsPeftConfig } from '../../engine/lora/peft-config';
import { isPairModel, openPairModel } from '../../engine/pair/model';
import { isPairStyle, readPairStyle } from '../../engine/restyle/pair-style-file';
import { readStyle } from '../../engine/restyle/style-file';
import { isAdapterKey } from '../../engine/lora/adapter-keys';
import { readClipTextConfig } from '../../engine/nets/clip-text-config';
import { loadTokenizer } from '../../engine/nets/tokenizer';
import { readUNetConfig } from '../../engine/nets/unet-config';
import { readVaeConfig } from '../../engine/nets/vae-config';
import { sizeOf } from '../../engine/tensor/shape';
import { openWeights, type ModelFolder } from '../../engine/weights/folder';
import { isHubName } from '../../engine/weights/hub';
import { isObject, ownValue } from '../../engine/weights/json';
import { fileSource } from '../../engine/weights/node-file';
import { nodeFolder } from '../../engine/weights/node-folder';
import { SINGLE_FILE_KEY } from '../../engine/weights/single-file/folder';
import {
  isReadable,
  openSafetensors,
  unreadable,
  type SafetensorsFile,
  type TensorEntry,
} from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import { openFolder } from '../inputs/models';
import { printable } from '../terminal/printable';
import { adapterIn, readStyleFile } from '../inputs/style-files';

type Facts = Readonly<Record<string, unknown>>;

/** What there is to say: plain data for --json. */
export interface Inspection {
  readonly kind: 'model' | 'adapter' | 'pairs' | 'checkpoint' | 'weights';
  readonly name: string;
  readonly facts: Facts;
  /** Parts of a model, each with its facts. */
  readonly parts: Readonly<Record<string, Facts>>;
  /** One line on each thing that is broken or not supported; empty when Diptych can use it. */
  readonly problems: readonly string[];
}

/** Throws an InputError when the path is neither a folder nor a safetensors file. */
export async function inspectCommand(path: string, root: string, signal?: AbortSignal): Promise<Inspection> {
  if (isHubName(path)) return inspectModel(await openFolder(path, root), signal);
  const info = await stat(path).catch(() => {
    throw new InputError(`${path}: there is no such file or folder; check the path`);
  });
  if (!info.isDirectory()) return inspectFile(path, signal);
  const adapter = await adapterIn(path);
  return adapter === undefined ? inspectModel(await openFolder(path, root), signal) : inspectFile(adapter, signal);
}

async function inspectModel(folder: ModelFolder, signal?: AbortSignal): Promise<Inspection> {
  if (await isPairModel(folder, signal)) return inspectPairModel(folder, signal);
  const parts: Record<string, Facts> = {};
  const problems: string[] = [];
  /** Runs one reading; what it cannot read becomes a problem and the rest goes on. */
  const attempt = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      if (!problems.includes(error.message)) problems.push(error.message);
      return undefined;
    }
  };
  const json = async (path: string): Promise<[unknown, string]> => [
    await folder.json(path, signal),
    `${folder.name}/${path}`,
  ];

  // First what the engine itself says: the parts may all be sound and still not fit one another.
  const model = await attempt(() => openModel(folder, signal));
  for (const check of model ? netChecks(model) : []) await attempt(async () => check());
  if (!(await folder.has('model_index.json', signal)) && !(await folder.has('unet/config.json', signal))) {
    throw new InputError(problems[0] ?? `${folder.name} holds no model`);
  }
  const index = await attempt(() => folder.json('model_index.json', signal));
  const unet = await attempt(async () => readUNetConfig(...(await json('unet/config.json'))));
  const vae = await attempt(async () => readVaeConfig(...(await json('vae/config.json'))));
  parts['unet'] = {
    ...(unet && {
      channels: unet.channels,
      'native latent size': unet.sampleSize,
      'cross attention width': unet.crossAttentionDim,
    }),
    ...(await attempt(() => weightFacts(folder, 'unet', signal))),
  };
  parts['vae'] = {
    ...(vae && {
      class: vae.kind === 'tiny' ? 'AutoencoderTiny' : 'AutoencoderKL',
      'latent channels': vae.latentChannels,
      downsampling: vae.downsampling,
      'scaling factor': vae.scalingFactor,
    }),
    ...(await attempt(() => weightFacts(folder, 'vae', signal))),
  };
  for (const part of ['text_encoder', 'text_encoder_2']) {
    const there = await attempt(() => folder.has(`${part}/config.json`, signal));
    if (!there && part !== 'text_encoder') continue;
    const text = await attempt(async () => readClipTextConfig(...(await json(`${part}/config.json`))));
    parts[part] = {
      ...(text && { width: text.width, layers: text.layers, positions: text.positions, vocabulary: text.vocabulary }),
      ...(await attempt(() => weightFacts(folder, part, signal))),
    };
  }
  const tokenizer = await attempt(() => loadTokenizer(folder, 'tokenizer', signal));
  parts['tokenizer'] = tokenizer ? { 'longest prompt': `${tokenizer.maxLength} tokens` } : {};
  const schedule = await attempt(async () => {
    const path = 'scheduler/scheduler_config.json';
    return parseSchedule(await folder.text(path, signal), `${folder.name}/${path}`);
  });
  parts['scheduler'] = schedule
    ? {
        'prediction type': schedule.predictionType,
        sampler: schedule.preferredSampler,
        betas: schedule.betaSchedule,
        timesteps: schedule.trainTimesteps,
        ...(schedule.notes.length > 0 && { notes: schedule.notes }),
      }
    : {};
  const className = isObject(index) ? ownValue(index, '_class_name') : undefined;
  const facts = {
    pipeline: className,
    ...(unet && { family: unet.textTime ? 'Stable Diffusion XL' : 'Stable Diffusion' }),
    ...(unet && vae && { 'native size': `${unet.sampleSize * vae.downsampling} px` }),
    ...(model && { fingerprint: model.fingerprint }),
  };
  return { kind: 'model', name: folder.name, facts, parts, problems };
}

async function weightFacts(folder: ModelFolder, part: string, signal?: AbortSignal): Promise<Facts> {
  const weights = await openWeights(folder, part, { preferHalf: true, ...(signal && { signal }) });
  return tensorFacts(weights.names().map((name) => weights.get(name)!.entry));
}

function tensorFacts(entries: readonly TensorEntry[]): Facts {
  return {
    parameters: entries.reduce((n, { shape }) => n + sizeOf(shape), 0),
    tensors: entries.length,
    dtypes: [...new Set(entries.map(({ dtype }) => dtype))].sort(),
    bytes: entries.reduce((n, { length }) => n + length, 0),
  };
}

async function inspectFile(path: string, signal?: AbortSignal): Promise<Inspection> {
  const found = await openSafetensors(await fileSource(path), signal);
  const file = needsPeftConfig(found)
    ? await openSafetensors(bytesSource(path, await readStyleFile(path)), signal)
    : found;
  const facts = tensorFacts([...file.tensors.values()]);
  const { metadata } = file;
  if (isPairStyle(metadata)) return inspectPairs(file, facts);
  if (file.tensors.has(SINGLE_FILE_KEY)) {
    try {
      return await inspectModel(await nodeFolder(path), signal);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return { kind: 'weights', name: path, facts, parts: { metadata }, problems: [error.message] };
    }
  }
  if (metadata['diptych_checkpoint'] !== undefined) {
    const steps = Number(metadata['step']);
    return { kind: 'checkpoint', name: path, facts: { 'steps done': steps, ...facts }, parts: {}, problems: [] };
  }
  if (![...file.tensors.keys()].some(isAdapterKey)) {
    const problems = plainProblems(file);
    return { kind: 'weights', name: path, facts, parts: { metadata }, problems };
  }
  try {
    const adapter = await readStyle(file.source, signal ? { signal } : {});
    const targets = [...adapter.targets.values()];
    const coverage = coverageOf(adapter);
    const problem = tooLittle(path, coverage);
    const style = adapter.info;
    return {
      kind: 'adapter',
      name: path,
      facts: {
        ...(style && { style: style.style, prompt: style.prompt, 'style prompt': style.stylePrompt, mode: style.mode }),
        rank: summary(targets.map(({ rank }) => rank)),
        alpha: summary(targets.map(({ alpha }) => alpha)),
        modules: describeCoverage(coverage),
        ...facts,
        ...(style && { 'base model': style.baseModel, 'base fingerprint': style.modelFingerprint }),
        ...(style?.eightBit && { 'base weights': '8-bit' }),
        coverage,
      },
      parts: { metadata },
      problems: problem === undefined ? [] : [problem],
    };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { kind: 'adapter', name: path, facts, parts: { metadata }, problems: [error.message] };
  }
}

async function inspectPairs({ source, metadata }: SafetensorsFile, facts: Facts): Promise<Inspection> {
  const found = { kind: 'pairs', name: source.name, parts: { metadata } } as const;
  try {
    const { info, pairs } = await readPairStyle(source);
    const sizes = pairs.map(({ before }) => `${before.width} x ${before.height} px`);
    const said = { style: info.style, pairs: sizes, training: 'none: the base model reads the pairs' };
    const base = { 'base model': info.baseModel, 'base fingerprint': info.modelFingerprint };
    return { ...found, facts: { ...said, bytes: facts['bytes'], ...base }, problems: [] };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...found, facts, problems: [error.message] };
  }
}

/** A model that reads pairs. */
async function inspectPairModel(folder: ModelFolder, signal?: AbortSignal): Promise<Inspection> {
  const found = { kind: 'model', name: folder.name } as const;
  try {
    const { config, fingerprint, weights } = await openPairModel(folder, signal);
    const { widths, depths, size } = config;
    const facts = {
      family: 'pair-conditioned, reads a style from its pairs',
      'native size': `${size} px`,
      fingerprint,
    };
    const net = {
      widths: widths.join(', '),
      depths: depths.join(', '),
      ...tensorFacts(weights.names().map((name) => weights.get(name)!.entry)),
    };
    return { ...found, facts, parts: { net }, problems: [] };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...found, facts: {}, parts: {}, problems: [error.message] };
  }
}

/** What keeps a file of plain weights from being used. */
function plainProblems({ source, tensors }: SafetensorsFile): string[] {
  const unread = [...tensors.values()].find(({ dtype }) => !isReadable(dtype));
  return [...(unread ? [`${source.name}: ${unreadable(unread)}`] : [])];
}

/** "16", or "4 to 16" where they differ. */
function summary(values: readonly number[]): string {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  return low === high ? String(low) : `${low} to ${high}`;
}

const KINDS = {
  model: 'a model',
  adapter: 'a LoRA adapter',
  pairs: 'a style that holds its pairs',
  checkpoint: 'a learning checkpoint',
  weights: 'weights',
};

/** The inspection for people. */
export function describeInspection({ kind, name, facts, parts, problems }: Inspection): string {
  const lines = [`${printable(name)}: ${KINDS[kind]}`, ...describeFacts(facts, '  ')];
  for (const [part, partFacts] of Object.entries(parts)) {
    if (Object.keys(partFacts).length === 0) continue;
    lines.push(`  ${printable(part)}`, ...describeFacts(partFacts, '    '));
  }
  if (problems.length > 0) lines.push('  problems', ...problems.map((problem) => `    ${printable(problem)}`));
  return `${lines.join('\n')}\n`;
}

function describeFacts(facts: Facts, indent: string): string[] {
  const shown = (value: unknown): boolean => value !== undefined && (typeof value !== 'object' || Array.isArray(value));
  const entries = Object.entries(facts).flatMap(([key, value]): [string, string][] =>
    shown(value) ? [[printable(cut(key, LONGEST_KEY)), printable(describeValue(key, value))]] : [],
  );
  const width = entries.reduce((most, [key]) => Math.max(most, key.length), 0);
  return entries.map(([key, value]) => `${indent}${key.padEnd(width)}  ${value}`);
}

function describeValue(key: string, value: unknown): string {
  if (key === 'bytes' && typeof value === 'number') return `${(value / 2 ** 20).toFixed(1)} MiB`;
  if (typeof value === 'number') return value.toLocaleString('en');
  if (Array.isArray(value)) return value.join(', ');
  // Training programs write whole configurations into one entry.
  return cut(String(value).replaceAll('\n', ' '), 100);
}

const LONGEST_KEY = 40;

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
