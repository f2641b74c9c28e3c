/**
 * The mark in a batch's PNG files: a text chunk behind the header that names what the picture was made from. It arrives
 * with the file's rename or not at all, on any disk, from any machine, so no list beside the files can disagree with it.
 */
import { open, stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { messageOf } from '../engine/weights/source';
import { InputError } from '../engine/errors';
import { machineError } from './errors';

/** Signature (8 bytes) and IHDR chunk (25 bytes), after which the PNG specification allows a tEXt chunk. */
const HEADER_BYTES = 33;
const KEYWORD = 'Diptych';
const SIZE_DIGITS = 12;
const TEXT_BYTES = KEYWORD.length + 1 + 'id='.length + 64 + ' bytes='.length + SIZE_DIGITS;
/** Length, type and checksum of a chunk. */
const CHUNK_FRAME = 12;

/** The PNG file with a mark; `png` must be one without a mark. */
export function markPng(png: Uint8Array, id: string): Uint8Array {
  const total = png.length + TEXT_BYTES + CHUNK_FRAME;
  const text = `${KEYWORD}\0id=${id} bytes=${String(total).padStart(SIZE_DIGITS, '0')}`;
  const chunk = Buffer.alloc(TEXT_BYTES + CHUNK_FRAME);
  chunk.writeUInt32BE(TEXT_BYTES, 0);
  chunk.write(`tEXt${text}`, 4, 'latin1');
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + TEXT_BYTES)), 8 + TEXT_BYTES);
  return Buffer.concat([png.subarray(0, HEADER_BYTES), chunk, png.subarray(HEADER_BYTES)]);
}

/**
 * What lies at an output's path. `same`: the picture with this id, whole. `other`: a batch's picture with another id, or
 * one cut short. `foreign`: a file that no batch made, or that was changed since.
 */
export type Found = 'nothing' | 'same' | 'other' | 'foreign';

/** Reads the file's first bytes only; throws an InputError when it is there and cannot be read. */
export async function findOutput(path: string, id: string): Promise<Found> {
  const head = await readHead(path);
  if (!head) return 'nothing';
  const mark = parseMark(head.bytes);
  if (!mark) return 'foreign';
  // A file a bit shorter was cut by a full disk or a crash; a longer one was edited.
  if (head.size > mark.size) return 'foreign';
  return mark.id === id && head.size === mark.size ? 'same' : 'other';
}

/** The mark of a whole file in memory; undefined when it has none. */
export function markOf(bytes: Uint8Array): { id: string; size: number } | undefined {
  return parseMark(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
}

function parseMark(head: Buffer): { id: string; size: number } | undefined {
  const text = head.toString('latin1', HEADER_BYTES + 4, HEADER_BYTES + 8 + TEXT_BYTES);
  const match = /^tEXtDiptych\0id=([0-9a-f]{64}) bytes=(\d{12})$/.exec(text);
  return match ? { id: match[1]!, size: Number(match[2]) } : undefined;
}

async function readHead(path: string): Promise<{ bytes: Buffer; size: number } | undefined> {
  const info = await stat(path).catch(missing(path));
  if (!info) return undefined;
  if (!info.isFile()) return { bytes: Buffer.alloc(0), size: info.size };
  const handle = await open(path, 'r').catch(missing(path));
  if (!handle) return undefined;
  try {
    const bytes = Buffer.alloc(HEADER_BYTES + TEXT_BYTES + CHUNK_FRAME);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    return { bytes: bytes.subarray(0, bytesRead), size: info.size };
  } finally {
    await handle.close();
  }
}

function missing(path: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code === 'ENOENT') return undefined;
    const fault = machineError(path, error, 'read');
    if (fault) throw fault;
    throw new InputError(`${path}: cannot be read (${messageOf(error)}); check its permissions or choose another -o`);
  };
}
