// Renders the icon sets of sets.json to OUT/icons.rgba (N x SIDE x SIDE x 4, uint8) and OUT/icons.json,
// the held-out icons to OUT/heldout.*, and records the held-out names in ../held-out.json.
// Usage: node render.mjs OUT [SIDE, 128 unless told] [SETS, sets.json unless told]
import { readFileSync, writeFileSync, createWriteStream, mkdirSync } from 'node:fs';
import { once } from 'node:events';
import { getIconData, iconToSVG, iconToHTML } from '@iconify/utils';
import sharp from 'sharp';
import { bareName, chooseHeldOut, compact, isAbstract, isSkinTone, segmenter, shuffled } from './names.mjs';

const SIDE = Number(process.argv[3] ?? 128);
const out = process.argv[2] ?? 'data';
const config = JSON.parse(readFileSync(process.argv[4] ?? new URL('./sets.json', import.meta.url)));
const cache = new Map();
const load = (set) => {
  if (!cache.has(set)) {
    const dir = new URL(`./node_modules/@iconify-json/${set}/`, import.meta.url);
    cache.set(set, {
      icons: JSON.parse(readFileSync(new URL('icons.json', dir))),
      info: JSON.parse(readFileSync(new URL('info.json', dir))),
      version: JSON.parse(readFileSync(new URL('package.json', dir))).version,
    });
  }
  return cache.get(set);
};
const namesOf = (set) => Object.keys(load(set).icons.icons);

/** One icon as SIDE x SIDE x 4 bytes; non-square icons are centred on transparency. */
async function raster({ set, icon, flattened }) {
  const svg = iconToSVG(getIconData(load(set).icons, icon), { height: SIDE });
  const html = iconToHTML(flattened ? withoutGradients(svg.body) : svg.body, svg.attributes).replaceAll('currentColor', '#000');
  return sharp(Buffer.from(html))
    .resize(SIDE, SIDE, { fit: 'contain', background: { r: 0, g: 0, b: 0, alpha: 0 } })
    .ensureAlpha().raw().toBuffer();
}

/** The bare subject of a name within a weighted family, or null when it is another weight's. */
function subjectOf(spec, name) {
  const size = /-(16|20|24|28|32|48)$/;
  if (spec.weight === undefined) return name.replace(size, '');
  const weight = config.weights[spec.set].find((w) => name.endsWith(`-${w}`)) ?? '';
  if (weight !== spec.weight) return null;
  return (weight ? name.slice(0, -weight.length - 1) : name).replace(size, '');
}

const GRADIENT = /<(linear|radial)Gradient\b/;

/** Every gradient as the mean of its colours; one that fades out, as lights and shades laid over a drawing do, as nothing. */
function withoutGradients(body) {
  const stops = new Map();
  for (const [, attributes, inner = ''] of body.matchAll(/<(?:linear|radial)Gradient\b([^>]*?)(?:\/>|>(.*?)<\/(?:linear|radial)Gradient>)/gs)) {
    const own = [...inner.matchAll(/<stop\b([^>]*?)\/?>/g)].map(([, stop]) => ({
      at: fraction(attribute(stop, 'offset') ?? '0'),
      color: channels(attribute(stop, 'stop-color') ?? '#000'),
      opacity: Number(attribute(stop, 'stop-opacity') ?? 1),
    }));
    stops.set(attribute(attributes, 'id'), own.length > 0 ? own : attribute(attributes, 'href')?.slice(1));
  }
  const ofGradient = (id) => (typeof stops.get(id) === 'string' ? ofGradient(stops.get(id)) : stops.get(id));
  return body.replace(/(fill|stroke)="url\(#([^)]*)\)"/g, (whole, kind, id) => {
    const own = ofGradient(id);
    if (!own) return whole;
    if (own.some(({ opacity }) => opacity < 0.5)) return `${kind}="none"`;
    // What lies before the first stop and after the last has their colours.
    const points = [{ ...own[0], at: 0 }, ...own, { ...own.at(-1), at: 1 }];
    const mean = [0, 1, 2].map((c) => points.slice(1).reduce((sum, p, i) => sum + ((p.color[c] + points[i].color[c]) / 2) * Math.max(0, p.at - points[i].at), 0));
    return `${kind}="rgb(${mean.map(Math.round).join()})"`;
  });
}

const attribute = (text, name) => new RegExp(`(?:^|[\\s:])${name}="([^"]*)"`).exec(text)?.[1];
const fraction = (text) => Math.min(1, Math.max(0, text.endsWith('%') ? parseFloat(text) / 100 : parseFloat(text)));

