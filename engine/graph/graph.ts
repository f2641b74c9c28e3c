/** The graph: values with static types, made by inputs, weights, constants and nodes in topological order. */
import type { DType } from '../tensor/dtype';
import type { Shape } from '../tensor/shape';
import type { HostTensor } from '../tensor/tensor';
import type { Op } from './ops';

export interface ValueType {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Where a weight's bytes lie: a span of an unmodified .safetensors file. */
export interface WeightReference {
  /** Key of the file among those mounted when the graph is compiled. */
  readonly file: string;
  readonly name: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly length: number;
}

export type Source =
  | { readonly kind: 'input'; readonly name: string }
  | { readonly kind: 'weight'; readonly reference: WeightReference }
  | { readonly kind: 'constant'; readonly tensor: HostTensor }
  | { readonly kind: 'node'; readonly node: Node; readonly index: number };

export interface Value extends ValueType {
  readonly id: number;
  readonly source: Source;
}

export interface Node {
  readonly op: Op;
  readonly inputs: readonly Value[];
  /** Filled once, when the node is made. */
  readonly outputs: readonly Value[];
  /** When the node is computed, if the graph is cut into parts: no node takes a value of a later stage (partition.ts). */
  readonly stage: number;
}

export interface Graph {
  readonly inputs: ReadonlyMap<string, Value>;
  readonly nodes: readonly Node[];
  readonly outputs: ReadonlyMap<string, Value>;
}

/** A defect in the construction of a graph: names the operation and the value. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
}

/** How messages and printed graphs name a value. */
export function nameOf(value: Value): string {
  switch (value.source.kind) {
    case 'input':
      return value.source.name;
    case 'weight':
      return value.source.reference.name;
    case 'constant':
    case 'node':
      return `%${value.id}`;
  }
}
