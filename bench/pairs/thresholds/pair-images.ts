/**
 * Measures the choices of engine/image/resample.ts, upsample.ts and compose.ts on real icon pairs.
 *
 *   npx esbuild bench/pairs/thresholds/pair-images.ts --bundle --platform=node --format=esm --packages=external --outfile=/tmp/b.mjs
 *   node /tmp/b.mjs FOLDER [COUNT]     FOLDER/node_modules holds the @iconify-json/fluent-emoji* packages
 *
 * For a pair (before, after) rendered at 512 px, the net's ideal difference is made at 128 px (optionally blurred and
 * noised, as a VAE would), enlarged by each method and added to `before`; errors against `after` are mean absolute
 * grey levels over the picture's visible pixels, and over those within 3 px of an edge of either image.
 */
import { chooseMatte, compositeAt, compositeRow } from '../../../engine/image/canvas';
import { addDifference } from '../../../engine/restyle/compose';
import type { Image } from '../../../engine/image/image';
import { planes, resize, type Kernel, type Planes } from '../../../engine/image/resample';
import { guidedUpsampler, plainUpsampler, type RowUpsampler } from '../../../engine/image/upsample';
import { Random } from '../../../engine/tensor/random';
import { commonNames, loadSet, renderIcon } from './pair-sets';

const [folder = '.', countText = '40'] = process.argv.slice(2);
const FULL = 512;
const NET = 128;

const flat = loadSet(folder, 'fluent-emoji-flat');
const targets = ['fluent-emoji', 'fluent-emoji-high-contrast'].map((name) => ({ name, set: loadSet(folder, name) }));
const all = commonNames([flat, ...targets.map((target) => target.set)]);
const every = Math.floor(all.length / Number(countText));
const names = all.filter((_, i) => i % every === 0);

/** Kopf et al. 2007: bicubic-ish Gaussian in space times Gaussian in colour, over 5 x 5 small pixels. */
function jointBilateral(
  difference: Planes,
  guide: Planes,
  width: number,
  height: number,
  sigmaRange: number,
): RowUpsampler {
  const { width: w, height: h } = guide;
  const sigmaSpace = 0.7;
  return {
    row(y, guideRow, out) {
      const cy = ((y + 0.5) * h) / height - 0.5;
      for (let x = 0; x < width; x++) {
        const cx = ((x + 0.5) * w) / width - 0.5;
        const sums = [0, 0, 0];
        let total = 1e-12;
        for (let j = Math.max(0, Math.round(cy) - 2); j <= Math.min(h - 1, Math.round(cy) + 2); j++) {
          for (let i = Math.max(0, Math.round(cx) - 2); i <= Math.min(w - 1, Math.round(cx) + 2); i++) {
            let colour = 0;
            for (let c = 0; c < 3; c++) colour += (guide.data[(c * h + j) * w + i]! - guideRow[c * width + x]!) ** 2;
            const space = (i - cx) ** 2 + (j - cy) ** 2;
            const weight = Math.exp(-space / (2 * sigmaSpace ** 2) - colour / (2 * sigmaRange ** 2)) + 1e-9;
            total += weight;
            for (let c = 0; c < 3; c++) sums[c]! += weight * difference.data[(c * h + j) * w + i]!;
          }
        }
        for (let c = 0; c < 3; c++) out[c * width + x] = sums[c]! / total;
      }
    },
  };
}

function blurAndNoise(source: Planes, random: Random, sigma: number): Planes {
  const half = resize(
    resize(source, source.width * 0.75, source.height * 0.75, 'triangle'),
    source.width,
    source.height,
  );
  return planes(
    3,
    source.width,
    source.height,
    half.data.map((v) => v + sigma * random.normal()),
  );
}

/** Pixels within `reach` of a luminance step of over 24 levels in either picture. */
function edgeBand(pictures: readonly Planes[], reach: number): Uint8Array {
  const { width, height } = pictures[0]!;
  const band = new Uint8Array(width * height);
  for (const { data } of pictures) {
    for (let y = 0; y + 1 < height; y++) {
      for (let x = 0; x + 1 < width; x++) {
        const p = y * width + x;
        let step = 0;
        for (let c = 0; c < 3; c++) {
          const o = c * width * height + p;
          step = Math.max(step, Math.abs(data[o]! - data[o + 1]!), Math.abs(data[o]! - data[o + width]!));
        }
        if (step * 255 < 24) continue;
        for (let j = Math.max(0, y - reach); j <= Math.min(height - 1, y + reach); j++) {
          band.fill(1, j * width + Math.max(0, x - reach), j * width + Math.min(width, x + reach + 1));
        }
      }
    }
  }
  return band;
}

