/** Style files as people have them: a safetensors file, or a folder that PEFT or diffusers wrote. */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InputError } from '../../engine/errors';
import { describeCoverage, type Coverage } from '../../engine/lora/coverage';
import { joinPeftConfig, needsPeftConfig, PEFT_FILES } from '../../engine/lora/peft-config';
import { isPairStyle, readPairStyle } from '../../engine/restyle/pair-style-file';
import { openSafetensors } from '../../engine/weights/safetensors';
import { bytesSource } from '../../engine/weights/source';
import { readBytes } from './files';
import type { CommandEngine, Io } from '../io';
import { printable } from '../terminal/printable';

/** Names of an adapter's weights in a folder: PEFT's and diffusers'. */
const IN_FOLDER = [PEFT_FILES.weights, 'pytorch_lora_weights.safetensors'];

/** Whether a folder holds an adapter, and where; undefined for any other. */
export async function adapterIn(folder: string): Promise<string | undefined> {
  for (const name of IN_FOLDER) if (await isFile(join(folder, name))) return join(folder, name);
  return undefined;
}

/**
 * The bytes of a style, with the adapter_config.json that lies beside PEFT's weights taken in. Throws an InputError when
 * there is none.
 */
export async function readStyleFile(path: string): Promise<Uint8Array> {
  const folder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  const found = folder ? await adapterIn(path) : path;
  if (found === undefined) {
    throw new InputError(`${path}: is a folder without ${IN_FOLDER.join(' or ')}; name the style's file`);
  }
  const bytes = await readBytes(found);
  const config = join(dirname(found), PEFT_FILES.config);
  if (!(await isFile(config)) || !needsPeftConfig(await openSafetensors(bytesSource(found, bytes)))) return bytes;
  return joinPeftConfig(found, bytes, config, await readBytes(config));
}

/** The base model that a style which holds its pairs was made for, by its fingerprint; undefined for other files. */
export async function pairFingerprint(name: string, file: Uint8Array): Promise<string | undefined> {
  const source = bytesSource(name, file);
  const metadata = await openSafetensors(source).then(
    (opened) => opened.metadata,
    // What is wrong with the file is said where it is read.
    () => ({}),
  );
  return isPairStyle(metadata) ? (await readPairStyle(source)).info.modelFingerprint : undefined;
}

/** How much of a style acts, as --json has it. */
export interface StyleReport extends Coverage {
  readonly style: string;
}

/**
 * Says of each style which acts in part only what is left out. Throws an InputError when one does not fit the model, or
 * hardly acts, unless forced.
 */
export async function reportStyles(
  io: Pick<Io, 'err'>,
  engine: CommandEngine,
  styles: readonly { readonly name: string; readonly file: Uint8Array }[],
  force = false,
): Promise<StyleReport[]> {
  const reports: StyleReport[] = [];
  for (const { name, file } of styles) {
    const { coverage } = await engine.describeStyle(name, file, force);
    if (coverage.notApplied.length > 0) io.err(`note: ${printable(name)}: ${printable(describeCoverage(coverage))}\n`);
    reports.push({ style: name, ...coverage });
  }
  return reports;
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}
