/**
 * Frames that are still to be restyled, in the document's pluginData, so that anyone who opens it can go on: the ids in
 * entries of at most 100 kB, written once; a head, written last and again whenever one more is over; and an entry for
 * each frame that failed, with the reason.
 */
import * as v from 'valibot';
import { frameBatch, type Params, type Result } from '../common/messages';
import { shorten } from './selection';

const HEAD = 'batch';
/** Characters of an entry; ids are ASCII. */
const CHUNK = 80_000;

const chunkKey = (index: number) => `${HEAD}:${index}`;
const FAILED = `${HEAD}:failed:`;

export function keepBatch({ recipe, ids }: Params<'putBatch'>): Result<'putBatch'> {
  removeBatch();
  const text = ids.join(' ');
  for (let at = 0; at < text.length; at += CHUNK) {
    figma.root.setPluginData(chunkKey(at / CHUNK), text.slice(at, at + CHUNK));
  }
  const startedAt = new Date().toISOString();
  writeHead({ version: 1, recipe, all: ids.length, done: 0, startedAt });
  return { startedAt };
}

/** Does nothing when another batch is kept, or none any more: another window has begun or ended it. */
export function markBatch({ startedAt, done, id, failure }: Params<'markBatch'>): void {
  const head = readHead();
  if (head?.startedAt !== startedAt) return;
  // First what failed: a frame that is neither left nor failed would be forgotten.
  figma.root.setPluginData(FAILED + id, failure === null ? '' : JSON.stringify(shorten(failure)));
  if (done > head.done) writeHead({ ...head, done: Math.min(done, head.all) });
}

export async function readBatch(): Promise<Result<'readBatch'>['batch']> {
  const head = readHead();
  const ids = readIds();
  if (!head || ids.length !== head.all) return null;
  const reasons = readReasons();
  const left: { id: string; name: string; index: number }[] = [];
  const failed: { id: string; name: string; reason: string }[] = [];
  for (const [index, id] of ids.entries()) {
    const reason = reasons.get(id);
    if (reason === undefined && index < head.done) continue;
    const node = await figma.getNodeByIdAsync(id);
    if (!node || node.removed) continue;
    const name = shorten(node.name);
    if (reason === undefined) left.push({ id, name, index });
    else failed.push({ id, name, reason });
  }
  return left.length + failed.length > 0 ? { ...head, left, failed } : null;
}

export function removeBatch(): void {
  for (const key of figma.root.getPluginDataKeys()) {
    if (key === HEAD || key.startsWith(`${HEAD}:`)) figma.root.setPluginData(key, '');
  }
}

type Head = v.InferOutput<typeof frameBatch>;

function writeHead(head: Head): void {
  figma.root.setPluginData(HEAD, JSON.stringify(head));
}

/** Null when there is none, or one of a version that is not known here. */
function readHead(): Head | null {
  try {
    const read = v.safeParse(frameBatch, JSON.parse(figma.root.getPluginData(HEAD)));
    return read.success ? read.output : null;
  } catch {
    return null;
  }
}

function readIds(): string[] {
  let text = '';
  for (let index = 0; ; index++) {
    const chunk = figma.root.getPluginData(chunkKey(index));
    if (!chunk) return text.split(' ').filter((id) => id !== '');
    text += chunk;
  }
}

/** Why frames failed, by their ids. */
function readReasons(): Map<string, string> {
  const keys = figma.root.getPluginDataKeys().filter((key) => key.startsWith(FAILED));
  return new Map(keys.map((key) => [key.slice(FAILED.length), reasonIn(figma.root.getPluginData(key))]));
}

/** Anyone may have written the entry; that the frame failed is true all the same. */
function reasonIn(entry: string): string {
  try {
    const reason: unknown = JSON.parse(entry);
    return typeof reason === 'string' ? shorten(reason) : '';
  } catch {
    return '';
  }
}
