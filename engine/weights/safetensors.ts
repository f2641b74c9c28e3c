/**
 * The safetensors format (github.com/huggingface/safetensors): eight bytes of little-endian header length, a JSON header,
 * then the tensors' bytes without holes. Nothing in a file is believed before it is checked.
 */
import { InputError } from '../errors';
import { bfloatsToFloats, floatsToHalves, halvesToFloats } from '../tensor/half';
import { showShape, sizeOf, type Shape } from '../tensor/shape';
import { isObject, ownValue, parseJson, showJson, type JsonObject } from './json';
import { decodeText, type ByteSource } from './source';

/** Bits of one element of every dtype of the format, also of those that readFloats does not read. */
const DTYPE_BITS = {
  ...{ F64: 64, I64: 64, U64: 64, C64: 64, F32: 32, I32: 32, U32: 32, F16: 16, BF16: 16, I16: 16, U16: 16 },
  ...{ I8: 8, U8: 8, BOOL: 8, F8_E4M3: 8, F8_E5M2: 8, F8_E8M0: 8, F8_E4M3FNUZ: 8, F8_E5M2FNUZ: 8 },
  ...{ F6_E2M3: 6, F6_E3M2: 6, F4: 4 },
} as const;

export type FileDType = keyof typeof DTYPE_BITS;

export interface TensorEntry {
  readonly name: string;
  readonly dtype: FileDType;
  readonly shape: Shape;
  /** Absolute byte offset in the file. */
  readonly offset: number;
  /** Bytes. */
  readonly length: number;
}

export interface SafetensorsFile {
  readonly source: ByteSource;
  /** By name, in the order of their bytes. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A tensor to be written: f16 data are floats to be rounded, or ready binary16 bits; u8 data are any bytes. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: 'F32' | 'F16' | 'U8';
  readonly shape: Shape;
  readonly data: Float32Array | Uint16Array | Uint8Array;
}

/** The reference implementation's limit. */
const MAX_HEADER_BYTES = 100_000_000;
const MAX_RANK = 16;
/** Far above any real file: the largest hold some thousands of tensors with names of some hundred characters. */
const MAX_TENSORS = 100_000;
const MAX_METADATA_ENTRIES = 10_000;
const MAX_NAME = 1000;
const METADATA_KEY = '__metadata__';
const OPENING_BRACE = 0x7b;
const REFETCH = 'the file is damaged or cut off; fetch it again';

/** Reads and checks a file's header. Throws an InputError naming the file, and the tensor where one is at fault. */
export async function openSafetensors(source: ByteSource, signal?: AbortSignal): Promise<SafetensorsFile> {
  const { name, size } = source;
  const prefix = await source.read(0, Math.min(size, PREFIX_BYTES), signal);
  const headerLength = size < 8 ? NaN : Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true));
  const fits = headerLength <= MAX_HEADER_BYTES && headerLength <= size - 8;
  // Any eight bytes are a length, so another format is looked for only where no header can follow.
  const other = fits && prefix[8] === OPENING_BRACE ? undefined : otherFormat(prefix, size);
  if (other) throw new InputError(`${name}: ${other}`);
  if (!fits) throw new InputError(`${name}: is no whole safetensors file (${size} bytes); fetch it again`);
  const header = parseJson(
    decodeText(await source.read(8, headerLength, signal), `${name} (header)`),
    `${name} (header)`,
  );
  if (!isObject(header)) throw new InputError(`${name}: its header is not a JSON object; ${REFETCH}`);

  const dataStart = 8 + headerLength;
  const names = Object.keys(header).filter((key) => key !== METADATA_KEY);
  if (names.length > MAX_TENSORS) {
    throw new InputError(`${name}: holds ${names.length} tensors, more than ${MAX_TENSORS}; choose another file`);
  }
  const entries = names
    .map((key) => describedEntry(name, key, header[key], dataStart, size))
    .sort((a, b) => a.offset - b.offset || a.length - b.length);
  checkTiling(name, entries, dataStart, size);
  return {
    source,
    tensors: new Map(entries.map((entry) => [entry.name, entry])),
    metadata: readMetadata(name, ownValue(header, METADATA_KEY)),
  };
}