type Method = (difference: Planes, guide: Planes, decoded: Planes) => RowUpsampler;
const methods: Record<string, Method> = {
  bicubic: (d) => plainUpsampler(d, FULL, FULL),
  'joint bilateral 0.05': (d, g) => jointBilateral(d, g, FULL, FULL, 0.05),
};
for (const radius of [1, 2]) {
  for (const epsilon of [1e-4, 3e-4, 1e-3]) {
    const options = { radius, epsilon };
    methods[`guided r=${radius} eps=${epsilon}`] = (d, g) => guidedUpsampler(d, g, FULL, FULL, options);
    methods[`guided by decoded r=${radius} eps=${epsilon}`] = (d, _, decoded) =>
      guidedUpsampler(d, decoded, FULL, FULL, options);
  }
}

function full(picture: Image, background: readonly [number, number, number]): Planes {
  return compositeAt(picture, background, picture.width, picture.height);
}

async function upsampling(): Promise<void> {
  for (const target of [...targets, { name: 'recoloured', set: flat }]) {
    for (const spoiled of [false, true]) {
      const totals = new Map<string, { sum: number; n: number; edge: number; m: number }>();
      const random = new Random(1);
      for (const name of names) {
        const before = await renderIcon(flat, name, FULL);
        let after = await renderIcon(target.set, name, FULL);
        if (target.name === 'recoloured') {
          // Channels rotated and one inverted: every region another colour, edges where they were.
          const data = new Uint8ClampedArray(after.data);
          for (let i = 0; i < data.length; i += 4)
            data.set([after.data[i + 1]!, after.data[i + 2]!, 255 - after.data[i]!], i);
          after = { ...after, data };
        }
        const background = chooseMatte([before, after]);
        const [b, a] = [full(before, background), full(after, background)];
        const guide = compositeAt(before, background, NET, NET);
        const small = compositeAt(after, background, NET, NET);
        let difference = planes(
          3,
          NET,
          NET,
          small.data.map((v, i) => v - guide.data[i]!),
        );
        let decoded = guide;
        if (spoiled) {
          difference = blurAndNoise(difference, random, 0.02);
          decoded = blurAndNoise(guide, random, 0.02);
        }
        const band = edgeBand([b, a], 3);
        for (const [label, method] of Object.entries(methods)) {
          const upsampler = method(difference, guide, decoded);
          const t = totals.get(label) ?? { sum: 0, n: 0, edge: 0, m: 0 };
          const line = new Float32Array(3 * FULL);
          const guideRow = new Float32Array(3 * FULL);
          for (let y = 0; y < FULL; y++) {
            compositeRow(before, y, background, guideRow);
            upsampler.row(y, guideRow, line);
            for (let x = 0; x < FULL; x++) {
              if (before.data[(y * FULL + x) * 4 + 3] === 0) continue;
              for (let c = 0; c < 3; c++) {
                const o = (c * FULL + y) * FULL + x;
                const value = Math.min(1, Math.max(0, guideRow[c * FULL + x]! + line[c * FULL + x]!));
                const error = 255 * Math.abs(value - a.data[o]!);
                t.sum += error;
                t.n++;
                if (band[y * FULL + x]) {
                  t.edge += error;
                  t.m++;
                }
              }
            }
          }
          totals.set(label, t);
        }
      }
      console.log(
        `\nflat -> ${target.name}${spoiled ? ', blurred and noised' : ''} (${names.length} icons, mean error in grey levels)`,
      );
      for (const [label, t] of totals) {
        console.log(
          `  ${label.padEnd(34)} all ${(t.sum / t.n).toFixed(2).padStart(6)}  near edges ${(t.edge / t.m).toFixed(2).padStart(6)}`,
        );
      }
    }
  }
}

/** Which reduction of a 512 px render comes closest to the renderer's own 128 px picture. */
async function reduction(): Promise<void> {
  console.log('\nreduction 400 -> 128 against a render at 128 px (mean error in grey levels)');
  for (const kernel of ['area', 'triangle', 'catmull-rom', 'lanczos3'] as Kernel[]) {
    let sum = 0;
    let n = 0;
    for (const name of names) {
      const [big, small] = [await renderIcon(flat, name, 400), await renderIcon(flat, name, NET)];
      const reduced = resize(full(big, [255, 255, 255]), NET, NET, kernel);
      const truth = full(small, [255, 255, 255]);
      reduced.data.forEach((v, i) => (sum += 255 * Math.abs(v - truth.data[i]!)));
      n += truth.data.length;
    }
    console.log(`  ${kernel.padEnd(12)} ${(sum / n).toFixed(3)}`);
  }
}

async function speed(): Promise<void> {
  const size = 2048;
  const before = await renderIcon(flat, names[0]!, size);
  const started = performance.now();
  const guide = compositeAt(before, [255, 255, 255], NET, NET);
  addDifference(
    before,
    [255, 255, 255],
    planes(
      3,
      NET,
      NET,
      guide.data.map((v) => 0.1 * v),
    ),
    guide,
  );
  console.log(`\naddDifference on ${size} px: ${(performance.now() - started).toFixed(0)} ms`);
}

await reduction();
await upsampling();
await speed();
