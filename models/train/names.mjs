// Icon names: which to hold out, which to skip, and how to say them in words.
import { createHash } from 'node:crypto';

const SKIN = /-(light|medium-light|medium|medium-dark|dark)(-skin-tone)?(-(light|medium-light|medium|medium-dark|dark)-skin-tone)?$/;
const ABSTRACT = /(^|-)(align|arrows?|caret|text|letter|number|flags?|brand|logo|app|chart-|distribute|border|column|row|list|sort|grid|layers?|selection|cursor|brackets?|file-[a-z]{2,4}$|squared|keycap|input|regional-indicator|circled|o-clock|thirty|keyhole|oclock|input)(-|$)/;

/** Deterministic order: names sorted by the hash of seed + name. */
export const shuffled = (names, seed) =>
  [...names].sort((a, b) => (rank(a, seed) < rank(b, seed) ? -1 : 1));
const rank = (name, seed) => createHash('sha256').update(`${seed}:${name}`).digest('hex');

/** Letters and digits only, so that `red-apple` and `redapple` match. */
export const compact = (name) => name.replace(/[^a-z0-9]/g, '');

/** A skin-tone variant: the suffix is a tone and (when ambiguous) the bare name exists too. */
export function isSkinTone(name, exists) {
  if (/skin-tone|skintone|-fitz-/.test(name)) return true;
  const bare = name.replace(SKIN, '');
  return bare !== name && exists(bare);
}

export const bareName = (name) => name.replace(/-?(medium-|-)?(light|medium|dark)-skin-tone/g, '').replace(SKIN, '');

/** UI furniture and typographic marks that say nothing about drawing a subject. */
export const isAbstract = (name) => ABSTRACT.test(name);

/** `n` names present in every given set, at most `perWord` sharing any word, chosen by seed. */
export function chooseHeldOut(sets, n, seed, perWord = 3) {
  const shared = [...sets[0]].filter((k) => sets.every((s) => s.has(k)));
  const used = new Map();
  const chosen = [];
  for (const name of shuffled(shared, seed)) {
    if (isAbstract(name) || /button|skin-tone|mark|sign$/.test(name) || isSkinTone(name, (k) => sets[0].has(k))) continue;
    const words = name.split('-').filter((w) => w.length > 2);
    if (words.some((w) => (used.get(w) ?? 0) >= perWord)) continue;
    words.forEach((w) => used.set(w, (used.get(w) ?? 0) + 1));
    chosen.push(name);
    if (chosen.length === n) break;
  }
  return chosen.sort();
}

/** Splits run-together names (`blackscissors`) into the fewest known words. */
export function segmenter(vocabulary) {
  return (joined) => {
    const best = [{ cost: 0, words: [] }];
    for (let end = 1; end <= joined.length; end++) {
      for (let start = Math.max(0, end - 18); start < end; start++) {
        const word = joined.slice(start, end);
        const cost = best[start].cost + (vocabulary.has(word) ? 1 : 2 + 2 * word.length);
        if (!best[end] || cost < best[end].cost) best[end] = { cost, words: [...best[start].words, word] };
      }
    }
    return best[joined.length].words;
  };
}
