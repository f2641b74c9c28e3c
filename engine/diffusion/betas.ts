/**
 * The noise schedule's arithmetic, rounded where diffusers rounds: it keeps betas and their cumulative product in
 * float32, and a timestep's noise level should be the one the model was trained and published with.
 */

const round32 = Math.fround;

export type BetaSchedule = 'linear' | 'scaled_linear' | 'squaredcos_cap_v2';

/**
 * Betas of a named schedule.
 *
 * - linear: from `start` to `end` in equal steps (Ho et al., arXiv 2006.11239).
 * - scaled_linear: the same for their square roots (Rombach et al., arXiv 2112.10752).
 * - squaredcos_cap_v2: the cosine schedule, each beta at most 0.999 (Nichol and Dhariwal, arXiv 2102.09672);
 *   `start` and `end` are unused.
 *
 * @returns `count` numbers in (0, 1), each a float32 value.
 */
export function betasOf(schedule: BetaSchedule, start: number, end: number, count: number): Float64Array {
  switch (schedule) {
    case 'linear':
      return linspace32(start, end, count);
    case 'scaled_linear':
      return linspace32(Math.sqrt(start), Math.sqrt(end), count).map((root) => round32(root * root));
    case 'squaredcos_cap_v2': {
      const alphaBar = (t: number): number => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2;
      return Float64Array.from({ length: count }, (_, i) =>
        round32(Math.min(1 - alphaBar((i + 1) / count) / alphaBar(i / count), 0.999)),
      );
    }
  }
}

/** The running product of 1 - beta: the share of an image's variance that is still there after each timestep. */
export function cumulativeAlphas(betas: Float64Array): Float64Array {
  let product = 1;
  return betas.map((beta) => {
    product *= round32(1 - beta);
    return round32(product);
  });
}

/**
 * Betas whose last step leaves pure noise (Lin et al., arXiv 2305.08891, algorithm 1): the square roots of the
 * cumulative alphas are shifted so that the last is 0 and scaled so that the first stays.
 */
export function rescaleToZeroTerminalSnr(betas: Float64Array): Float64Array {
  const roots = cumulativeAlphas(betas).map((alpha) => round32(Math.sqrt(alpha)));
  const first = roots[0]!;
  const last = roots.at(-1)!;
  const scale = round32(first / round32(first - last));
  const products = roots.map((root) => {
    const shifted = round32(round32(root - last) * scale);
    return round32(shifted * shifted);
  });
  return products.map((product, i) => round32(1 - (i === 0 ? product : round32(product / products[i - 1]!))));
}

/** torch.linspace in float32: from both ends towards the middle, each number rounded once. */
function linspace32(start: number, end: number, count: number): Float64Array {
  const [first, last] = [round32(start), round32(end)];
  if (count === 1) return Float64Array.of(first);
  const step = round32(round32(last - first) / (count - 1));
  return Float64Array.from({ length: count }, (_, i) =>
    round32(i < count / 2 ? first + step * i : last - step * (count - 1 - i)),
  );
}
