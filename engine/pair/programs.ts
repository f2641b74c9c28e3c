/**
 * The pair-conditioned net at work. Every evaluation has two rows: the picture under the style's pairs (A, A'), and
 * under (A, A), which says "change nothing"; what a style does is the difference of the two.
 */
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import { keySizes, queryFeatures, referenceStates, type KeysAndValues } from '../nets/pair/backbone';
import {
  applyClosedForm,
  closedFormFeeds,
  closedFormInputs,
  fitClosedForm,
  type ClosedForm,
} from '../nets/pair/closed-form';
import type { AreaChanges, AreaFacts } from '../nets/pair/area-net';
import { areaValuesShape } from '../nets/pair/area-values';
import { AREAS, NEAR, PALETTE_CHANNELS } from '../nets/pair/config';
import { headAnswer, MARGIN, readAreas, readReferencePixels, type HeadInputs } from '../nets/pair/head';
import { GRID, referencePixelsShape, type ReferencePixels } from '../nets/pair/lookup';
import { interpolation, resizeFeatures } from '../nets/pair/resize';
import { Scope } from '../nets/scope';
import type { DeviceTensor } from '../runtime/device-tensor';
import type { ProgramCache } from '../runtime/program-cache';
import { f32, type HostTensor } from '../tensor/tensor';
import { areaFeeds, buildAreaProgram, ownAreaFeeds, type PairAreas } from './area-program';
import type { PairModel } from './model';

/** Premultiplied RGBA in 0 to 1, as four planes one after another. */
export interface PixelPlanes {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** A pair at the backbone's size; before and after are of equal size, sides multiples of 16. */
export interface PairPlanes extends PairAreas {
  readonly before: PixelPlanes;
  readonly after: PixelPlanes;
  /** Nearness to a border in the before picture, NEAR planes (engine/image/areas.ts). */
  readonly near: Float32Array;
  /** Colours of the areas of the after picture, [AREAS, 5]. */
  readonly afterPalette: Float32Array;
}

/** A picture at the backbone's size, with what its areas say: NEAR and AREAS planes (engine/image/areas.ts). */
export interface PicturePlanes extends PixelPlanes {
  readonly near: Float32Array;
  readonly member: Float32Array;
}

/** A part of a picture at its own size: with a margin of 2 px, 0 beyond the picture's edges; `member` without it. */
export type PartPlanes = PicturePlanes;

/** What the backbone makes of a picture under a style's pairs. */
export interface ReadPicture {
  /** [2, features, h, w] */
  readonly features: DeviceTensor;
  /** What becomes of every area, [2, AREAS, channels + 4]. */
  readonly areas: DeviceTensor;
  dispose(): void;
}

/** What a style's pairs say, computed once: every query reads it. */
export interface ReadPairs {
  readonly fit: ClosedForm;
  readonly references: readonly ReadReference[];
  /** Colours of all after pictures, then of all before pictures, which are what (A, A) ends in: [2, AREAS references, 5]. */
  readonly palette: Float32Array;
  /** What the net on areas reads of them. */
  readonly areas: Readonly<Record<string, HostTensor>>;
  dispose(): void;
}

interface ReadReference {
  readonly width: number;
  readonly height: number;
  /** Keys and values of every block and of the looked-up pixels, named as the reference program's outputs. */
  readonly states: Readonly<Record<string, DeviceTensor>>;
}

/** A part of a picture: the rectangle x, y, width, height of one of fullWidth x fullHeight px. */
export interface Part {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly fullWidth: number;
  readonly fullHeight: number;
}

/** Smallest long side at which the backbone is shown a picture, px; it was trained from 32 px on. */
const LEAST_LONG_SIDE = 32;

export class PairPrograms {
  readonly #model: PairModel;
  readonly #programs: ProgramCache;

  constructor(model: PairModel, programs: ProgramCache) {
    this.#model = model;
    this.#programs = programs;
  }

