/** Small dense linear systems. */

/**
 * X of A X = B by Gauss-Jordan elimination without pivoting, which a positive definite A allows.
 *
 * @param a n rows of n numbers.
 * @param b n rows of m numbers. Both are left as they are.
 * @returns n rows of m numbers.
 */
export function solvePositiveDefinite(
  a: readonly (readonly number[])[],
  b: readonly (readonly number[])[],
): number[][] {
  const rows = a.map((row, i) => [...row, ...b[i]!]);
  const n = a.length;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      if (j === i) continue;
      const factor = rows[j]![i]! / rows[i]![i]!;
      for (let k = i; k < rows[j]!.length; k++) rows[j]![k]! -= factor * rows[i]![k]!;
    }
  }
  return rows.map((row, i) => row.slice(n).map((value) => value / row[i]!));
}
