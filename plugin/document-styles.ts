/**
 * Styles kept in the document, for everyone who opens it: entries of the document's pluginData. An entry holds 100 kB
 * of text, so the bytes of a style go into several, in base64, and its header, written last, makes it a style.
 */
import * as v from 'valibot';
import { QuotaError } from '../common/errors';
import { withPrompt } from './earlier-versions';
import type { StyleFile } from './library';
import { styleEntry, type StyleEntry } from '../common/messages';

const HEADER = 'style:';
/** Bytes of a chunk: 88 kB of base64. */
const CHUNK = 66_000;
/** Everyone who opens the document loads what is in it. */
const LARGEST = 8_000_000;

const size = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(LARGEST));

/**
 * Anyone who can edit the document can write this, so nothing in it is believed: sizes are bounded here, the chunks must
 * add up to them, the id must be the entry's key, and the panel compares the file with its id, which is its hash.
 */
const header = v.object({
  entry: v.object({ ...v.omit(styleEntry, ['thumbnail']).entries, bytes: size }),
  thumbnailBytes: v.nullable(size),
});

/** What is kept in chunks. */
const PARTS = ['file', 'thumbnail'] as const;
type Part = (typeof PARTS)[number];

export function stylesInDocument(): StyleEntry[] {
  return figma.root
    .getPluginDataKeys()
    .filter((key) => key.startsWith(HEADER))
    .flatMap((key) => readEntry(key.slice(HEADER.length)) ?? []);
}

/** Null when it is not in the document, or not whole. */
export function readFromDocument(id: string): StyleFile | null {
  const entry = readEntry(id);
  const file = entry && readChunks('file', id, entry.bytes);
  return file && { entry, file };
}

/** Throws a QuotaError, and leaves the document as it was, when a style is too large for it. */
export function keepInDocument({ entry, file }: StyleFile): void {
  const { id, thumbnail, ...rest } = entry;
  if (file.length > LARGEST) {
    throw new QuotaError(
      `“${entry.name}” is ${(file.length / 1e6).toFixed(1)} MB; a document keeps styles of up to 8 MB. Export it as a file instead.`,
    );
  }
  removeFromDocument(id);
  try {
    writeChunks('file', id, file);
    if (thumbnail) writeChunks('thumbnail', id, thumbnail);
    const value = { entry: { id, ...rest, bytes: file.length }, thumbnailBytes: thumbnail && thumbnail.length };
    figma.root.setPluginData(HEADER + id, JSON.stringify(value));
  } catch (error) {
    removeFromDocument(id);
    throw error;
  }
}

export function removeFromDocument(id: string): void {
  figma.root.setPluginData(HEADER + id, '');
  for (const part of PARTS) {
    for (let index = 0; figma.root.getPluginData(chunkKey(part, index, id)); index++) {
      figma.root.setPluginData(chunkKey(part, index, id), '');
    }
  }
}

function readEntry(id: string): StyleEntry | null {
  const text = figma.root.getPluginData(HEADER + id);
  if (!text) return null;
  try {
    const { entry, thumbnailBytes } = readHeader(text);
    // Under another style's id it would be taken for that one.
    if (entry.id !== id) return null;
    return { ...entry, thumbnail: thumbnailBytes === null ? null : readChunks('thumbnail', id, thumbnailBytes) };
  } catch {
    return null;
  }
}

function readHeader(text: string): v.InferOutput<typeof header> {
  const { entry, ...rest } = Object(JSON.parse(text)) as { entry?: unknown };
  return v.parse(header, { ...rest, entry: withPrompt(entry) });
}

const chunkKey = (part: Part, index: number, id: string) => `${part}:${index}:${id}`;

function writeChunks(part: Part, id: string, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const text = figma.base64Encode(bytes.slice(at, at + CHUNK));
    figma.root.setPluginData(chunkKey(part, at / CHUNK, id), text);
  }
}

/** Null when a chunk is missing or has another length than was written. Nothing is allocated before all are there. */
function readChunks(part: Part, id: string, length: number): Uint8Array | null {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < length; at += CHUNK) {
    const text = figma.root.getPluginData(chunkKey(part, at / CHUNK, id));
    const chunk = text ? decodeBase64(text) : null;
    if (chunk?.length !== Math.min(CHUNK, length - at)) return null;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  chunks.forEach((chunk, index) => bytes.set(chunk, index * CHUNK));
  return bytes;
}

/** Null when it is not base64. */
function decodeBase64(text: string): Uint8Array | null {
  try {
    return figma.base64Decode(text);
  } catch {
    return null;
  }
}