  /** The size at which the backbone sees a picture: its aspect kept, sides multiples of 16. */
  backboneSize(width: number, height: number): { readonly width: number; readonly height: number } {
    const long = Math.max(width, height);
    const scale = Math.min(this.#model.config.size, Math.max(LEAST_LONG_SIDE, long)) / long;
    const side = (extent: number): number => Math.max(GRID, GRID * Math.round((extent * scale) / GRID));
    return { width: side(width), height: side(height) };
  }

  /** Reads a style's pairs: their closed form, and the keys and values that queries attend to. */
  async read(pairs: readonly PairPlanes[]): Promise<ReadPairs> {
    const fit = fitClosedForm(pairs.map(({ before, after }) => ({ before: pixels(before), after: pixels(after) })));
    const references: ReadReference[] = [];
    const dispose = (): void => references.forEach(({ states }) => disposeAll(states));
    try {
      for (const { before, after, near } of pairs) {
        const program = await this.#referenceProgram(before.width, before.height);
        const pictures = { before: tensor(before), after: tensor(after), near: planesTensor(near, NEAR, before) };
        const states = await program.run({ ...pictures, ...closedFormFeeds(fit) });
        references.push({ width: before.width, height: before.height, states });
      }
    } catch (error) {
      dispose();
      throw error;
    }
    const ofStyle = pairs.flatMap(({ afterPalette }) => [...afterPalette]);
    const palette = new Float32Array([...ofStyle, ...pairs.flatMap(({ facts }) => [...facts.palette])]);
    return { fit, references, palette, areas: areaFeeds(pairs, palette), dispose };
  }

  /** Reads a picture at the backbone's size; the caller disposes of what is found. */
  async readPicture(pairs: ReadPairs, picture: PicturePlanes): Promise<ReadPicture> {
    const { config } = this.#model;
    const { width, height } = picture;
    const sizes = pairs.references.map((reference) => `${reference.width}x${reference.height}`);
    const program = await this.#programs.get(`query ${width}x${height} ${sizes.join()}`, (b) => {
      const source = b.input('picture', [1, 4, height, width]);
      const near = b.input('near', [1, NEAR, height, width]);
      const member = b.input('member', [1, AREAS, height, width]);
      const { mapped, trust } = applyClosedForm(b, closedFormInputs(b), source);
      const start = b.add(source, b.mul(trust, b.sub(mapped, source)));
      const rows = {
        source: both(b, source, source),
        soFar: both(b, start, source),
        mapped: both(b, mapped, source),
        trust: both(b, trust, b.mul(trust, 0)),
      };
      const keys = pairs.references.map((reference, i) =>
        keySizes(config, reference.height, reference.width).map((size, block): KeysAndValues => {
          const shape = [2, size.tokens, size.width];
          const input = (name: string): Value => b.input(indexed(name, i), shape);
          return { keys: input(keyName(block)), values: input(valueName(block)) };
        }),
      );
      const scope = this.#scope(b);
      const features = queryFeatures(scope, config, planesOf(b, { ...rows, isReference: 0, t: 0 }), keys);
      const inputs = framed(b, { ...rows, features, near: both(b, near, near) });
      b.output('features', features);
      const palette = b.input('palette', [2, AREAS * pairs.references.length, PALETTE_CHANNELS]);
      b.output('areas', readAreas(scope, config, inputs, this.#pixelInputs(b, pairs), { member, palette }));
    });
    const own = {
      picture: tensor(picture),
      near: planesTensor(picture.near, NEAR, picture),
      member: planesTensor(picture.member, AREAS, picture),
      palette: f32(pairs.palette, [2, AREAS * pairs.references.length, PALETTE_CHANNELS]),
    };
    const { features, areas } = await program.run({ ...own, ...statesOf(pairs), ...closedFormFeeds(pairs.fit) });
    const dispose = (): void => [features!, areas!].forEach((x) => x.dispose());
    return { features: features!, areas: areas!, dispose };
  }

  /**
   * What the style does to a part of a picture: styled minus base, premultiplied RGBA, [1, 4, part.height, part.width].
   *
   * @param whole what was read from the whole picture.
   */
  async difference(pairs: ReadPairs, whole: ReadPicture, source: PartPlanes, part: Part): Promise<DeviceTensor> {
    const { config } = this.#model;
    const { width, height } = source;
    const [, channels, h, w] = whole.features.shape as [number, number, number, number];
    const program = await this.#programs.get(
      `head ${width}x${height} of ${w}x${h} by ${pairs.references.length}`,
      (b) => {
        const picture = b.input('source', [1, 4, height, width]);
        const inside = b.input('inside', [1, 1, height, width]);
        const near = b.input('near', [1, NEAR, height, width]);
        const member = b.input('member', [1, AREAS, part.height, part.width]);
        const values = b.input('areas', areaValuesShape(config, 2, AREAS));
        const own = b.input('features', [2, channels, h, w]);
        const resized = resizeFeatures(b, b.input('rows', [height, h]), own, b.input('columns', [width, w]));
        const fitted = applyClosedForm(b, closedFormInputs(b), picture);
        // Beyond the edges everything is 0, also what the closed form makes of 0.
        const mapped = b.mul(fitted.mapped, inside);
        const trust = b.mul(fitted.trust, inside);
        const start = b.add(picture, b.mul(trust, b.sub(mapped, picture)));
        const inputs = {
          source: both(b, picture, picture),
          soFar: both(b, start, picture),
          mapped: both(b, mapped, picture),
          trust: both(b, trust, b.mul(trust, 0)),
          features: resized,
          near: both(b, near, near),
          inside,
        };
        const answers = headAnswer(this.#scope(b), config, inputs, this.#pixelInputs(b, pairs), { values, member });
        b.output('difference', b.sub(b.slice(answers, 0, 0, 1), b.slice(answers, 0, 1, 2)));
      },
    );
    const rows = interpolation(h, part.fullHeight, part.y - MARGIN, height);
    const columns = interpolation(w, part.fullWidth, part.x - MARGIN, width);
    const feeds = {
      source: tensor(source),
      inside: insideOf(rows, columns),
      near: planesTensor(source.near, NEAR, source),
      member: planesTensor(source.member, AREAS, part),
      features: whole.features,
      areas: whole.areas,
      rows,
      columns,
    };
    const states = statesOf(pairs, isOfPixels);
    return (await program.run({ ...feeds, ...states, ...closedFormFeeds(pairs.fit) }))['difference']!;
  }

  /** What the style does to the areas of a picture: styled minus base. */
  async changeAreas(pairs: ReadPairs, facts: AreaFacts): Promise<AreaChanges> {
    const count = pairs.references.length;
    const program = await this.#programs.get(`areas by ${count}`, (b) => {
      buildAreaProgram(this.#scope(b).at('area_net'), this.#model.config.areaNet, count);
    });
    const outputs = await program.run({ ...ownAreaFeeds(facts), ...pairs.areas });
    try {
      const read = async (name: string): Promise<Float32Array> =>
        ((await outputs[name]!.read()) as HostTensor<'f32'>).data.slice();
      return { changes: await read('changes'), shares: await read('shares') };
    } finally {
      disposeAll(outputs);
    }
  }

