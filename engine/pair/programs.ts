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
import { headAnswer, MARGIN, readReferencePixels } from '../nets/pair/head';
import { GRID, referencePixelsShape, type ReferencePixels } from '../nets/pair/lookup';
import { interpolation, resizeFeatures } from '../nets/pair/resize';
import { Scope } from '../nets/scope';
import type { DeviceTensor } from '../runtime/device-tensor';
import type { ProgramCache } from '../runtime/program-cache';
import { f32, type HostTensor } from '../tensor/tensor';
import type { PairModel } from './model';

/** Premultiplied RGBA in 0 to 1, as four planes one after another. */
export interface PixelPlanes {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

/** A pair at the backbone's size; before and after are of equal size, sides multiples of 16. */
export interface PairPlanes {
  readonly before: PixelPlanes;
  readonly after: PixelPlanes;
}

/** What a style's pairs say, computed once: every query reads it. */
export interface ReadPairs {
  readonly fit: ClosedForm;
  readonly references: readonly ReadReference[];
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
      for (const { before, after } of pairs) {
        const program = await this.#referenceProgram(before.width, before.height);
        const states = await program.run({ before: tensor(before), after: tensor(after), ...closedFormFeeds(fit) });
        references.push({ width: before.width, height: before.height, states });
      }
    } catch (error) {
      dispose();
      throw error;
    }
    return { fit, references, dispose };
  }

  /** What the backbone makes of a picture, at its own size, [2, features, h, w]; the caller disposes of it. */
  async features(pairs: ReadPairs, picture: PixelPlanes): Promise<DeviceTensor> {
    const { config } = this.#model;
    const { width, height } = picture;
    const sizes = pairs.references.map((reference) => `${reference.width}x${reference.height}`);
    const program = await this.#programs.get(`query ${width}x${height} ${sizes.join()}`, (b) => {
      const source = b.input('picture', [1, 4, height, width]);
      const { mapped, trust } = applyClosedForm(b, closedFormInputs(b), source);
      const rows = { isReference: 0, t: 0 };
      const start = b.add(source, b.mul(trust, b.sub(mapped, source)));
      const planes = planesOf(b, {
        source: b.concat([source, source], 0),
        soFar: b.concat([start, source], 0),
        mapped: b.concat([mapped, source], 0),
        trust: b.concat([trust, b.mul(trust, 0)], 0),
        ...rows,
      });
      const keys = pairs.references.map((reference, i) =>
        keySizes(config, reference.height, reference.width).map((size, block): KeysAndValues => {
          const shape = [2, size.tokens, size.width];
          const input = (name: string): Value => b.input(indexed(name, i), shape);
          return { keys: input(keyName(block)), values: input(valueName(block)) };
        }),
      );
      b.output('features', queryFeatures(this.#scope(b), config, planes, keys));
    });
    const keys = statesOf(pairs, (name) => !isOfPixels(name));
    const results = await program.run({ picture: tensor(picture), ...keys, ...closedFormFeeds(pairs.fit) });
    return results['features']!;
  }

  /**
   * What the style does to a part of a picture: styled minus base, premultiplied RGBA, [1, 4, part.height, part.width].
   *
   * @param features of the whole picture.
   * @param source the part with a margin of 2 px, 0 beyond the picture's edges.
   */
  async difference(pairs: ReadPairs, features: DeviceTensor, source: PixelPlanes, part: Part): Promise<DeviceTensor> {
    const { config } = this.#model;
    const { width, height } = source;
    const [, channels, h, w] = features.shape as [number, number, number, number];
    const program = await this.#programs.get(
      `head ${width}x${height} of ${w}x${h} by ${pairs.references.length}`,
      (b) => {
        const picture = b.input('source', [1, 4, height, width]);
        const inside = b.input('inside', [1, 1, height, width]);
        const own = b.input('features', [2, channels, h, w]);
        const resized = resizeFeatures(b, b.input('rows', [height, h]), own, b.input('columns', [width, w]));
        const fitted = applyClosedForm(b, closedFormInputs(b), picture);
        // Beyond the edges everything is 0, also what the closed form makes of 0.
        const mapped = b.mul(fitted.mapped, inside);
        const trust = b.mul(fitted.trust, inside);
        const start = b.add(picture, b.mul(trust, b.sub(mapped, picture)));
        const both = (styled: Value, base: Value): Value => b.concat([styled, base], 0);
        const found = pairs.references.map((_, i): ReferencePixels => {
          const input = (name: string): Value => b.input(indexed(name, i), referencePixelsShape(config, 2));
          return { keys: input(PIXEL_KEYS), values: input(PIXEL_VALUES) };
        });
        const inputs = {
          source: both(picture, picture),
          soFar: both(start, picture),
          mapped: both(mapped, picture),
          trust: both(trust, b.mul(trust, 0)),
          features: resized,
          inside,
        };
        const answers = headAnswer(this.#scope(b), config, inputs, found);
        b.output('difference', b.sub(b.slice(answers, 0, 0, 1), b.slice(answers, 0, 1, 2)));
      },
    );
    const rows = interpolation(h, part.fullHeight, part.y - MARGIN, height);
    const columns = interpolation(w, part.fullWidth, part.x - MARGIN, width);
    const feeds = { source: tensor(source), inside: insideOf(rows, columns), features, rows, columns };
    const states = statesOf(pairs, isOfPixels);
    return (await program.run({ ...feeds, ...states, ...closedFormFeeds(pairs.fit) }))['difference']!;
  }

  #referenceProgram(width: number, height: number) {
    const { config } = this.#model;
    return this.#programs.get(`reference ${width}x${height}`, (b) => {
      const before = b.input('before', [1, 4, height, width]);
      const after = b.input('after', [1, 4, height, width]);
      const { mapped, trust } = applyClosedForm(b, closedFormInputs(b), before);
      const rows = { isReference: 1, t: 1 };
      const both = (styled: Value, base: Value): Value => b.concat([styled, base], 0);
      const parts = {
        source: both(before, before),
        soFar: both(after, before),
        mapped: both(mapped, before),
        trust: both(trust, b.mul(trust, 0)),
      };
      const scope = this.#scope(b);
      const { keys, features } = referenceStates(scope, config, planesOf(b, { ...parts, ...rows }));
      keys.forEach((of, block) => {
        b.output(keyName(block), of.keys);
        b.output(valueName(block), of.values);
      });
      const framed = (x: Value): Value => b.pad(x, [0, 0, MARGIN, MARGIN], [0, 0, MARGIN, MARGIN]);
      const pixels = readReferencePixels(scope, config, {
        source: framed(parts.source),
        soFar: framed(parts.soFar),
        mapped: framed(parts.mapped),
        trust: framed(parts.trust),
        features: framed(features),
        inside: framed(b.reshape(b.ones(height * width), [1, 1, height, width])),
      });
      b.output(PIXEL_KEYS, pixels.keys);
      b.output(PIXEL_VALUES, pixels.values);
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
function statesOf({ references }: ReadPairs, which: (name: string) => boolean): Record<string, DeviceTensor> {
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

function tensor({ width, height, data }: PixelPlanes): HostTensor<'f32'> {
  return f32(data, [1, 4, height, width]);
}

function pixels({ width, height, data }: PixelPlanes): { data: Float32Array; pixels: number } {
  return { data, pixels: width * height };
}

function disposeAll(tensors: Readonly<Record<string, DeviceTensor>>): void {
  for (const value of Object.values(tensors)) value.dispose();
}
