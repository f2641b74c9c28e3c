/** Small dense linear systems, and regression by them. */

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

/** Weighted ridge regression of a number on features, of which an observation has few: it is told those, then the number. */
export class RidgeRegression {
  readonly #normal: number[][];
  readonly #right: number[][];
  readonly #features: number[] = [];
  readonly #values: number[] = [];
  #count = 0;

  constructor(size: number) {
    this.#normal = Array.from({ length: size }, () => new Array<number>(size).fill(0));
    this.#right = Array.from({ length: size }, () => [0]);
  }

  /** A feature of the next observation. */
  feature(feature: number, value: number): void {
    this.#features[this.#count] = feature;
    this.#values[this.#count++] = value;
  }

  /** Of the features told since the last. */
  observe(target: number, weight: number): void {
    for (let p = 0; p < this.#count; p++) {
      const value = weight * this.#values[p]!;
      const row = this.#normal[this.#features[p]!]!;
      for (let q = 0; q < this.#count; q++) row[this.#features[q]!]! += value * this.#values[q]!;
      this.#right[this.#features[p]!]![0]! += value * target;
    }
    this.#count = 0;
  }

  /** Pulls the weights of two features together. */
  tie(p: number, q: number, weight: number): void {
    this.feature(p, 1);
    this.feature(q, -1);
    this.observe(0, weight);
  }

  /** One weight per feature. @param ridge how hard the weight of a feature is pulled towards 0; above 0 for one never observed. */
  solve(ridge: (feature: number) => number): number[] {
    const normal = this.#normal.map((row, p) => row.map((value, q) => (p === q ? value + ridge(p) : value)));
    return solvePositiveDefinite(normal, this.#right).flat();
  }
}
