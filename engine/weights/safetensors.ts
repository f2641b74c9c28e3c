/**
 * The safetensors format (github.com/huggingface/safetensors): eight bytes of little-endian header length, a JSON header,
 * then the tensors' bytes without holes. Nothing in a file is believed before it is checked.
 */
import { InputError } from '../errors';
import { bfloatsToFloats, floatsToHalves, halvesToFloats } from '../tensor/half';
import { showShape, sizeOf, type Shape } from '../tensor/shape';
import { isObject, ownValue, parseJson, showJson, type JsonObject } from './json';
import { decodeText, type ByteSource } from './source';

const DTYPE_BYTES = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;

export type FileDType = keyof typeof DTYPE_BYTES;

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

/** A tensor to be written: f16 data are floats to be rounded, or ready binary16 bits. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: 'F32' | 'F16';
  readonly shape: Shape;
  readonly data: Float32Array | Uint16Array;
}

/** The reference implementation's limit. */
const MAX_HEADER_BYTES = 100_000_000;
const MAX_RANK = 16;
const METADATA_KEY = '__metadata__';
const REFETCH = 'the file is damaged or cut off; fetch it again';

/** Reads and checks a file's header. Throws an InputError naming the file, and the tensor where one is at fault. */
export async function openSafetensors(source: ByteSource, signal?: AbortSignal): Promise<SafetensorsFile> {
  const { name, size } = source;
  if (size < 8) throw new InputError(`${name}: is too short for a safetensors file (${size} bytes); ${REFETCH}`);
  const prefix = await source.read(0, 8, signal);
  const headerLength = Number(new DataView(prefix.buffer, prefix.byteOffset, 8).getBigUint64(0, true));
  if (headerLength > MAX_HEADER_BYTES || headerLength > size - 8) {
    throw new InputError(
      `${name}: its header would be ${headerLength} bytes of ${size}; this is no whole safetensors file, fetch it again`,
    );
  }
  const header = parseJson(
    decodeText(await source.read(8, headerLength, signal), `${name} (header)`),
    `${name} (header)`,
  );
  if (!isObject(header)) throw new InputError(`${name}: its header is not a JSON object; ${REFETCH}`);

  const dataStart = 8 + headerLength;
  const entries = Object.keys(header)
    .filter((key) => key !== METADATA_KEY)
    .map((key) => readEntry(name, key, header[key], dataStart, size))
    .sort((a, b) => a.offset - b.offset || a.length - b.length);
  checkTiling(name, entries, dataStart, size);
  return {
    source,
    tensors: new Map(entries.map((entry) => [entry.name, entry])),
    metadata: readMetadata(name, ownValue(header, METADATA_KEY)),
  };
}

/** One header entry: its dtype, shape and range are possible and agree. */
function readEntry(file: string, name: string, value: unknown, dataStart: number, size: number): TensorEntry {
  const fail = (what: string): never => {
    throw new InputError(`${file}: tensor ${showJson(name)} ${what}; ${REFETCH}`);
  };
  if (!isObject(value)) return fail(`is described by ${showJson(value)}, not by an object`);
  const dtype = ownValue(value, 'dtype');
  if (!isFileDType(dtype))
    return fail(`has dtype ${showJson(dtype)}, which is not one of ${Object.keys(DTYPE_BYTES).join(', ')}`);

  const shape = ownValue(value, 'shape');
  if (!isCountList(shape) || shape.length > MAX_RANK) return fail(`has shape ${showJson(shape)}`);
  const offsets = ownValue(value, 'data_offsets');
  if (!isCountList(offsets) || offsets.length !== 2) return fail(`has data_offsets ${showJson(offsets)}`);
  const [begin, end] = offsets as [number, number];
  if (begin > end) return fail(`begins at ${begin}, after its end at ${end}`);
  if (end > size - dataStart) return fail(`ends at byte ${end} of ${size - dataStart}`);
  // An unsafe product cannot equal the length, which is a safe integer.
  const bytes = sizeOf(shape) * DTYPE_BYTES[dtype];
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
  return value;
}

/**
 * A tensor's values as f32, row-major: F32 as it is, F16, BF16, I8, U8, BOOL and I16 exactly, F64, I32 and I64 rounded.
 * Throws an InputError when the file has no such tensor.
 */
export async function readFloats(file: SafetensorsFile, name: string, signal?: AbortSignal): Promise<Float32Array> {
  const entry = file.tensors.get(name);
  if (!entry)
    throw new InputError(`${file.source.name}: has no tensor ${showJson(name)}; check that this is the right file`);
  const view = await file.source.read(entry.offset, entry.length, signal);
  // Copied: typed arrays need an aligned start, and the source's own bytes must not be handed out for writing.
  const bytes = view.slice().buffer as ArrayBuffer;
  switch (entry.dtype) {
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
    case 'I32':
      return Float32Array.from(new Int32Array(bytes));
    case 'I16':
      return Float32Array.from(new Int16Array(bytes));
    case 'I8':
      return Float32Array.from(new Int8Array(bytes));
    case 'U8':
    case 'BOOL':
      return Float32Array.from(new Uint8Array(bytes));
  }
}

/**
 * A safetensors file of these tensors: ordered by dtype size, then by name, as the reference implementation does, so
 * that every tensor starts aligned. Throws a RangeError when a name repeats or data do not fill their shape.
 */
export function writeSafetensors(
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const sorted = [...tensors].sort((a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype] || (a.name < b.name ? -1 : 1));
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
    end += data.length * DTYPE_BYTES[dtype];
    header.push([name, { dtype, shape, data_offsets: [begin, end] }]);
  }
  // fromEntries defines own properties, whatever the names.
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const file = new Uint8Array(8 + headerLength + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true);
  file.fill(0x20, 8, 8 + headerLength);
  file.set(json, 8);
  let offset = 8 + headerLength;
  for (const tensor of sorted) {
    const bytes = bytesOf(tensor);
    file.set(bytes, offset);
    offset += bytes.length;
  }
  return file;
}

/** Typed arrays are little-endian on every platform JavaScript runs on. */
function bytesOf({ name, dtype, data }: TensorToWrite): Uint8Array {
  if (dtype === 'F32' && !(data instanceof Float32Array))
    throw new RangeError(`${name}: F32 data must be a Float32Array`);
  const words = dtype === 'F16' && data instanceof Float32Array ? floatsToHalves(data) : data;
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function isFileDType(value: unknown): value is FileDType {
  return typeof value === 'string' && Object.hasOwn(DTYPE_BYTES, value);
}

function isCountList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
}

function isStringMap(value: JsonObject): value is Readonly<Record<string, string>> {
  return Object.values(value).every((item) => typeof item === 'string');
}