/** One header entry: its dtype, shape and range are possible and agree. */
function describedEntry(file: string, name: string, value: unknown, dataStart: number, size: number): TensorEntry {
  const fail = (what: string): never => {
    throw new InputError(`${file}: tensor ${showJson(name)} ${what}; ${REFETCH}`);
  };
  if (name.length > MAX_NAME) return fail(`has a name of ${name.length} characters, more than ${MAX_NAME}`);
  if (!isObject(value)) return fail(`is described by ${showJson(value)}, not by an object`);
  const dtype = ownValue(value, 'dtype');
  if (!isFileDType(dtype))
    return fail(`has dtype ${showJson(dtype)}, which is not one of ${Object.keys(DTYPE_BITS).join(', ')}`);

  const shape = ownValue(value, 'shape');
  if (!isCountList(shape) || shape.length > MAX_RANK) return fail(`has shape ${showJson(shape)}`);
  const offsets = ownValue(value, 'data_offsets');
  if (!isCountList(offsets) || offsets.length !== 2) return fail(`has data_offsets ${showJson(offsets)}`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) return fail(`begins at ${begin}, after its end at ${end}`);
  if (end > size - dataStart) return fail(`ends at byte ${end} of ${size - dataStart}`);
  // An unsafe product cannot equal the length, which is a safe integer.
  const bytes = (sizeOf(shape) * DTYPE_BITS[dtype]) / 8;
  if (bytes !== end - begin)
    return fail(`of dtype ${dtype} and shape ${showShape(shape)} needs ${bytes} bytes and has ${end - begin}`);
  return { name, dtype, shape, offset: dataStart + begin, length: end - begin };
}

/**
 * The tensors must cover the data exactly. This also finds a key given twice: JSON keeps the last, and the bytes of the
 * first are left uncovered.
 */
function checkTiling(file: string, entries: readonly TensorEntry[], dataStart: number, size: number): void {
  let end = dataStart;
  for (const entry of entries) {
    if (entry.offset < end)
      throw new InputError(`${file}: tensor ${showJson(entry.name)} overlaps the one before it; ${REFETCH}`);
    if (entry.offset > end) {
      throw new InputError(
        `${file}: ${entry.offset - end} bytes before tensor ${showJson(entry.name)} belong to no tensor; ${REFETCH}`,
      );
    }
    end = entry.offset + entry.length;
  }
  if (end !== size)
    throw new InputError(`${file}: ${size - end} bytes after the last tensor belong to no tensor; ${REFETCH}`);
}

function readMetadata(file: string, value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  if (!isObject(value) || !isStringMap(value)) {
    throw new InputError(`${file}: its ${METADATA_KEY} is not a map of strings to strings; ${REFETCH}`);
  }
  const keys = Object.keys(value);
  if (keys.length > MAX_METADATA_ENTRIES || keys.some((key) => key.length > MAX_NAME)) {
    throw new InputError(
      `${file}: its ${METADATA_KEY} has more than ${MAX_METADATA_ENTRIES} entries, or a key of more than ${MAX_NAME} characters; choose another file`,
    );
  }
  return value;
}

/** Enough of a file's beginning to tell formats apart, and to read a Git LFS pointer whole. */
const PREFIX_BYTES = 512;

