/** Tensors of ours as tensors of ONNX Runtime, and back. */
import type { Tensor, TensorConstructor } from 'onnxruntime-common';
import { BYTES_PER_ELEMENT, type DType, type TypedArrayOf } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import type { HostTensor } from '../tensor/tensor';
import type { ValueType } from '../graph/graph';

export const ORT_TYPE = {
  f32: 'float32',
  f16: 'float16',
  i32: 'int32',
  i64: 'int64',
  bool: 'bool',
} as const satisfies Readonly<Record<DType, Tensor.Type>>;

/** Bytes of a tensor's elements. */
export function byteLength(type: ValueType): number {
  return sizeOf(type.shape) * BYTES_PER_ELEMENT[type.dtype];
}

/** A tensor in host memory over the same elements; not copied. */
export function toOrt(Tensor: TensorConstructor, tensor: HostTensor): Tensor {
  // The constructor is overloaded by type; each pair in ORT_TYPE agrees with one overload.
  const construct = Tensor as new (type: Tensor.Type, data: Tensor.DataType, dims: readonly number[]) => Tensor;
  return new construct(ORT_TYPE[tensor.dtype], tensor.data, tensor.shape);
}

/** A host tensor with elements of its own. */
export function toHost(type: ValueType, data: Tensor.DataType): HostTensor {
  return { dtype: type.dtype, shape: type.shape, data: copyElements(type.dtype, data) };
}

export function copyElements(dtype: DType, data: Tensor.DataType): TypedArrayOf<DType> {
  if (Array.isArray(data)) throw new Error('ONNX Runtime returned strings');
  if (dtype !== 'f16') return data.slice() as TypedArrayOf<DType>;
  // Where the browser has Float16Array, ONNX Runtime returns one: the same bits.
  return new Uint16Array(data.buffer as ArrayBuffer, data.byteOffset, data.length).slice();
}
