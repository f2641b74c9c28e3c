/**
 * Restyling a picture as pairs say, without learning: prepare the picture, find the deviation, compose the result.
 * The deviation is the net's answer under the pairs (A, A') minus its answer under (A, A).
 */
import { InputError, throwIfCancelled } from '../errors';
import { requireStrength } from '../diffusion/guidance';
import { addAreaChanges, areaFacts, fateOf, trustInAreas, unchangedFate } from '../image/area-facts';
import { findAreas, findPalette, membershipAt, membershipOf, nearnessAt, nearnessOf, type Areas } from '../image/areas';
import { requireImageSize } from '../image/canvas';
import type { Image } from '../image/image';
import { addChanges, copyOf, premultipliedAt, premultipliedPart, type WeightedChange } from '../image/premultiplied';
import type { AreaChanges, AreaFacts } from '../nets/pair/area-net';
import { MARGIN } from '../nets/pair/head';
import type { PairModel } from '../pair/model';
import type { PairPlanes, PairPrograms, Part, PartPlanes, ReadPairs, ReadPicture } from '../pair/programs';
import type { Hooks, ImagePair } from '../requests';
import type { HostTensor } from '../tensor/tensor';
import { digest } from '../weights/fingerprint';
import { MOST_PAIRS } from './pair-style-file';
import { Recent } from './recent';

/** Styles of one request. */
const MOST_STYLES = 8;
/** Side of the parts that the head works on, px. Where attention is not fused, a part's lookup keeps 70 MB of scores a pair. */
const PART_SIDE = 128;
/** Changes of parts kept for the next strength: 256 KiB each. */
const KEPT_CHANGES = 256;
/** Larger pictures are not looked up among those seen before: naming them takes longer than it saves. */
const MOST_KEPT_PIXELS = 2 ** 22;
/** Pairs change alpha if any pixel's does by this much, and a smaller change of the answer's alpha is noise. */
const LEAST_ALPHA_CHANGE = 0.02;

/** A style given by its pairs, at the strength it is to be applied with. */
export interface StrengthenedPairs {
  /** For messages. */
  readonly name: string;
  readonly pairs: readonly ImagePair[];
  readonly strength: number;
}

/** A style's pairs as the net has read them. */
interface Term {
  readonly key: string;
  readonly name: string;
  readonly strength: number;
  readonly read: ReadPairs;
  readonly changesAlpha: boolean;
}

/** A picture as the nets have read it under a style. */
interface SeenPicture extends ReadPicture {
  /** None where areas decide nothing. */
  readonly ofAreas: AreaChanges | undefined;
}

export class PairRestyler {
  readonly #model: PairModel;
  readonly #programs: PairPrograms;
  readonly #pairs = new Recent<Omit<Term, 'name' | 'strength'>>(MOST_STYLES, ({ read }) => read.dispose());
  readonly #pictures = new Recent<SeenPicture>(MOST_STYLES, (picture) => picture.dispose());
  readonly #changes = new Recent<Float32Array>(KEPT_CHANGES);

  constructor(model: PairModel, programs: PairPrograms) {
    this.#model = model;
    this.#programs = programs;
  }

