/** Style files that hold their pairs, which another kind of model reads. */
import { InputError } from '../../engine/errors';
import type { Io } from '../io';
import { PAIR_MODEL, pairModelOf } from './models';
import { pairFingerprint } from './style-files';

/** Options that mean nothing to a model that makes a picture in one evaluation, without a prompt. */
const IDLE = ['guide', 'prompt', 'steps', 'start', 'size', 'seed'] as const;

/** What such a model has no use for, as a command may have been given it. */
export type IdleOptions = { readonly [Name in (typeof IDLE)[number]]?: unknown };

/** Throws an InputError for an option that means nothing with `what`. */
export function refuseIdle(options: IdleOptions, what: string): void {
  const idle = IDLE.find((name) => options[name] !== undefined);
  if (idle) throw new InputError(`--${idle} has no meaning with ${what}; leave it out`);
}

/**
 * The model for styles that hold their pairs, as --model takes it: the bundled one they were made for, or the newest.
 * Undefined for learned styles. Throws an InputError for styles of different models and for options that they cannot use.
 */
export async function modelOfPairStyles(
  io: Pick<Io, 'root'>,
  styles: readonly { readonly name: string; readonly file: Uint8Array }[],
  options: IdleOptions,
): Promise<string | undefined> {
  const prints: (string | undefined)[] = [];
  for (const { name, file } of styles) prints.push(await pairFingerprint(name, file));
  const [first] = prints;
  if (prints.every((print) => print === undefined)) return undefined;
  if (prints.some((print) => print !== first)) {
    throw new InputError(
      `${styles.map(({ name }) => name).join(', ')}: are for different base models; apply them one after another`,
    );
  }
  refuseIdle(options, 'a style that holds its pair');
  return (await pairModelOf(io.root, first!)) ?? PAIR_MODEL;
}
