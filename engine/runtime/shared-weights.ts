/** Weights as inputs of the programs of a large model: in buffers that are made once, however many programs take them. */
import type { Tensor } from 'onnxruntime-common';
import { InputError } from '../errors';
import { GraphBuilder } from '../graph/builder';
import type { Graph, Value, ValueType, WeightReference } from '../graph/graph';
import type { DType } from '../tensor/dtype';
import { bfloatsToFloats, halvesToFloats } from '../tensor/half';
import type { WeightBuffer, WeightMemory } from './backend';
import { byteLength } from './convert';
import type { MemoryAccount } from './memory';
import type { WeightFile } from './weight-files';

/** Which number stands for 0 where i8 is held as u8. */
const ZERO = 128;

/** Read at once of a long weight, bytes; and at least, so that many short ones are one reading. */
const PIECE = 2 ** 25;
const WINDOW = 2 ** 22;

/** What fills a buffer: a weight's span of a file, or the same byte throughout. */
export type Content = { readonly reference: WeightReference; readonly stored: DType } | { readonly byte: number };

/** A weight that became an input. */
export interface WeightInput {
  /** As it is held. */
  readonly type: ValueType;
  readonly content: Content;
}

export interface WithInputs {
  readonly graph: Graph;
  /** By the names of the inputs in `graph`. */
  readonly weights: ReadonlyMap<string, WeightInput>;
}

/**
 * The graph with its weights as inputs, in the types they are held in. What it computes is the same to the last bit:
 * halves are widened exactly, and bytes have a number that stands for 0.
 */
export function weightsAsInputs(graph: Graph, memory: Pick<WeightMemory, 'heldAs'>): WithInputs {
  const b = new GraphBuilder({ merge: false });
  const weights = new Map<string, WeightInput>();
  const made = new Map<Value, Value>();
  const known = new Map<string, Value>();
  for (const [name, value] of graph.inputs) made.set(value, b.input(name, value.shape, value.dtype));

  const input = (key: string, type: ValueType, content: Content): Value => {
    let value = known.get(key);
    if (!value) {
      const name = `weight/${weights.size}`;
      weights.set(name, { type, content });
      known.set(key, (value = b.input(name, type.shape, type.dtype)));
    }
    return value;
  };
  const take = (value: Value): Value => {
    const { source, shape, dtype } = value;
    let here = made.get(value);
    if (here) return here;
    if (source.kind === 'weight') {
      const held = memory.heldAs(dtype);
      const { reference } = source;
      const key = `${reference.file}@${reference.offset} ${held} ${shape.join('x')}`;
      here = held
        ? input(key, { dtype: held, shape }, { reference, stored: dtype })
        : b.weight(reference, shape, dtype);
    } else if (source.kind === 'constant') here = b.constant(source.tensor);
    else throw new Error(`value ${value.id} is used before it is made`);
    made.set(value, here);
    return here;
  };
  for (const { op, inputs, outputs } of graph.nodes) {
    const taken = inputs.map(take);
    const shifted = op.kind === 'Dequantize' && inputs[0]!.dtype === 'i8' && taken[0]!.dtype === 'u8';
    if (shifted) {
      const blocks = taken[0]!.shape.slice(0, 1);
      taken.push(input(`zeros ${blocks.join()}`, { dtype: 'u8', shape: blocks }, { byte: ZERO }));
    }
    const widened = op.kind === 'Cast' && taken[0]!.dtype === op.to;
    const results = widened ? taken : b.apply(op, taken);
    outputs.forEach((output, i) => made.set(output, results[i]!));
  }
  for (const [name, value] of graph.outputs) b.output(name, take(value));
  return { graph: b.finish(), weights };
}

interface Held {
  readonly buffer: WeightBuffer;
  readonly bytes: number;
  /** Programs that take it. */
  users: number;
}

/** Weights that programs have taken. */
export interface TakenWeights {
  /** By the names of the inputs. */
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** What no other program takes is released; no run of this one may be under way. */
  giveBack(): void;
}

/** A weight file, and what it holds. */
export interface OpenFile {
  readonly file: WeightFile;
  readonly data: Blob | Uint8Array;
}

/** The buffers of one runtime. */
export class SharedWeights {
  readonly #memory: WeightMemory;
  readonly #account: MemoryAccount;
  readonly #held = new Map<string, Held>();
  readonly #ids = new Map<WeightFile, number>();

  constructor(memory: WeightMemory, account: MemoryAccount) {
    this.#memory = memory;
    this.#account = account;
  }

