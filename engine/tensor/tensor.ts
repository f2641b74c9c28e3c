/** A dense row-major tensor in host memory. */
import type { DType, TypedArrayOf } from './dtype';
import { sizeOf, showShape, type Shape } from './shape';

export interface HostTensor<T extends DType = DType> {
  readonly dtype: T;
  readonly shape: Shape;
  readonly data: TypedArrayOf<T>;
}

/** Wraps data as an f32 tensor; throws a RangeError when the length is not the shape's size. */
export function f32(data: Float32Array | readonly number[], shape: Shape): HostTensor<'f32'> {
  const array = data instanceof Float32Array ? data : Float32Array.from(data);
  if (array.length !== sizeOf(shape)) {
    throw new RangeError(`${array.length} numbers do not fill shape ${showShape(shape)}`);
  }
  return { dtype: 'f32', shape, data: array };
}

/** Wraps token ids or indices as an i64 tensor. */
export function i64(data: readonly number[], shape: Shape): HostTensor<'i64'> {
  if (data.length !== sizeOf(shape))
    throw new RangeError(`${data.length} numbers do not fill shape ${showShape(shape)}`);
  return { dtype: 'i64', shape, data: BigInt64Array.from(data, BigInt) };
}

export function zeros(shape: Shape): HostTensor<'f32'> {
  return { dtype: 'f32', shape, data: new Float32Array(sizeOf(shape)) };
}
