/**
 * Measures the thresholds of engine/learn/pair-check.ts on real icon pairs: prints how each kind of pair is judged, and the
 * spread of the numbers behind it.
 *
 *   npx esbuild bench/pairs/thresholds/pair-check.ts --bundle --platform=node --format=esm --packages=external --outfile=/tmp/b.mjs
 *   node /tmp/b.mjs FOLDER [COUNT]     FOLDER/node_modules holds the @iconify-json/fluent-emoji* packages
 */
import sharp from 'sharp';
import { judgePair, measurePair } from '../../../engine/learn/pair-check';
import type { Image } from '../../../engine/image/image';
import { Random } from '../../../engine/tensor/random';
import { commonNames, loadSet, renderIcon, toImage } from './pair-sets';

const [folder = '.', countText = '150'] = process.argv.slice(2);
const count = Number(countText);
const SIZE = 256;
const random = new Random(7);

const flat = loadSet(folder, 'fluent-emoji-flat');
const targets = ['fluent-emoji', 'fluent-emoji-high-contrast'].map((name) => ({ name, set: loadSet(folder, name) }));
const names = commonNames([flat, ...targets.map((target) => target.set)]);

const raw = (picture: Image) =>
  sharp(Buffer.from(picture.data), { raw: { width: picture.width, height: picture.height, channels: 4 } });
const CLEAR = { r: 0, g: 0, b: 0, alpha: 0 };

/** Draws the picture scaled and moved in a frame of its own size. */
async function place(picture: Image, scale: number, x: number, y: number): Promise<Image> {
  const side = Math.round(SIZE * scale);
  const margin = SIZE;
  const wide = await raw(picture)
    .resize(side, side)
    .extend({ top: margin, bottom: margin, left: margin, right: margin, background: CLEAR })
    .png()
    .toBuffer();
  const offset = margin + Math.round((side - SIZE) / 2);
  return toImage(sharp(wide).extract({ left: offset - x, top: offset - y, width: SIZE, height: SIZE }));
}

async function opaque(picture: Image): Promise<Image> {
  return toImage(raw(picture).flatten({ background: '#d9e4f5' }));
}

type Kind = (before: Image, after: Image, other: Image) => Promise<[Image, Image]>;
const between = (low: number, high: number) => low + (high - low) * random.uniform();
const sign = () => (random.uniform() < 0.5 ? -1 : 1);
const kinds: Record<string, Kind> = {
  true: async (b, a) => [b, a],
  'true, opaque': async (b, a) => [await opaque(b), await opaque(a)],
  unrelated: async (b, _, o) => [b, o],
  'unrelated, opaque': async (b, _, o) => [await opaque(b), await opaque(o)],
  'shifted 4-12 %': async (b, a) => [
    b,
    await place(a, 1, Math.round(sign() * between(0.04, 0.12) * SIZE), Math.round(sign() * between(0, 0.12) * SIZE)),
  ],
  'scaled 70-85 %': async (b, a) => [b, await place(a, between(0.7, 0.85), 0, 0)],
  'scaled 118-140 %': async (b, a) => [b, await place(a, between(1.18, 1.4), 0, 0)],
  mirrored: async (b, a) => [b, await toImage(raw(a).flop())],
  identical: async (b) => [b, b],
};

for (const target of targets) {
  const verdicts = new Map<string, Map<string, number>>();
  const numbers = new Map<string, number[]>();
  const note = (key: string, value: number) => numbers.set(key, [...(numbers.get(key) ?? []), value]);
  for (let n = 0; n < count; n++) {
    const i = random.integer(names.length);
    const j = (i + 1 + random.integer(names.length - 1)) % names.length;
    const before = await renderIcon(flat, names[i]!, SIZE);
    const after = await renderIcon(target.set, names[i]!, SIZE);
    const other = await renderIcon(target.set, names[j]!, SIZE);
    for (const [kind, make] of Object.entries(kinds)) {
      const [b, a] = await make(before, after, other);
      const m = measurePair(b, a);
      const verdict = judgePair(m, SIZE);
      const label = verdict.problems.join('+') || 'usable';
      const row = verdicts.get(kind) ?? new Map<string, number>();
      verdicts.set(kind, row.set(label, (row.get(label) ?? 0) + 1));
      note(`${kind}: agreement in place`, m.still);
      note(`${kind}: agreement after the best move`, m.moved.agreement);
      note(`${kind}: lead of mirrored`, m.mirrored - m.moved.agreement);
      note(`${kind}: lead of scaled`, m.scaled - m.moved.agreement);
      note(`${kind}: least edge strength`, Math.min(...m.strengths));
      if (kind === 'true' && !verdict.usable)
        console.log(`  refused: ${names[i]} (${label}, ${m.moved.agreement.toFixed(2)})`);
      if (kind === 'unrelated' && verdict.usable)
        console.log(`  let through: ${names[i]} / ${names[j]} (${m.moved.agreement.toFixed(2)})`);
    }
  }
  console.log(`\nfluent-emoji-flat -> ${target.name}, ${count} pairs of each kind`);
  for (const [kind, row] of verdicts) {
    const cells = [...row]
      .sort((p, q) => q[1] - p[1])
      .map(([label, n]) => `${label} ${((100 * n) / count).toFixed(1)} %`);
    console.log(`  ${kind.padEnd(20)} ${cells.join(', ')}`);
  }
  console.log('  quantiles             0 %     1 %     5 %    50 %    95 %    99 %   100 %');
  for (const [key, values] of numbers) {
    values.sort((p, q) => p - q);
    const at = [0, 0.01, 0.05, 0.5, 0.95, 0.99, 1].map((q) => values[Math.round(q * (values.length - 1))]!);
    console.log(`  ${key}\n                     ${at.map((value) => value.toFixed(3).padStart(7)).join(' ')}`);
  }
}