/** What a file of another format is and what to do; undefined when it may be safetensors. */
function otherFormat(prefix: Uint8Array, size: number): string | undefined {
  if (size === 0) return 'is empty; fetch the file again';
  const text = String.fromCharCode(...prefix);
  if (/^version \S+git-lfs\.github\.com\/spec\//.test(text)) {
    const bytes = /^size (\d{1,16})$/m.exec(text)?.[1];
    const stands = bytes ? `for a file of ${bytes} bytes` : 'for the file';
    return `is a Git LFS pointer, which only stands ${stands}; run "git lfs pull" where it was cloned, or download the file itself`;
  }
  // A zip archive or a bare pickle: what torch.save writes.
  if (/^(?:PK\x03\x04|\x80[\x02-\x05])/.test(text))
    return 'is a PyTorch pickle (.bin, .ckpt, .pt), which can run any program when it is loaded and is never read; choose the .safetensors file';
  if (text.startsWith('GGUF')) return 'is a GGUF file, which is not supported; choose the .safetensors file';
  if (/^\s*<(?:!doctype|html|\?xml)/i.test(text))
    return 'is a web page, not weights; download the file itself, logged in where the site asks for it';
  return undefined;
}

/**
 * A tensor's values as f32, row-major: F32 as it is, F16, BF16, I8, U8, BOOL, I16 and U16 exactly, F64, I32, U32, I64 and
 * U64 rounded. Throws an InputError when the file has no such tensor, or has it in a dtype that must be converted first.
 */
export async function readFloats(file: SafetensorsFile, name: string, signal?: AbortSignal): Promise<Float32Array> {
  const entry = file.tensors.get(name);
  if (!entry)
    throw new InputError(`${file.source.name}: has no tensor ${showJson(name)}; check that this is the right file`);
  return readEntry(file, entry, signal);
}

/** The same for an entry, or a part of one. */
export async function readEntry(
  file: SafetensorsFile,
  entry: TensorEntry,
  signal?: AbortSignal,
): Promise<Float32Array> {
  const { dtype } = entry;
  if (!isReadable(dtype)) throw new InputError(`${file.source.name}: ${unreadable(entry)}`);
  const view = await file.source.read(entry.offset, entry.length, signal);
  // Copied: typed arrays need an aligned start, and the source's own bytes must not be handed out for writing.
  const bytes = view.slice().buffer as ArrayBuffer;
  switch (dtype) {
    case 'F32':
      return new Float32Array(bytes);
    case 'F16':
      return halvesToFloats(new Uint16Array(bytes));
    case 'BF16':
      return bfloatsToFloats(new Uint16Array(bytes));
    case 'F64':
      return Float32Array.from(new Float64Array(bytes));
    case 'I64':
      return Float32Array.from(new BigInt64Array(bytes), Number);
    case 'U64':
      return Float32Array.from(new BigUint64Array(bytes), Number);
    case 'I32':
      return Float32Array.from(new Int32Array(bytes));
    case 'U32':
      return Float32Array.from(new Uint32Array(bytes));
    case 'I16':
      return Float32Array.from(new Int16Array(bytes));
    case 'U16':
      return Float32Array.from(new Uint16Array(bytes));
    case 'I8':
      return Float32Array.from(new Int8Array(bytes));
    case 'U8':
    case 'BOOL':
      return Float32Array.from(new Uint8Array(bytes));
  }
}

type Unreadable = Extract<FileDType, `F8_${string}` | `F6_${string}` | 'F4' | 'C64'>;

/** Whether readFloats reads a dtype. Floats of 8 bits and fewer come with scales that other programs keep beside them. */
export function isReadable(dtype: FileDType): dtype is Exclude<FileDType, Unreadable> {
  return !/^(?:F4|F6_|F8_|C64)/.test(dtype);
}

/** Says of a tensor what its dtype is and how to convert it. */
export function unreadable({ name, dtype }: TensorEntry): string {
  return `tensor ${showJson(name)} is ${dtype}, which is not read; convert the weights to F16 or F32 (in PyTorch: tensor.to(torch.float16)) or choose a file in F16, BF16 or F32`;
}

/**
 * A safetensors file of these tensors: ordered by dtype size, then by name, as the reference implementation does, so
 * that every tensor starts aligned. Throws a RangeError when a name repeats or data do not fill their shape.
 */
