/** Shapes: lists of positive extents, row-major, with NumPy broadcasting. */

export type Shape = readonly number[];

/** Number of elements of a shape; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((n, d) => n * d, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

/** The NumPy broadcast of two shapes; throws a RangeError naming both when they do not broadcast. */
export function broadcastShapes(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const da = a[a.length - rank + i] ?? 1;
    const db = b[b.length - rank + i] ?? 1;
    if (da !== db && da !== 1 && db !== 1)
      throw new RangeError(`shapes ${showShape(a)} and ${showShape(b)} do not broadcast`);
    out[i] = da === 1 ? db : da;
  }
  return out;
}

/** Resolves a possibly negative axis into [0, rank); throws a RangeError outside it. */
export function normalizeAxis(axis: number, rank: number): number {
  const resolved = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || resolved < 0 || resolved >= rank) {
    throw new RangeError(`axis ${axis} is out of range for rank ${rank}`);
  }
  return resolved;
}

/** Axes resolved, checked to be distinct, in ascending order. */
export function normalizeAxes(axes: readonly number[], rank: number): number[] {
  const resolved = axes.map((axis) => normalizeAxis(axis, rank)).sort((p, q) => p - q);
  if (new Set(resolved).size !== resolved.length) throw new RangeError(`axes [${axes.join(', ')}] repeat`);
  return resolved;
}

export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}