  /**
   * The restyled picture, of the picture's own size: picture + sum over styles of strength (styled - base). So strength
   * 0 gives the picture exactly. Alpha stays as it is unless a style's pairs change it.
   *
   * @throws InputError for pictures or settings that do not serve; CancelledError when the signal fires.
   */
  async restyle(image: Image, styles: readonly StrengthenedPairs[], hooks: Hooks = {}): Promise<Image> {
    requireImageSize(image.width, image.height, 'the image');
    if (styles.length === 0) throw new InputError('no style is given; name a style file or a pair');
    if (styles.length > MOST_STYLES) {
      throw new InputError(`${styles.length} styles are given; apply at most ${MOST_STYLES} at a time`);
    }
    for (const { strength } of styles) requireStrength(strength);
    const terms: Term[] = [];
    for (const style of styles) {
      hooks.onProgress?.({ phase: 'encode', step: terms.length, steps: styles.length });
      terms.push(await this.#read(style));
      throwIfCancelled(hooks.signal);
    }
    hooks.onProgress?.({ phase: 'encode', step: styles.length, steps: styles.length });
    return this.#apply(image, terms, hooks);
  }

  /** Forgets the pairs and pictures kept for the next strength. */
  forget(): void {
    this.#pictures.clear();
    this.#pairs.clear();
    this.#changes.clear();
  }

  async #apply(image: Image, terms: readonly Term[], hooks: Hooks): Promise<Image> {
    const named = image.width * image.height <= MOST_KEPT_PIXELS ? pixelKey(image) : undefined;
    const { width, height } = this.#programs.backboneSize(image.width, image.height);
    const parts = partsOf(image.width, image.height);
    const keeps = named !== undefined && parts.length * terms.length <= KEPT_CHANGES;
    const out = copyOf(image);
    // Found only if something has to be computed.
    let areas: Areas | undefined;
    const areasOf = (): Areas => (areas ??= findAreas(image));
    let trust: number | undefined;
    let facts: AreaFacts | undefined;
    const changeAreas = async (read: ReadPairs): Promise<AreaChanges | undefined> => {
      const share = (trust ??= trustInAreas(areasOf()));
      if (share === 0) return undefined;
      facts ??= areaFacts(areasOf());
      const { changes, shares } = await this.#programs.changeAreas(read, facts);
      return { changes, shares: shares.map((ofArea) => ofArea * share) };
    };
    const held: SeenPicture[] = [];
    try {
      const seen: SeenPicture[] = [];
      for (const term of terms) {
        const make = async (): Promise<SeenPicture> => {
          const ofAreas = await changeAreas(term.read);
          const read = await this.#programs.readPicture(term.read, {
            ...premultipliedAt(image, width, height),
            near: nearnessAt(areasOf(), width, height),
            member: membershipAt(areasOf(), width, height),
          });
          return { ...read, ofAreas };
        };
        const picture = named === undefined ? await make() : await this.#pictures.get(`${term.key} ${named}`, make);
        if (named === undefined) held.push(picture);
        seen.push(picture);
        throwIfCancelled(hooks.signal);
      }
      for (const [i, part] of parts.entries()) {
        hooks.onProgress?.({ phase: 'restyle', step: i, steps: parts.length });
        const changes: WeightedChange[] = [];
        for (const [k, term] of terms.entries()) {
          const make = () => this.#change(image, areasOf(), part, term, seen[k]!);
          const key = `${term.key} ${named} ${part.x} ${part.y}`;
          const data = keeps ? await this.#changes.get(key, make) : await make();
          changes.push({ data, weight: term.strength, alpha: term.changesAlpha });
          throwIfCancelled(hooks.signal);
        }
        addChanges(image, changes, part, out.data);
      }
      hooks.onProgress?.({ phase: 'restyle', step: parts.length, steps: parts.length });
      return out;
    } finally {
      for (const picture of held) picture.dispose();
    }
  }

  async #read({ name, pairs, strength }: StrengthenedPairs): Promise<Term> {
    if (pairs.length === 0 || pairs.length > MOST_PAIRS) {
      throw new InputError(`${name}: has ${pairs.length} pairs; give 1 to ${MOST_PAIRS}`);
    }
    const key = digest(
      pairs.flatMap(({ before, after }) => [before, after].map((picture) => TEXT.encode(pixelKey(picture)))),
    );
    const read = await this.#pairs.get(key, async () => {
      const planes = pairs.map((pair) => this.#planes(name, pair));
      return { key, read: await this.#programs.read(planes), changesAlpha: planes.some(changesAlpha) };
    });
    return { ...read, name, strength };
  }

  #planes(name: string, { before, after }: ImagePair): PairPlanes {
    requireImageSize(before.width, before.height, `${name}: the before image`);
    requireImageSize(after.width, after.height, `${name}: the after image`);
    const { width, height } = this.#programs.backboneSize(before.width, before.height);
    const other = this.#programs.backboneSize(after.width, after.height);
    if (width !== other.width || height !== other.height) {
      const enlarged = before.width * after.height === before.height * after.width;
      if (!enlarged) {
        throw new InputError(`${name}: the two images differ in shape; crop them to the same width and height`);
      }
    }
    const areas = findAreas(before);
    const fate = fateOf(areas, premultipliedAt(after, before.width, before.height));
    return {
      before: premultipliedAt(before, width, height),
      after: premultipliedAt(after, width, height),
      near: nearnessAt(areas, width, height),
      facts: areaFacts(areas),
      fates: [fate, unchangedFate(fate, areas.palette)],
      afterPalette: findPalette(after),
    };
  }

  async #change(image: Image, areas: Areas, part: Part, term: Term, whole: SeenPicture): Promise<Float32Array> {
    const difference = await this.#programs.difference(term.read, whole, partPlanes(image, areas, part), part);
    try {
      // What the device gives may be a view of memory it uses again.
      const change = ((await difference.read()) as HostTensor<'f32'>).data.slice();
      if (whole.ofAreas) addAreaChanges(areas, whole.ofAreas, part, change);
      if (!change.every(Number.isFinite)) {
        throw new InputError(
          `${this.#model.name}: the net gives numbers that are not finite; its weights are damaged: fetch the model again`,
        );
      }
      return withoutAlphaNoise(change, part);
    } finally {
      difference.dispose();
    }
  }
}

const TEXT = new TextEncoder();

function pixelKey({ width, height, data }: Image): string {
  return `${width}x${height} ${digest([new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])}`;
}

function changesAlpha({ before, after }: PairPlanes): boolean {
  const pixels = before.width * before.height;
  for (let p = 3 * pixels; p < 4 * pixels; p++) {
    if (Math.abs(after.data[p]! - before.data[p]!) > LEAST_ALPHA_CHANGE) return true;
  }
  return false;
}

/** A part of a picture as the head takes it. */
export function partPlanes(
  image: Image,
  areas: Areas,
  { x, y, width, height }: Omit<Part, 'fullWidth' | 'fullHeight'>,
): PartPlanes {
  const framed = [x - MARGIN, y - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN] as const;
  return {
    width: framed[2],
    height: framed[3],
    data: premultipliedPart(image, ...framed),
    near: nearnessOf(areas, ...framed),
    member: membershipOf(areas, x, y, width, height),
  };
}

function withoutAlphaNoise(change: Float32Array, { width, height }: Part): Float32Array {
  for (let p = 3 * width * height; p < change.length; p++) {
    if (Math.abs(change[p]!) < LEAST_ALPHA_CHANGE) change[p] = 0;
  }
  return change;
}

/** A picture in parts of one size; the last of a row or column may overlap the one before. */
function partsOf(fullWidth: number, fullHeight: number): Part[] {
  const along = (extent: number): { readonly size: number; readonly starts: readonly number[] } => {
    const count = Math.ceil(extent / PART_SIDE);
    const size = Math.ceil(extent / count);
    return { size, starts: Array.from({ length: count }, (_, i) => Math.min(i * size, extent - size)) };
  };
  const [across, down] = [along(fullWidth), along(fullHeight)];
  return down.starts.flatMap((y) =>
    across.starts.map((x) => ({ x, y, width: across.size, height: down.size, fullWidth, fullHeight })),
  );
}
