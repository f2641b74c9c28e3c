/** Element types a graph value can have. */

/**
 * bf16 and i8 are types of weights in files only: nothing is computed in them, and programs neither take nor give bf16.
 * u8 is how a GPU holds i8, each integer 128 higher.
 */
export type DType = 'f32' | 'f16' | 'bf16' | 'i8' | 'u8' | 'i32' | 'i64' | 'bool';

export type TypedArrayOf<T extends DType> = {
  f32: Float32Array;
  /** Raw IEEE 754 binary16 bits; see half.ts. */
  f16: Uint16Array;
  /** The high words of f32. */
  bf16: Uint16Array;
  i8: Int8Array;
  u8: Uint8Array;
  i32: Int32Array;
  i64: BigInt64Array;
  bool: Uint8Array;
}[T];

export const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = {
  f32: 4,
  f16: 2,
  bf16: 2,
  i8: 1,
  u8: 1,
  i32: 4,
  i64: 8,
  bool: 1,
};

export function isFloat(dtype: DType): dtype is 'f32' | 'f16' {
  return dtype === 'f32' || dtype === 'f16';
}
