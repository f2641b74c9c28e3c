/** Broken pairs: what the pair check says of them, and what becomes of results where it lets them through. */
import sharp, { type Sharp } from 'sharp';
import type { Image } from '../../../engine/image/image';
import { toImage } from '../thresholds/pair-sets';
import { rasterOf } from '../pixels/raster';
import { fillsFrame, shareNames } from './designers';
import { onPaper, SUITE_SIDE, type Drawn, type TaskPlan } from './plan';
import type { Sources } from './sources';

const FROM = 'fluent-emoji-flat';
const TO = 'fluent-emoji-high-contrast';

/** What is done to the after image; `other` is the after image of another icon. */
type Break = (after: Image, other: Image) => Promise<Image>;

const BREAKS: Readonly<Record<string, Break>> = {
  none: async (after) => after,
  'shifted-3-percent': (after) => place(after, 1, 0.03, 0.02),
  'shifted-9-percent': (after) => place(after, 1, 0.09, 0.05),
  'scaled-90-percent': (after) => place(after, 0.9, 0, 0),
  'scaled-75-percent': (after) => place(after, 0.75, 0, 0),
  mirrored: (after) => toImage(raw(after).flop()),
  'other-content': async (_, other) => other,
};

/** Most of its own mirror image that a picture may cover: a symmetric one, mirrored, is not broken. */
const MIRROR_COVER = 0.8;

/** All on one pair and one set of test pictures, so that they can be compared with `none`. */
export function brokenTasks(sources: Sources, seed: number): TaskPlan[] {
  const { pairs, tests } = shareNames(sources, seed);
  const [other, ...sound] = pairs as [string, ...string[]];
  const draw = async (icon: string): Promise<Drawn> =>
    onPaper({ input: await sources.draw(FROM, icon), truth: await sources.draw(TO, icon) });
  return Object.entries(BREAKS).map(([name, breakPair]): TaskPlan => ({
    name: `broken-${name}`,
    kind: 'broken',
    split: 'report',
    style: 'high contrast',
    pairs: sound,
    suits: async (icon) => (await fillsFrame(sources, icon)) && lopsided(await sources.draw(FROM, icon)),
    tests: tests.report,
    drawPair: draw,
    spoil: async (after) => breakPair(after, (await draw(other)).truth),
    drawTest: draw,
    about: { from: sources.version(FROM), to: sources.version(TO), break: name },
  }));
}

/** Whether mirroring moves enough of the shape. */
function lopsided(picture: Image): boolean {
  const { width, alpha } = rasterOf(picture);
  let [both, either] = [0, 0];
  alpha.forEach((value, i) => {
    const mirrored = alpha[i - (i % width) + width - 1 - (i % width)]!;
    both += Math.min(value, mirrored);
    either += Math.max(value, mirrored);
  });
  return both < MIRROR_COVER * either;
}

function raw({ width, height, data }: Image): Sharp {
  return sharp(Buffer.from(data), { raw: { width, height, channels: 4 } });
}

/** The picture scaled about its middle and moved by shares of its side, in a frame of its own size. */
async function place(picture: Image, scale: number, x: number, y: number): Promise<Image> {
  const side = Math.round(SUITE_SIDE * scale);
  const margin = SUITE_SIDE;
  const wide = await raw(picture)
    .resize(side, side)
    .extend({ top: margin, bottom: margin, left: margin, right: margin, background: '#ffffff' })
    .png()
    .toBuffer();
  const offset = margin + Math.round((side - SUITE_SIDE) / 2);
  const [left, top] = [offset - Math.round(x * SUITE_SIDE), offset - Math.round(y * SUITE_SIDE)];
  return toImage(sharp(wide).extract({ left, top, width: SUITE_SIDE, height: SUITE_SIDE }));
}
