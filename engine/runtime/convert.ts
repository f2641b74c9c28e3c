/** Tensors of ours as tensors of ONNX Runtime, and back. */
import type { Tensor, TensorConstructor } from 'onnxruntime-common';
import { BYTES_PER_ELEMENT, type DType, type TypedArrayOf } from '../tensor/dtype';
import { sizeOf } from '../tensor/shape';
import type { HostTensor } from '../tensor/tensor';
import type { ValueType } from '../graph/graph';

export const ORT_TYPE = {
  f32: 'float32',
  f16: 'float16',
  i8: 'int8',
  u8: 'uint8',
  i32: 'int32',
  i64: 'int64',
  bool: 'bool',
} as const satisfies Readonly<Record<Exclude<DType, 'bf16'>, Tensor.Type>>;

const DTYPES = new Map<Tensor.Type, DType>(Object.entries(ORT_TYPE).map(([dtype, type]) => [type, dtype as DType]));

/** Our type of a tensor of ONNX Runtime. */
export function typeOf(tensor: Tensor): ValueType {
  const dtype = DTYPES.get(tensor.type);
  if (!dtype) throw new Error(`ONNX Runtime made a ${tensor.type} tensor`);
  return { dtype, shape: tensor.dims };
}

/** Bytes of a tensor's elements. */
export function byteLength(type: ValueType): number {
  return sizeOf(type.shape) * BYTES_PER_ELEMENT[type.dtype];
}

/** A tensor in host memory over the same elements; not copied. */
export function toOrt(Tensor: TensorConstructor, tensor: HostTensor): Tensor {
  if (tensor.dtype === 'bf16') throw new Error('ONNX Runtime has no bf16 tensors outside a model');
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
  // Where JavaScript has Float16Array, ONNX Runtime uses it: the same bits.
  if (dtype === 'f16') return new Uint16Array(data.buffer, data.byteOffset, data.length).slice();
  return data.slice() as TypedArrayOf<DType>;
}