/** A colour as red, green and blue of 255. */
function channels(color) {
  const hex = color.startsWith('#') ? color.slice(1) : { white: 'fff', black: '000' }[color];
  if (!hex) throw new Error(`a stop has the colour ${color}; add it to channels()`);
  const digits = hex.length === 3 ? [...hex].map((d) => d + d).join('') : hex;
  return [0, 2, 4].map((i) => parseInt(digits.slice(i, i + 2), 16));
}

/** Which icons of one set to render: subjects without repeats, tones, furniture or held-out names. */
function pick(spec, heldOut) {
  const all = namesOf(spec.set);
  const has = new Set(all);
  const bySubject = new Map();
  for (const name of all) {
    if (isSkinTone(name, (k) => has.has(k))) continue;
    if (spec.gradients && !GRADIENT.test(getIconData(load(spec.set).icons, name).body)) continue;
    const subject = subjectOf(spec, name);
    if (subject === null || isAbstract(subject)) continue;
    if (heldOut.has(compact(subject)) || heldOut.has(compact(bareName(subject)))) continue;
    const plain = subject.replace(/-(flat|\d+|one|two|three|four)$/, '');
    if (heldOut.has(compact(plain))) continue;
    bySubject.set(subject, name); // the last of several sizes is the largest
  }
  // One family order for all weights, so that the same subjects are seen drawn in many ways.
  const subjects = shuffled(bySubject.keys(), config.seed).slice(0, spec.limit ?? Infinity);
  return subjects.map((subject) => ({ icon: bySubject.get(subject), subject }));
}

async function renderAll(jobs, file) {
  const stream = createWriteStream(file);
  const done = [];
  for (let i = 0; i < jobs.length; i += 16) {
    const batch = jobs.slice(i, i + 16);
    const pixels = await Promise.all(batch.map((j) => raster(j).catch((error) => {
      console.warn(`${j.set} ${j.icon} is left out: ${error.message}`);
      return null;
    })));
    for (const [k, p] of pixels.entries()) {
      if (!p || p.every((v) => v === 0)) continue; // nothing visible
      done.push(batch[k]);
      if (!stream.write(p)) await once(stream, 'drain');
    }
  }
  stream.end();
  await once(stream, 'finish');
  return done;
}

mkdirSync(out, { recursive: true });
const heldOutNames = chooseHeldOut(config.heldOutSets.map((s) => new Set(namesOf(s))), config.heldOutCount, config.seed);
const heldOut = new Set(heldOutNames.map(compact));
writeFileSync(new URL('../held-out.json', import.meta.url), JSON.stringify({
  note: 'Never trained on: these icon names in any set, and these sets at all. The same names exist in all of "sets", so they are test pairs with ground truth.',
  sets: config.heldOutSets, seed: config.seed,
  neverTrainedSets: ['fluent-emoji', 'fluent-emoji-high-contrast', 'openmoji', 'emojione-v1'],
  names: heldOutNames,
}, null, 1) + '\n');

const SHORT = new Set(['a', 'of', 'in', 'on', 'up', 'no', 'ok', 'to', 'go', 'tv', 'ear', 'red']);
const vocabulary = new Set(['noto', 'twemoji', 'fluent-emoji-flat', 'icon-park'].flatMap(namesOf).flatMap((n) => n.split('-')).filter((w) => w.length > 3 || SHORT.has(w)));
const segment = segmenter(vocabulary);
const words = (spec, subject) => (spec.compact ? segment(compact(subject)) : subject.replace(/-flat$/, '').split('-')).join(' ');

const jobs = config.sets.flatMap((spec) => pick(spec, heldOut).map(({ icon, subject }) => (
  { name: words(spec, subject), icon, set: spec.set, family: spec.family, style: spec.style, mono: Boolean(spec.mono), ...(spec.flattened && { flattened: true }) })));
const icons = await renderAll(jobs, `${out}/icons.rgba`);
const counts = config.sets.map((spec) => {
  const { info, version } = load(spec.set);
  return { set: spec.set, weight: spec.weight, style: spec.style, version, license: info.license.spdx, author: info.author.name, url: info.author.url,
    count: icons.filter((i) => i.set === spec.set && i.style === spec.style).length };
});
writeFileSync(`${out}/icons.json`, JSON.stringify({ side: SIDE, counts, icons }));
const tests = await renderAll(config.heldOutSets.flatMap((set) => heldOutNames.map((icon) => ({ name: icon.replaceAll('-', ' '), icon, set }))), `${out}/heldout.rgba`);
writeFileSync(`${out}/heldout.json`, JSON.stringify({ side: SIDE, icons: tests }));
console.log(`${icons.length} icons, ${tests.length} held-out renders`);
console.table(counts.map(({ set, style, license, count }) => ({ set, style, license, count })));
