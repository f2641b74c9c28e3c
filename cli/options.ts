/** Values of command line options, checked as they are read: one line says what is wrong and what is right. */
import { InputError } from '../engine/errors';

/** A parser for a whole number from min to max. */
export function wholeNumber(option: string, min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InputError(`${option} ${text}: use a whole number from ${min} to ${max}`);
  };
}

/** A parser for a number from min to max, or, where `above`, above min. */
export function number(option: string, min: number, max: number, above = false): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && (above ? value > min : value >= min) && value <= max) return value;
    throw new InputError(
      `${option} ${text}: use a number ${above ? 'above' : 'from'} ${min}${above ? ', at most' : ' to'} ${max}`,
    );
  };
}

/** Characters of a prompt: text encoders read a few hundred, and ONNX Runtime crashes on command lines of 30,000. */
const LONGEST_PROMPT = 10_000;

export function promptOption(text: string): string {
  if (text.length <= LONGEST_PROMPT) return text;
  throw new InputError(`--prompt: it has ${text.length} characters; use at most ${LONGEST_PROMPT}`);
}

/** A parser for one of a few words. */
export function oneOf<T extends string>(option: string, words: readonly T[]): (text: string) => T {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found) return found;
    throw new InputError(`${option} ${text}: use one of ${words.join(', ')}`);
  };
}

/** Strengths as the engine takes them (engine/diffusion/guidance.ts). */
export const STRENGTH_RANGE = { min: -4, max: 4 } as const;

/** "0.5,1" as numbers. */
export function strengths(text: string): readonly number[] {
  return text.split(',').map(number('--strength', STRENGTH_RANGE.min, STRENGTH_RANGE.max));
}

/** One strength per style: a single one holds for all. Without any, each style acts as learned. */
export function strengthPerStyle(given: readonly number[] | undefined, styles: number): readonly number[] {
  if (!given) return new Array<number>(styles).fill(1);
  if (given.length === 1) return new Array<number>(styles).fill(given[0]!);
  if (given.length === styles) return given;
  const named = styles === 1 ? 'one style' : `${styles} styles`;
  throw new InputError(
    `--strength gives ${given.length} strengths for ${named}; give one for each style, or one for all`,
  );
}

/** The object without its undefined entries: options that were not given leave the engine's defaults standing. */
export function given<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** A batch's name becomes part of file names and of keys in a queue. */
export function batchNameOption(text: string): string {
  if (/^[A-Za-z0-9][\w.-]{0,63}$/.test(text)) return text;
  throw new InputError(
    `--name ${text}: use a letter or digit, then up to 63 letters, digits, dots, hyphens or underscores`,
  );
}