  #referenceProgram(width: number, height: number) {
    const { config } = this.#model;
    return this.#programs.get(`reference ${width}x${height}`, (b) => {
      const before = b.input('before', [1, 4, height, width]);
      const after = b.input('after', [1, 4, height, width]);
      const near = b.input('near', [1, NEAR, height, width]);
      const { mapped, trust } = applyClosedForm(b, closedFormInputs(b), before);
      const rows = {
        source: both(b, before, before),
        soFar: both(b, after, before),
        mapped: both(b, mapped, before),
        trust: both(b, trust, b.mul(trust, 0)),
      };
      const scope = this.#scope(b);
      const { keys, features } = referenceStates(scope, config, planesOf(b, { ...rows, isReference: 1, t: 1 }));
      keys.forEach((of, block) => {
        b.output(keyName(block), of.keys);
        b.output(valueName(block), of.values);
      });
      const inputs = framed(b, { ...rows, features, near: both(b, near, near) });
      const pixels = readReferencePixels(scope, config, inputs);
      b.output(PIXEL_KEYS, pixels.keys);
      b.output(PIXEL_VALUES, pixels.values);
    });
  }

  /** The looked-up pixels of all references, as inputs. */
  #pixelInputs(b: GraphBuilder, { references }: ReadPairs): ReferencePixels[] {
    return references.map((_, i) => {
      const input = (name: string): Value => b.input(indexed(name, i), referencePixelsShape(this.#model.config, 2));
      return { keys: input(PIXEL_KEYS), values: input(PIXEL_VALUES) };
    });
  }

  #scope(b: GraphBuilder): Scope {
    return new Scope(b, this.#model.weights);
  }
}

