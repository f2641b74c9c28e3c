/**
 * Frames that are still to be restyled, in the document's pluginData, so that anyone who opens it can go on: the ids in
 * entries of at most 100 kB, written once, and a head, written last and again whenever one more is over.
 */
import * as v from 'valibot';
import { frameBatch, type Params, type Result } from '../common/messages';
import { shorten } from './selection';

const HEAD = 'batch';
/** Characters of an entry; ids are ASCII. */
const CHUNK = 80_000;

const chunkKey = (index: number) => `${HEAD}:${index}`;

export function keepBatch({ recipe, ids }: Params<'putBatch'>): void {
  removeBatch();
  const text = ids.join(' ');
  for (let at = 0; at < text.length; at += CHUNK) {
    figma.root.setPluginData(chunkKey(at / CHUNK), text.slice(at, at + CHUNK));
  }
  writeHead({ version: 1, recipe, all: ids.length, done: 0, startedAt: new Date().toISOString() });
}

/** Does nothing when there is none any more: another window has ended it. */
export function markBatch(done: number): void {
  const head = readHead();
  if (head) writeHead({ ...head, done });
}

export async function readBatch(): Promise<Result<'readBatch'>['batch']> {
  const head = readHead();
  const ids = readIds();
  if (!head || ids.length !== head.all) return null;
  const left: { id: string; name: string }[] = [];
  for (const id of ids.slice(head.done)) {
    const node = await figma.getNodeByIdAsync(id);
    if (node && !node.removed) left.push({ id, name: shorten(node.name) });
  }
  return left.length > 0 ? { ...head, left } : null;
}

export function removeBatch(): void {
  figma.root.setPluginData(HEAD, '');
  for (let index = 0; figma.root.getPluginData(chunkKey(index)); index++) {
    figma.root.setPluginData(chunkKey(index), '');
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