export function writeSafetensors(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].sort((a, b) => DTYPE_BITS[b.dtype] - DTYPE_BITS[a.dtype] || (a.name < b.name ? -1 : 1));
  const header: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) header.push([METADATA_KEY, metadata]);
  const names = new Set<string>([METADATA_KEY]);
  let end = 0;
  for (const { name, dtype, shape, data } of sorted) {
    if (names.has(name)) throw new RangeError(`tensor name ${showJson(name)} repeats or is reserved`);
    if (data.length !== sizeOf(shape))
      throw new RangeError(`${name}: ${data.length} numbers do not fill shape ${showShape(shape)}`);
    names.add(name);
    const begin = end;
    end += (data.length * DTYPE_BITS[dtype]) / 8;
    header.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  const front = encodeHeader(header);
  const file = new Uint8Array(front.length + end);
  file.set(front);
  let offset = front.length;
  for (const tensor of sorted) {
    const bytes = bytesOf(tensor);
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

/**
 * A file's bytes with entries added to its metadata; those it has already stay. Throws an InputError when it is not a
 * sound safetensors file.
 */
export async function withMetadata(
  source: ByteSource,
  added: Readonly<Record<string, string>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { tensors, metadata } = await openSafetensors(source);
  const bytes = await source.read(0, source.size);
  const dataStart = source.size - [...tensors.values()].reduce((n, { length }) => n + length, 0);
  const header = [...tensors.values()].map(({ name, dtype, shape, offset, length }): [string, unknown] => {
    const begin = offset - dataStart;
    return [name, { dtype, shape, data_offsets: [begin, begin + length] }];
  });
  const front = encodeHeader([[METADATA_KEY, { ...added, ...metadata }], ...header]);
  const file = new Uint8Array(front.length + source.size - dataStart);
  file.set(front);
  file.set(bytes.subarray(dataStart), front.length);
  return file;
}

/** A tensor as a header lists it. */
export type HeaderEntry = Pick<TensorEntry, 'name' | 'dtype' | 'shape'>;

/** The beginning of a file in which these tensors follow in this order, where each will lie, and the file's size. */
export function safetensorsHeader(entries: readonly HeaderEntry[]): {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly size: number;
} {
  let end = 0;
  const placed = entries.map((entry): TensorEntry => {
    const length = (sizeOf(entry.shape) * DTYPE_BITS[entry.dtype]) / 8;
    const offset = end;
    end += length;
    return { ...entry, offset, length };
  });
  const bytes = encodeHeader(
    placed.map(({ name, dtype, shape, offset, length }) => [
      name,
      { dtype, shape, data_offsets: [offset, offset + length] },
    ]),
  );
  const tensors = new Map(placed.map((entry) => [entry.name, { ...entry, offset: bytes.length + entry.offset }]));
  return { bytes, tensors, size: bytes.length + end };
}

/** The length and the JSON of a header, filled up with spaces so that the data start aligned. */
function encodeHeader(entries: readonly (readonly [string, unknown])[]): Uint8Array<ArrayBuffer> {
  // fromEntries defines own properties, whatever the names.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const front = new Uint8Array(8 + headerLength).fill(0x20, 8);
  new DataView(front.buffer).setBigUint64(0, BigInt(headerLength), true);
  front.set(json, 8);
  return front;
}

/** Typed arrays are little-endian on every platform JavaScript runs on. */
function bytesOf({ name, dtype, data }: TensorToWrite): Uint8Array {
  if (dtype === 'F32' && !(data instanceof Float32Array))
    throw new RangeError(`${name}: F32 data must be a Float32Array`);
  if ((dtype === 'U8') !== data instanceof Uint8Array)
    throw new RangeError(`${name}: U8 data, and no other, must be a Uint8Array`);
  const words = dtype === 'F16' && data instanceof Float32Array ? floatsToHalves(data) : data;
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function isFileDType(value: unknown): value is FileDType {
  return typeof value === 'string' && Object.hasOwn(DTYPE_BITS, value);
}

function isCountList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

function isStringMap(value: JsonObject): value is Readonly<Record<string, string>> {
  return Object.values(value).every((item) => typeof item === 'string');
}
