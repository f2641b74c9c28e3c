/** Weights by module path: a net asks for a tensor by name and shape and gets a graph value. */
import { InputError } from '../errors';
import type { GraphBuilder } from '../graph/builder';
import type { Value } from '../graph/graph';
import type { DType } from '../tensor/dtype';
import { sameShape, showShape, sizeOf, type Shape } from '../tensor/shape';
import { SCALES } from '../weights/eight-bit/file';
import type { WeightLocation, WeightSet } from '../weights/folder';
import { unreadable } from '../weights/safetensors';

/**
 * Adds what low-rank adapters contribute at a linear layer: given the layer's module path, its input x [..., in] and
 * its output y [..., out], returns the adapted output.
 */
export type Adapt = (target: string, x: Value, y: Value) => Value;

const UNADAPTED: Adapt = (_site, _x, y) => y;

export class Scope {
  readonly b: GraphBuilder;
  readonly #weights: WeightSet;
  readonly #prefix: string;
  readonly #adapt: Adapt;

  constructor(b: GraphBuilder, weights: WeightSet, adapt: Adapt = UNADAPTED, prefix = '') {
    this.b = b;
    this.#weights = weights;
    this.#adapt = adapt;
    this.#prefix = prefix;
  }

  /** The scope of a submodule, e.g. at('attn1').at('to_q'). */
  at(name: string | number): Scope {
    return new Scope(this.b, this.#weights, this.#adapt, this.#prefix ? `${this.#prefix}.${name}` : String(name));
  }

  /** Module path from the root of the net. */
  get path(): string {
    return this.#prefix;
  }

  has(name: string): boolean {
    return this.#weights.get(this.#full(name)) !== undefined;
  }

  /** The tensor `name` of this module in f32; throws an InputError when it is missing or has another shape. */
  weight(name: string, shape: Shape): Value {
    const full = this.#full(name);
    const found = this.#weights.get(full);
    if (!found)
      throw new InputError(`${this.#weights.name}: ${full} is missing; the weights do not belong to this config.json`);
    const { file, entry, transposed = false } = found;
    const stored = transposed ? [...shape].reverse() : shape;
    if (!sameShape(entry.shape, stored)) {
      throw new InputError(
        `${file.source.name}: ${full} is ${showShape(entry.shape)}, but config.json makes it ${showShape(stored)}`,
      );
    }
    const scales = entry.dtype === 'I8' ? this.#weights.get(`${full}${SCALES}`) : undefined;
    if (scales) return this.#eightBit(found, scales, shape);
    const dtype = FLOAT_DTYPES[entry.dtype];
    if (!dtype) {
      throw new InputError(`${file.source.name}: ${unreadable(entry)}`);
    }
    const reference = { file: file.source.name, name: full, offset: entry.offset, length: entry.length };
    const value = this.b.cast(this.b.weight(reference, stored, dtype), 'f32');
    return transposed ? this.b.transpose(value, [1, 0]) : value;
  }

  /** y = x WT + bias with the adapters of this target module. */
  linear(x: Value, out: number, bias = true): Value {
    const width = x.shape.at(-1)!;
    const y = this.b.linear(x, this.weight('weight', [out, width]), bias ? this.weight('bias', [out]) : undefined);
    return this.#adapt(this.#prefix, x, y);
  }

  /** A square convolution with `same` padding for stride 1, unless told otherwise. */
  conv(x: Value, out: number, kernel: number, options: ConvOptions = {}): Value {
    const { stride = 1, bias = true, group = 1 } = options;
    const half = Math.floor(kernel / 2);
    const weight = this.weight('weight', [out, x.shape[1]! / group, kernel, kernel]);
    return this.b.conv(x, weight, bias ? this.weight('bias', [out]) : undefined, {
      strides: [stride, stride],
      pads: options.pads ?? [half, half, half, half],
      group,
    });
  }

  groupNorm(x: Value, groups: number, epsilon: number): Value {
    const channels = x.shape[1]!;
    return this.b.groupNorm(x, groups, this.weight('weight', [channels]), this.weight('bias', [channels]), epsilon);
  }

  layerNorm(x: Value, epsilon: number): Value {
    const width = x.shape.at(-1)!;
    return this.b.layerNorm(x, this.weight('weight', [width]), this.weight('bias', [width]), epsilon);
  }

  /** A weight that is held in 8 bits (weights/eight-bit). */
  #eightBit(integers: WeightLocation, scales: WeightLocation, shape: Shape): Value {
    const [blocks] = scales.entry.shape as [number];
    const part = ({ file, entry }: WeightLocation, as: Shape, dtype: DType): Value => {
      const { name, offset, length } = entry;
      return this.b.weight({ file: file.source.name, name, offset, length }, as, dtype);
    };
    return this.b.reshape(
      this.b.dequantize(part(integers, [blocks, sizeOf(shape) / blocks], 'i8'), part(scales, [blocks], 'f32')),
      shape,
    );
  }

  #full(name: string): string {
    return this.#prefix ? `${this.#prefix}.${name}` : name;
  }
}

export interface ConvOptions {
  readonly stride?: number;
  readonly pads?: Pads;
  readonly bias?: boolean;
  /** Groups of channels that are convolved apart; as many as channels for a depthwise convolution. */
  readonly group?: number;
}

/** top, left, bottom, right */
export type Pads = readonly [number, number, number, number];

const FLOAT_DTYPES: { readonly [dtype: string]: DType | undefined } = { F32: 'f32', F16: 'f16', BF16: 'bf16' };