  /**
   * The weights of a program, uploaded where no other program has them. Calls must not overlap.
   *
   * @param files by the keys of references.
   * @param assertOpen throws when uploading is in vain.
   */
  async take(
    weights: ReadonlyMap<string, WeightInput>,
    files: ReadonlyMap<string, OpenFile>,
    assertOpen: () => void,
  ): Promise<TakenWeights> {
    const tensors = new Map<string, Tensor>();
    const keys: string[] = [];
    const giveBack = (): void => {
      for (const key of keys.splice(0)) this.#giveBack(key);
    };
    const readers = new Map([...files].map(([key, file]) => [key, new Reader(key, file.data)]));
    // In the order of the files, which is the quickest to read.
    const start = ({ content }: WeightInput): number => ('byte' in content ? 0 : content.reference.offset);
    try {
      for (const [name, weight] of [...weights].sort(([, p], [, q]) => start(p) - start(q))) {
        const key = this.#keyOf(weight, files);
        let held = this.#held.get(key);
        if (!held) {
          assertOpen();
          const bytes = byteLength(weight.type);
          held = { buffer: this.#memory.allocate(bytes), bytes, users: 0 };
          this.#held.set(key, held);
          this.#account.add('programs', bytes);
        }
        held.users++;
        keys.push(key);
        if (held.users === 1) await fill(held, weight, readers);
        tensors.set(name, held.buffer.tensor(weight.type));
      }
      await this.#memory.settled();
      assertOpen();
      return { tensors, giveBack };
    } catch (error) {
      giveBack();
      throw error;
    }
  }

  #giveBack(key: string): void {
    const held = this.#held.get(key)!;
    if (--held.users > 0) return;
    this.#held.delete(key);
    held.buffer.release();
    this.#account.add('programs', -held.bytes);
  }

  #keyOf({ type, content }: WeightInput, files: ReadonlyMap<string, OpenFile>): string {
    if ('byte' in content) return `${content.byte} ${byteLength(type)}`;
    const { file, offset, length } = content.reference;
    return `file ${this.#idOf(files.get(file)!.file)} ${offset} ${length} ${type.dtype}`;
  }

  #idOf(file: WeightFile): number {
    let id = this.#ids.get(file);
    if (id === undefined) this.#ids.set(file, (id = this.#ids.size));
    return id;
  }
}

async function fill(
  { buffer, bytes }: Held,
  { type, content }: WeightInput,
  readers: ReadonlyMap<string, Reader>,
): Promise<void> {
  if ('byte' in content) {
    await buffer.write(0, new Uint8Array(bytes).fill(content.byte));
    return;
  }
  const { stored, reference } = content;
  const reader = readers.get(reference.file)!;
  let written = 0;
  for (let at = 0; at < reference.length; at += PIECE) {
    const piece = await reader.read(reference.offset + at, Math.min(PIECE, reference.length - at));
    const converted = convert(piece, stored, type.dtype);
    await buffer.write(written, converted);
    written += converted.length;
  }
}

/** The bytes of numbers of one type as those of another that holds them exactly. Takes over `bytes`. */
function convert(bytes: Uint8Array<ArrayBuffer>, from: DType, to: DType): Uint8Array<ArrayBuffer> {
  if (from === to) return bytes;
  const words = (): Uint16Array => new Uint16Array(bytes.buffer);
  if (from === 'f16' && to === 'f32') return bytesOf(halvesToFloats(words()));
  if (from === 'bf16' && to === 'f32') return bytesOf(bfloatsToFloats(words()));
  if (from === 'i8' && to === 'u8') {
    for (let i = 0; i < bytes.length; i++) bytes[i]! ^= ZERO;
    return bytes;
  }
  throw new Error(`${from} weights cannot be held as ${to}`);
}

const bytesOf = (floats: Float32Array): Uint8Array<ArrayBuffer> => new Uint8Array(floats.buffer as ArrayBuffer);

/** Reads a file by ranges, short neighbours together. */
class Reader {
  readonly #name: string;
  readonly #data: Blob | Uint8Array;
  #window: { readonly start: number; readonly bytes: Uint8Array } | undefined;

  constructor(name: string, data: Blob | Uint8Array) {
    this.#name = name;
    this.#data = data;
  }

  /** A copy of the bytes, alone in its buffer. */
  async read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#data instanceof Uint8Array) return copied(this.#data, offset, length);
    if (length >= WINDOW) return this.#load(this.#data, offset, length);
    const within = this.#window && offset >= this.#window.start;
    if (!within || offset + length > this.#window!.start + this.#window!.bytes.length) {
      const bytes = await this.#load(this.#data, offset, Math.min(WINDOW, this.#data.size - offset));
      this.#window = { start: offset, bytes };
    }
    return copied(this.#window!.bytes, offset - this.#window!.start, length);
  }

  async #load(blob: Blob, offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    try {
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new InputError(`${this.#name}: cannot be read (${reason}); choose the file again`);
    }
  }
}

/** In an ArrayBuffer of its own, whatever the source's; Node's Buffer has a slice that does not copy. */
function copied(bytes: Uint8Array, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(length);
  copy.set(bytes.subarray(offset, offset + length));
  return copy;
}
