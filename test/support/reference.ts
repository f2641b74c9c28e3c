/** Tensors as plain functions of an index: references that share no code with the engine. */
import type { HostTensor } from '../../engine/tensor/tensor';

type Shape = readonly number[];
type Index = readonly number[];

const count = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);

/** Every index of a shape in row-major order. */
export function indices(shape: Shape): number[][] {
  return Array.from({ length: count(shape) }, (_, flat) => {
    const index: number[] = [];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index.unshift(flat % shape[axis]!);
      flat = Math.floor(flat / shape[axis]!);
    }
    return index;
  });
}

/** The f32 tensor whose element at each index is f(index). */
export function tensor(shape: Shape, f: (index: number[]) => number): HostTensor<'f32'> {
  return { dtype: 'f32', shape, data: Float32Array.from(indices(shape), f) };
}

/** Distinct, sign-changing values in (-1, 1), without a generator to trust. */
export function wave(shape: Shape, phase = 0): HostTensor<'f32'> {
  let i = 0;
  return tensor(shape, () => Math.sin(1 + phase + 1.7 * i++));
}

/** The element at an index; an axis of extent 1 answers for every position, and missing leading axes are ignored. */
export function at(t: HostTensor, index: Index): number {
  const own = index.slice(index.length - t.shape.length);
  const flat = t.shape.reduce((sum, extent, axis) => sum * extent + (extent === 1 ? 0 : own[axis]!), 0);
  return Number(t.data[flat]);
}

/** Like `at`, but 0 outside the tensor. */
export function atOrZero(t: HostTensor, index: Index): number {
  return index.every((i, axis) => i >= 0 && i < t.shape[axis]!) ? at(t, index) : 0;
}

/** Fails unless shapes agree and every element is within `tolerance`, absolute below 1 and relative above. */
export function expectClose(got: HostTensor | undefined, want: HostTensor, tolerance = 2e-6): void {
  expect(got?.shape).toEqual(want.shape);
  const worst = { error: 0, index: -1, got: 0, want: 0 };
  for (let i = 0; i < want.data.length; i++) {
    const [a, b] = [Number(got!.data[i]), Number(want.data[i])];
    const error = Math.abs(a - b) / Math.max(1, Math.abs(b));
    if (!(error <= worst.error)) Object.assign(worst, { error, index: i, got: a, want: b });
  }
  if (!(worst.error <= tolerance)) {
    throw new Error(`element ${worst.index} is ${worst.got}, not ${worst.want}: off by ${worst.error}`);
  }
}
