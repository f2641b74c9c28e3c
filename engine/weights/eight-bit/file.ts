/**
 * The weights of a net as one safetensors file in which some tensors are held in 8 bits: a tensor `name` is I8 of its
 * own shape, and its scales are `name` + SCALES, F32, one for each block of neighbours in row-major order. Other tensors
 * are copied.
 */
import { InputError } from '../../errors';
import { sizeOf } from '../../tensor/shape';
import { weightSet, type WeightLocation, type WeightSet } from '../folder';
import { openSafetensors, readEntry, safetensorsHeader, type HeaderEntry, type SafetensorsFile } from '../safetensors';
import type { ByteSource } from '../source';
import { blockFor, toBlocks } from './blocks';

/** What the name of a tensor's scales ends in. */
export const SCALES = '_scales';

/** Largest piece of a tensor that is copied at once, bytes. */
const COPIED = 2 ** 26;

/** Takes the bytes of a file in their order. */
export type Put = (bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

export interface EightBitFile {
  /** How the file begins: what lies where in it. */
  readonly header: Uint8Array<ArrayBuffer>;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Makes the file. Throws an InputError when a number that is to be held in 8 bits is not finite. */
  readonly write: (put: Put, signal?: AbortSignal) => Promise<void>;
}

/** Whether a tensor can be held in 8 bits. */
function fits({ entry, transposed = false }: WeightLocation): boolean {
  const isFloat = entry.dtype === 'F32' || entry.dtype === 'F16' || entry.dtype === 'BF16';
  return isFloat && !transposed && entry.shape.length >= 2 && blockFor(sizeOf(entry.shape)) !== undefined;
}

interface Planned {
  readonly name: string;
  readonly location: WeightLocation;
  readonly eightBit: boolean;
}

/** In the order of the file: 8-bit tensors first, as all of their parts are multiples of 4 bytes and so stay aligned. */
function planned(weights: WeightSet, chosen: (name: string) => boolean): Planned[] {
  const all = weights.names().map((name): Planned => {
    const location = weights.get(name)!;
    return { name, location, eightBit: chosen(name) && fits(location) };
  });
  return [...all.filter(({ eightBit }) => eightBit), ...all.filter(({ eightBit }) => !eightBit)];
}

function entriesOf({ name, location: { entry }, eightBit }: Planned): HeaderEntry[] {
  if (!eightBit) return [{ name, dtype: entry.dtype, shape: entry.shape }];
  const count = sizeOf(entry.shape);
  return [
    { name, dtype: 'I8', shape: entry.shape },
    { name: `${name}${SCALES}`, dtype: 'F32', shape: [count / blockFor(count)!] },
  ];
}

/** The file that `weights` make when the chosen tensors are held in 8 bits. Nothing is read yet. */
export function eightBitFile(weights: WeightSet, chosen: (name: string) => boolean): EightBitFile {
  const tensors = planned(weights, chosen);
  const header = safetensorsHeader(tensors.flatMap(entriesOf));
  return {
    header: header.bytes,
    size: header.size,
    async write(put, signal) {
      await put(header.bytes);
      for (const { name, location, eightBit } of tensors) {
        const { file, entry } = location;
        if (!eightBit) {
          for (let at = 0; at < entry.length; at += COPIED) {
            const length = Math.min(COPIED, entry.length - at);
            await put((await file.source.read(entry.offset + at, length, signal)).slice());
          }
          continue;
        }
        const values = await readEntry(file, entry, signal);
        const blocks = toBlocks(values, blockFor(values.length)!);
        if (!blocks) {
          throw new InputError(`${file.source.name}: ${name} holds numbers that are not finite; fetch the file again`);
        }
        await put(new Uint8Array(blocks.integers.buffer));
        await put(new Uint8Array(blocks.scales.buffer));
      }
    },
  };
}

/** Opens a file that eightBitFile made of `weights`, under the same names. Throws an InputError when it is not sound. */
export async function openEightBit(weights: WeightSet, source: ByteSource, signal?: AbortSignal): Promise<WeightSet> {
  return inOneFile(weights, await openSafetensors(source, signal));
}

/** The same set of weights as it will be, for asking its size: nothing of it can be read. */
export function describeEightBit(weights: WeightSet, chosen: (name: string) => boolean): WeightSet {
  const { size, tensors } = safetensorsHeader(planned(weights, chosen).flatMap(entriesOf));
  const unreadable = (): Promise<never> => Promise.reject(new Error(`${weights.name} is only described`));
  const source: ByteSource = { name: weights.name, size, read: unreadable, asBlobOrBytes: unreadable };
  return inOneFile(weights, { source, tensors, metadata: {} });
}

function inOneFile(weights: WeightSet, file: SafetensorsFile): WeightSet {
  const locations = [...file.tensors.values()].map((entry): [string, WeightLocation] => {
    const { transposed = false } = weights.get(entry.name) ?? {};
    return [entry.name, { file, entry, transposed }];
  });
  return weightSet(weights.name, [file], new Map(locations));
}
