/** Pairs on the command line: `--pair BEFORE AFTER`, up to five times. */
import { InputError } from '../../engine/errors';
import { applyShift, checkPair } from '../../engine/learn/pair-check';
import type { ImagePair, PairVerdict } from '../../engine/requests';
import { MOST_PAIRS } from '../../engine/restyle/pair-style-file';
import { loadImage } from './images';
import type { Io } from '../io';
import { orCancelled } from '../terminal/signals';

/** The two files of a pair. */
export interface PairPaths {
  readonly before: string;
  readonly after: string;
}

const OPTION = '--pair';
/** Between the two files; no argument of a process can hold it. */
const SEPARATOR = '\0';

/** The command line with the two files of every --pair as one value, which is all that an option can take. */
export function gatherPairs(argv: readonly string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    if (argv[i] === '--') return [...out, ...argv.slice(i)];
    if (argv[i] !== OPTION) {
      out.push(argv[i]!);
      continue;
    }
    const files = argv.slice(i + 1, i + 3);
    if (files.length < 2 || files.some((file) => file.startsWith('-'))) {
      throw new InputError(`${OPTION} takes two pictures: ${OPTION} BEFORE AFTER`);
    }
    out.push(`${OPTION}=${files.join(SEPARATOR)}`);
    i += 2;
  }
  return out;
}

/** Collects the values that gatherPairs made. */
export function pairOption(value: string, pairs: readonly PairPaths[] = []): readonly PairPaths[] {
  const [before, after] = value.split(SEPARATOR);
  if (!before || !after) throw new InputError(`${OPTION} takes two pictures: ${OPTION} BEFORE AFTER`);
  if (pairs.length === MOST_PAIRS) throw new InputError(`${OPTION} is given more than ${MOST_PAIRS} times; give fewer`);
  return [...pairs, { before, after }];
}

/**
 * Loads pairs and checks each; a picture that is off by a few pixels is moved into place.
 *
 * @throws InputError for a pair that is none, unless forced.
 */
export async function loadPairs(
  io: Io,
  paths: readonly PairPaths[],
  force = false,
): Promise<{ readonly pairs: readonly ImagePair[]; readonly verdicts: readonly PairVerdict[] }> {
  const pairs: ImagePair[] = [];
  const verdicts: PairVerdict[] = [];
  for (const path of paths) {
    const before = await orCancelled(loadImage(path.before, io.signal), io.signal);
    const after = await orCancelled(loadImage(path.after, io.signal), io.signal);
    const verdict = checkPair(before, after);
    if (!verdict.usable && !force) {
      throw new InputError(`${path.before} and ${path.after}: ${verdict.verdict} Or use it anyway with --force.`);
    }
    if (verdict.problems.length > 0) io.err(`note: ${verdict.verdict}\n`);
    pairs.push({ before, after: applyShift(after, verdict.shift, before.width) });
    verdicts.push(verdict);
  }
  return { pairs, verdicts };
}