const keyName = (block: number): string => `k${block}`;
const valueName = (block: number): string => `v${block}`;
const PIXEL_KEYS = 'pixel_keys';
const PIXEL_VALUES = 'pixel_values';
const isOfPixels = (name: string): boolean => name === PIXEL_KEYS || name === PIXEL_VALUES;
/** The name of a reference's state as an input of the programs that read it. */
const indexed = (name: string, reference: number): string => `${name}.${reference}`;

/** States of all references by the names that programs read them by. */
function statesOf(
  { references }: ReadPairs,
  which: (name: string) => boolean = () => true,
): Record<string, DeviceTensor> {
  return Object.fromEntries(
    references.flatMap(({ states }, i) =>
      Object.entries(states)
        .filter(([name]) => which(name))
        .map(([name, state]) => [indexed(name, i), state]),
    ),
  );
}

interface PlaneValues {
  readonly source: Value;
  readonly soFar: Value;
  readonly mapped: Value;
  readonly trust: Value;
  readonly t: number;
  readonly isReference: number;
}

/** The 17 planes of pictures, without noise: [N, 17, H, W]. */
function planesOf(b: GraphBuilder, { source, soFar, mapped, trust, t, isReference }: PlaneValues): Value {
  const filled = (value: number): Value => b.expand(b.scalar(value), trust.shape);
  return b.concat([source, soFar, mapped, trust, filled(t), filled(0), filled(isReference), filled(1)], 1);
}

/** The row under the pairs, then the row under (A, A). */
const both = (b: GraphBuilder, styled: Value, base: Value): Value => b.concat([styled, base], 0);

/** Whole pictures as the head takes them: with a margin of 0. */
function framed(b: GraphBuilder, inputs: Omit<HeadInputs, 'inside'>): HeadInputs {
  const frame = (x: Value): Value => b.pad(x, [0, 0, MARGIN, MARGIN], [0, 0, MARGIN, MARGIN]);
  const [, , height, width] = inputs.source.shape as [number, number, number, number];
  return {
    source: frame(inputs.source),
    soFar: frame(inputs.soFar),
    mapped: frame(inputs.mapped),
    trust: frame(inputs.trust),
    features: frame(inputs.features),
    near: frame(inputs.near),
    inside: frame(b.reshape(b.ones(height * width), [1, 1, height, width])),
  };
}

/** 1 where a row and a column of the picture meet, 0 beyond its edges. */
function insideOf(rows: HostTensor<'f32'>, columns: HostTensor<'f32'>): HostTensor<'f32'> {
  const covered = ({ shape, data }: HostTensor<'f32'>): boolean[] => {
    const [count, from] = shape as [number, number];
    return Array.from({ length: count }, (_, i) => data.subarray(i * from, (i + 1) * from).some((v) => v !== 0));
  };
  const [down, across] = [covered(rows), covered(columns)];
  const data = new Float32Array(down.length * across.length);
  down.forEach((row, y) => {
    if (row) across.forEach((column, x) => (data[y * across.length + x] = column ? 1 : 0));
  });
  return f32(data, [1, 1, down.length, across.length]);
}

function planesTensor(
  data: Float32Array,
  channels: number,
  size: { width: number; height: number },
): HostTensor<'f32'> {
  return f32(data, [1, channels, size.height, size.width]);
}

function tensor({ width, height, data }: PixelPlanes): HostTensor<'f32'> {
  return f32(data, [1, 4, height, width]);
}

function pixels({ width, height, data }: PixelPlanes): { data: Float32Array; pixels: number } {
  return { data, pixels: width * height };
}

function disposeAll(tensors: Readonly<Record<string, DeviceTensor>>): void {
  for (const value of Object.values(tensors)) value.dispose();
}
