/** Prompts longer than the text encoder reads: what is cut is said, and never the words that name a style. */
import { InputError } from '../errors';
import type { PromptTokenizer } from '../nets/tokenizer';

export interface FittedPrompt {
  /** The longest beginning of the prompt, in whole words, that fits before the suffix. */
  readonly prompt: string;
  /** What was cut off; empty when all of it fits. */
  readonly cut: string;
}

/**
 * A prompt to which a suffix will be added, so that both fit the tokenizer. Words become tokens independently of each
 * other, so that their number grows with the words taken.
 *
 * @throws InputError when the suffix alone does not fit.
 */
export function fitPrompt(tokenizer: PromptTokenizer, prompt: string, suffix = ''): FittedPrompt {
  const room = tokenizer.maxLength - 2 - tokenizer.count(suffix);
  if (room < 0) {
    throw new InputError(
      `the style's name is longer than the text encoder reads (${tokenizer.maxLength - 2} tokens); give it a shorter one`,
    );
  }
  if (tokenizer.count(prompt) <= room) return { prompt, cut: '' };
  const ends = [0, ...Array.from(prompt.matchAll(/\S+/g), ({ index, 0: word }) => index + word.length)];
  let [fits, fails] = [0, ends.length - 1];
  while (fails - fits > 1) {
    const middle = (fits + fails) >> 1;
    if (tokenizer.count(prompt.slice(0, ends[middle])) <= room) fits = middle;
    else fails = middle;
  }
  return { prompt: prompt.slice(0, ends[fits]), cut: prompt.slice(ends[fits]).trim() };
}

/** One line on what was cut off a prompt. */
export function cutWarning({ maxLength }: PromptTokenizer, cut: string): string {
  const shown = cut.length > 80 ? `${cut.slice(0, 79)}…` : cut;
  return `the prompt is longer than the text encoder reads (${maxLength - 2} tokens); left out: “${shown}”`;
}
