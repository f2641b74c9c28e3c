/** Guesses about a pair of layers from their names and places: which is before, what they show, what the style is. */
import type { NodeSummary } from '../../common/messages';

/** Words that say which side of a pair a layer is on. */
const BEFORE = new Set(['before', 'old', 'original', 'source', 'content', 'plain', 'base', 'input', 'from', 'raw']);
const AFTER = new Set(['after', 'new', 'styled', 'style', 'target', 'result', 'output', 'to', 'redrawn', 'final']);
/** Words that say nothing about what a layer shows. */
const NOISE = new Set(['frame', 'group', 'rectangle', 'image', 'copy', 'icon', 'layer', 'component', 'vector', 'png']);

/** Lower-case words of a name: "Teddy_bear 2/beforeV1" gives teddy, bear, 2, before, v1. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([\p{Ll}\d])(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter(Boolean);
}

function sideOf(name: string): number {
  const words = wordsOf(name);
  const count = (of: ReadonlySet<string>): number => words.filter((word) => of.has(word)).length;
  return count(AFTER) - count(BEFORE);
}

/** The number a name ends with, after removing nothing else: "icon v2" gives 2. */
function version(name: string): number | undefined {
  const digits = /(\d+)\s*$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The two layers with the one taken for before first: by their names, else by place, reading order. */
export function orderPair(a: NodeSummary, b: NodeSummary): [before: NodeSummary, after: NodeSummary] {
  const side = sideOf(a.name) - sideOf(b.name);
  if (side !== 0) return side < 0 ? [a, b] : [b, a];
  const [va, vb] = [version(a.name), version(b.name)];
  const sameStem = a.name.replace(/\s*\d+\s*$/, '') === b.name.replace(/\s*\d+\s*$/, '');
  const apart = a.x + a.width <= b.x || b.x + b.width <= a.x;
  if (apart) return a.x < b.x ? [a, b] : [b, a];
  if (a.y !== b.y) return a.y < b.y ? [a, b] : [b, a];
  if (sameStem && va !== vb) return (va ?? 0) < (vb ?? 0) ? [a, b] : [b, a];
  return a.x <= b.x ? [a, b] : [b, a];
}

/** What a pair shows, from the words both names share: "teddy-bear/flat" and "teddy-bear/ink" give "teddy bear". */
export function guessPrompt(before: string, after: string): string {
  const other = new Set(wordsOf(after));
  const shared = wordsOf(before).filter((word) => other.has(word) && says(word));
  return [...new Set(shared)].join(' ');
}

/** A name for the style, from what only the after layer's name says; '' when it says nothing. */
export function guessStyleName(before: string, after: string): string {
  const other = new Set(wordsOf(before));
  const own = wordsOf(after).filter((word) => !other.has(word) && says(word));
  const text = own.join(' ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function says(word: string): boolean {
  return !/^v?\d+$/.test(word) && !BEFORE.has(word) && !AFTER.has(word) && !NOISE.has(word);
}

/**
 * Which two of three layers are the pair: the two most alike in shape and name. The third can be the live sample.
 *
 * @returns before, after, and the third.
 */
export function pickPair(
  nodes: readonly [NodeSummary, NodeSummary, NodeSummary],
): [NodeSummary, NodeSummary, NodeSummary] {
  const choices = [
    [nodes[0], nodes[1], nodes[2]],
    [nodes[0], nodes[2], nodes[1]],
    [nodes[1], nodes[2], nodes[0]],
  ] as const;
  const [best] = choices
    .map(([a, b, third]) => ({ a, b, third, score: alike(a, b) }))
    .sort((x, y) => y.score - x.score);
  const { a, b, third } = best!;
  return [...orderPair(a, b), third];
}

function alike(a: NodeSummary, b: NodeSummary): number {
  const sides = sideOf(a.name) * sideOf(b.name) < 0 ? 2 : 0;
  const words = new Set(wordsOf(b.name));
  const shared = wordsOf(a.name).filter((word) => words.has(word) && says(word)).length;
  const shape = Math.abs(Math.log((a.width * b.height) / (a.height * b.width))) < 0.02 ? 1 : 0;
  return 2 * sides + shared + shape;
}
